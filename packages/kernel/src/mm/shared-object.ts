/**
 * Shared anonymous memory (MAP_SHARED | MAP_ANONYMOUS, System V segments): frames by page index,
 * shared by every address space that maps the object.
 *
 * Owns: one reference on each of its frames.
 */
import { IdCounter, Errno, PAGE_SIZE, type FramePool } from '@troupe/abi';
import type { Mappable, PageMapper } from '@troupe/vfs';
import type { MappedFile } from './mappable.js';

const inos = new IdCounter('shared memory');

export class SharedObject implements Mappable, MappedFile {
  readonly mappers = new Set<PageMapper>();
  readonly frames = new Map<number, number>();
  readonly ino = inos.take();
  private _refs = 0;

  constructor(
    readonly pool: FramePool,
    readonly sizeBytes: number,
    readonly path = '/dev/zero (deleted)',
    readonly dev = 1,
  ) {}

  get pages(): Mappable {
    return this;
  }

  getPage(index: number, _forWrite: boolean): number {
    const present = this.frames.get(index);
    if (present !== undefined) return present;
    if (index * PAGE_SIZE >= this.sizeBytes) return -Errno.ENXIO;
    const frame = this.pool.alloc();
    if (frame === 0) return -Errno.ENOMEM;
    this.frames.set(index, frame);
    return frame;
  }

  peekPage(index: number): number {
    return this.frames.get(index) ?? 0;
  }

  /** Frees pages [first, end) (MADV_REMOVE). */
  punch(first: number, end: number): void {
    for (const mapper of [...this.mappers]) mapper.unmapPages(this, first, end);
    for (const [index, frame] of this.frames) if (index >= first && index < end) this._free(index, frame);
  }

  private _free(index: number, frame: number): void {
    this.frames.delete(index);
    this.pool.decRef(frame);
  }

  incRef(): void {
    this._refs++;
  }

  decRef(): void {
    if (--this._refs === 0) for (const [index, frame] of this.frames) this._free(index, frame);
  }

  sync(): number {
    return 0;
  }
}
