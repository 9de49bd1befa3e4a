/**
 * Pages of an image that come into memory when they are needed: the first touch of new memory is most of what
 * loading costs (docs/adr/0026). Their checksums were right when the image was read, and are looked at again.
 *
 *   Owns:   which frames are absent, and where their contents are
 *   Order:  a frame leaves the set when its contents are in memory, or when it is free. Nobody maps, reads or writes
 *           an absent frame: who takes a frame out of a page table or a page cache asks FramePool.bring first.
 */
import { crc32 } from 'node:zlib';
import { PAGE_SIZE, type AbsentFrames, type SharedMemory } from '@troupe/abi';
import type { ReadAgain } from '@troupe/state';

/** Pages that come together: first touches are dear, so few come that nobody asked for. */
export const RUN_PAGES = 4;
/** Runs that come along at most while they are asked for in order. */
const MAX_AHEAD_RUNS = 8;

/** Pages whose contents lie together. */
export interface PageRun {
  readonly again: ReadAgain;
  readonly offBytes: number;
  /** Numbers of their frames. */
  readonly frames: readonly number[];
  /** CRC-32 of what comes before the contents, and of that with them; absent: they cannot have changed. */
  readonly crcs?: readonly [before: number, after: number];
}

/** Runs of pages whose contents begin at `offBytes`. `crcs`: running CRCs, up to the first run, up to the second one … */
export function runsOf(again: ReadAgain, offBytes: number, frames: readonly number[], crcs?: readonly number[]): PageRun[] {
  return Array.from({ length: Math.ceil(frames.length / RUN_PAGES) }, (_, index) => ({
    again, offBytes: offBytes + index * RUN_PAGES * PAGE_SIZE, frames: frames.slice(index * RUN_PAGES, (index + 1) * RUN_PAGES),
    ...(crcs === undefined ? {} : { crcs: [crcs[index]!, crcs[index + 1]!] as const }),
  }));
}

/** Takes the contents of a frame, by number; they are valid during the call. */
export type PutPage = (frame: number, contents: Uint8Array) => void;

export class AbsentPages implements AbsentFrames {
  private readonly _runs: PageRun[] = [];
  /** By frame number: 1 + index of its run, 0 = not absent. */
  private _runOf = new Uint32Array();
  private readonly _lostRuns = new Set<number>();
  private readonly _buffer = new Uint8Array(RUN_PAGES * PAGE_SIZE);
  /** Runs before this one have been brought by `bringNext`. */
  private _next = 0;
  private _count = 0;
  /** The run that is asked for next when they come in order, and how many came along the last time. */
  private _expected = -1;
  private _aheadRuns = 0;

  /** Told when contents turn out to be lost, once. */
  onLost: (() => void) | null = null;

  constructor(readonly shared: SharedMemory) {}

  /** Absent frames, lost ones among them. */
  get count(): number {
    return this._count;
  }

  /** Frame numbers are below `end`. */
  reach(end: number): void {
    if (end <= this._runOf.length) return;
    const longer = new Uint32Array(end);
    longer.set(this._runOf);
    this._runOf = longer;
  }

  /** These frames are absent from now on; what was known of their contents before is void. */
  add(run: PageRun): void {
    const mark = this._runs.push(run);
    for (const frame of run.frames) {
      if (this._runOf[frame] === 0) this._count++;
      this._runOf[frame] = mark;
    }
  }

  isAbsent(frame: number): boolean {
    return this._markOf(frame) !== 0;
  }

  private _markOf(frame: number): number {
    return this._runOf[frame / PAGE_SIZE] ?? 0;
  }

  forget(frame: number): void {
    if (this._markOf(frame) === 0) return;
    this._runOf[frame / PAGE_SIZE] = 0;
    this._count--;
  }

  /** Frames that are not in `used` are free. */
  keepOnly(used: (frame: number) => boolean): void {
    for (const { frames } of this._runs) for (const frame of frames) if (!used(frame)) this.forget(frame * PAGE_SIZE);
  }

  bring(frame: number): boolean {
    const mark = this._markOf(frame);
    if (mark === 0) return true;
    const isHere = this._takeRun(mark - 1, this._put);
    this._readAhead(mark - 1);
    return isHere;
  }

  private _readAhead(index: number): void {
    this._aheadRuns = index === this._expected ? Math.min(Math.max(1, this._aheadRuns * 2), MAX_AHEAD_RUNS) : 0;
    const end = Math.min(index + 1 + this._aheadRuns, this._runs.length);
    for (let next = index + 1; next < end; next++) this._takeRun(next, this._put);
    this._expected = end;
  }

  /** The next run in the order of the image; false when there is none. */
  bringNext(): boolean {
    if (this._next === this._runs.length) return false;
    this._takeRun(this._next++, this._put);
    return true;
  }

  bringAll(): number {
    while (this.bringNext());
    return this._count;
  }

  /** Gives all contents to `put`, frame by frame; the number of frames whose contents are lost. */
  takeAll(put: PutPage): number {
    this._runs.forEach((_, index) => this._takeRun(index, put));
    return this._count;
  }

  private readonly _put: PutPage = (frame, contents) => this.shared.u8.set(contents, frame * PAGE_SIZE);

  /** Puts the run's pages that are still absent where they belong, all or none. */
  private _takeRun(index: number, put: PutPage): boolean {
    const { again, offBytes, frames, crcs } = this._runs[index]!;
    const isWanted = (frame: number): boolean => this._runOf[frame] === index + 1;
    if (!frames.some(isWanted)) return true;
    if (this._lostRuns.has(index)) return false;
    const contents = this._buffer.subarray(0, frames.length * PAGE_SIZE);
    if (!again(offBytes, contents) || (crcs !== undefined && crc32(contents, crcs[0]) !== crcs[1])) {
      this._lose(index);
      return false;
    }
    frames.forEach((frame, at) => {
      if (isWanted(frame)) put(frame, contents.subarray(at * PAGE_SIZE, (at + 1) * PAGE_SIZE));
    });
    for (const frame of frames) if (isWanted(frame)) this.forget(frame * PAGE_SIZE);
    return true;
  }

  private _lose(index: number): void {
    this._lostRuns.add(index);
    if (this._lostRuns.size === 1) this.onLost?.();
  }
}
