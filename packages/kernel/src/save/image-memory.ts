/** The memory of a kernel that is being loaded: takes the pages of images, in order. Those that can be read again stay absent. */
import { PAGE_SIZE, zeroMemory, type SharedMemory } from '@troupe/abi';
import { ChunkType, ImageError, type Chunk, type ReadAgain } from '@troupe/state';
import { AbsentPages, RUN_PAGES, runsOf, type PutPage } from './absent-pages.js';

export class ImageMemory {
  readonly absent: AbsentPages;
  /** By frame number: 1 = in use. */
  private _used = new Uint8Array();
  /** Frames that were written. */
  private readonly _written = new Set<number>();

  constructor(readonly shared: SharedMemory) {
    this.absent = new AbsentPages(shared);
  }

  /** An image begins. `frames`: as FramePool.restore takes them. */
  begin(frames: Uint32Array): void {
    const end = frames.length === 0 ? 0 : frames[frames.length - 2]! + 1;
    this._used = new Uint8Array(end);
    for (let at = 0; at < frames.length; at += 2) this._used[frames[at]!] = 1;
    this.absent.reach(end);
  }

  /** Takes a PAGES chunk. Throws ImageError. */
  takePages({ bytes, offBytes, crcs, isDeflated }: Chunk, again: ReadAgain | undefined): void {
    const frames = this._numbers(bytes);
    const head = headBytes(frames.length);
    if (again !== undefined && !isDeflated) for (const run of runsOf(again, offBytes + head, frames, crcs)) this.absent.add(run);
    else frames.forEach((frame, index) => this._write(frame, bytes.subarray(head + index * PAGE_SIZE, head + (index + 1) * PAGE_SIZE)));
  }

  /** Numbers of the frames in a PAGES chunk, checked. Throws ImageError. */
  private _numbers(bytes: Buffer): number[] {
    const count = pageCount(bytes);
    if (count < 0) throw new ImageError('damaged', 'wrong length', 'pages');
    return Array.from({ length: count }, (_, index) => {
      const frame = bytes.readUInt32LE(headBytes(index));
      if (this._used[frame] !== 1) throw new ImageError('damaged', `frame ${frame} is not in use`, 'pages');
      return frame;
    });
  }

  private _write(frame: number, contents: Uint8Array): void {
    this.absent.forget(frame * PAGE_SIZE);
    this._written.add(frame);
    this.shared.u8.set(contents, frame * PAGE_SIZE);
  }

  /** Frames that must be there before the kernel is. Throws ImageError. */
  bring(frames: readonly number[]): void {
    for (const frame of frames) if (!this.absent.bring(frame)) throw new ImageError('damaged', 'cannot be read any more', `frame ${frame / PAGE_SIZE}`);
  }

  /** Gives the contents of all frames in use to `put`; afterwards none is absent. Throws ImageError. */
  takeAll(put: PutPage): void {
    for (const frame of this._written) if (this._used[frame] === 1 && !this.absent.isAbsent(frame * PAGE_SIZE)) put(frame, this.shared.u8.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE));
    if (this.absent.takeAll(put) > 0) throw new ImageError('damaged', 'pages cannot be read any more', 'image');
  }

  /** Frames whose contents came, and are in use. */
  get contentPages(): number {
    let count = this.absent.count;
    for (const frame of this._written) if (this._used[frame] === 1 && !this.absent.isAbsent(frame * PAGE_SIZE)) count++;
    return count;
  }

  /** No more images come: memory that is not in use is zero until it is used. */
  finish(): void {
    const isUsed = (frame: number): boolean => this._used[frame] === 1;
    this.absent.keepOnly(isUsed);
    for (const frame of this._written) if (!isUsed(frame)) zeroMemory(this.shared, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  }
}

/** Bytes of a PAGES chunk before the contents. */
const headBytes = (pages: number): number => 4 + pages * 4;

/** Pages in a chunk, or -1 when it has not the length for them. */
function pageCount(bytes: Buffer): number {
  const count = bytes.length >= 4 ? bytes.readUInt32LE(0) : -1;
  return bytes.length === headBytes(count) + count * PAGE_SIZE ? count : -1;
}

/** Where the runs of a PAGES chunk begin. */
export function runCuts(type: string, stored: Buffer): number[] {
  const count = type === ChunkType.PAGES ? pageCount(stored) : 0;
  return Array.from({ length: Math.ceil(Math.max(0, count) / RUN_PAGES) }, (_, index) => headBytes(count) + index * RUN_PAGES * PAGE_SIZE);
}
