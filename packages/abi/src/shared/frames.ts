/**
 * Frame allocator of the shared memory, usable from any thread.
 *
 * Frames from `arenaStart` on are handed out where the kernel wants them (`claim`); they are on no list, free are those
 * without references.
 *
 * Owns:   frameLock frameBump frameFree framesInUse freeChunks of KernelHeader, and the FRAME_REFS words.
 * Order:  every change of the free list or the bump pointer happens under frameLock.
 *         Reference counts change with Atomics without the lock; the thread that drops the last reference frees. A frame
 *         in its place has the count 0 only once it is free: cores look for that (`takeMany`).
 *
 * A frame is named by its linear byte address (multiple of 4096, never 0). FRAME_REFS has its reference count while it is
 * in use, 0 when it never was, and when it is free -1 less the number of the next free one: links in the frames themselves
 * would bring a line of each into the cache of the thread that frees.
 */
import { headerWord } from '../layout/header.js';
import { FLAT_SET_BYTES, FRAME_REFS, HEAP_START, MAX_FRAMES, PAGE_SHIFT, PAGE_SIZE } from '../layout/memory-map.js';
import { zeroMemory, type SharedMemory } from './shared-memory.js';
import { lockWord, unlockWord } from './spin-lock.js';

const LOCK = headerWord('frameLock');
const BUMP = headerWord('frameBump');
const FREE = headerWord('frameFree');
const LIMIT = headerWord('frameLimit');
const IN_USE = headerWord('framesInUse');
const CAP = headerWord('frameCap');
const REFS = FRAME_REFS >> 2;
const FREE_CHUNKS = headerWord('freeChunks');
/** Freed chunks of fewer frames are for every thread: decoded code is made by cores and dropped by the kernel. */
export const SHARED_CHUNK_SIZES = 16;
/** Of large memories the rest is for frames in places that are asked for; chunks and other frames begin at the start. */
const ARENAS_FROM_PART = 1 / 2;
const MIN_FRAMES_WITH_ARENAS = 2 ** 18;
const FRAMES_FOR_CHUNKS = 2 ** 16;
/** Reference count of a frame between its last reference and the free list, while its decoded code goes. */
const BEING_FREED = -1;
/** Size of a set of flat tables: what most of the large gaps between frames in use were. */
const GAP_CHUNK_FRAMES = FLAT_SET_BYTES >> PAGE_SHIFT;

/** Frames in use whose contents are still elsewhere: in an image. Until `bring` nobody may read or write them. Kernel thread only. */
export interface AbsentFrames {
  isAbsent(frame: number): boolean;
  /** Puts the contents where they belong; false when they are lost. */
  bring(frame: number): boolean;
  /** Brings all; the number of frames whose contents are lost. */
  bringAll(): number;
  /** The frame is free: what it held does not matter any more. */
  forget(frame: number): void;
}

export class FramePool {
  /** Large free chunks by size in frames, of this thread (only the freeing thread reuses them). */
  private readonly _chunks = new Map<number, number[]>();
  /** The last chunk taken had never been handed out. */
  private _isFresh = false;

  /** Told before a frame goes back to the free list (kernel thread: its decoded code must go first). */
  onFree: ((frame: number) => void) | null = null;
  /** Told before the kernel writes to a frame that guests may have mapped (file write into the page cache). */
  onWrite: ((frame: number) => void) | null = null;

  /** Frames to be brought before they are used; null = all are here. */
  absent: AbsentFrames | null = null;

  /** Number of the first frame that is handed out where it is asked for. */
  readonly arenaStart: number;
  /** What lies from here to arenaStart is for chunks, as long as there are other frames. */
  private readonly _chunksFrom: number;
  /** Where the last search for a free frame among those in places ended. */
  private _spare: number;

  /** Precondition: the memory is initialised. */
  constructor(readonly shared: SharedMemory) {
    const total = shared.i32[LIMIT]!;
    this.arenaStart = total < MIN_FRAMES_WITH_ARENAS ? total : Math.floor(total * ARENAS_FROM_PART);
    this._spare = total;
    this._chunksFrom = this.arenaStart === total ? total : this.arenaStart - FRAMES_FOR_CHUNKS;
  }

  /** Number of the frame behind the last one. */
  get endFrame(): number {
    return this.shared.i32[LIMIT]!;
  }

  isAbsent(frame: number): boolean {
    return this.absent !== null && this.absent.isAbsent(frame);
  }

  /** Before the kernel or a guest reads or writes a frame that may be absent; false when its contents are lost. */
  bring(frame: number): boolean {
    return this.absent === null || this.absent.bring(frame);
  }

  /** Called once by the kernel thread before any core starts. `limitBytes` bounds the frames in use; chunks come on top. */
  static initialise(shared: SharedMemory, limitBytes: number): FramePool {
    const total = Math.min(MAX_FRAMES, Math.floor(shared.buffer.byteLength / PAGE_SIZE));
    shared.i32[BUMP] = HEAP_START >> PAGE_SHIFT;
    shared.i32[FREE] = 0;
    shared.i32[LIMIT] = total;
    shared.i32[CAP] = Math.min(total, Math.floor(limitBytes / PAGE_SIZE));
    shared.i32[IN_USE] = 0;
    return new FramePool(shared);
  }

  /**
   * A pool for memory that came with an image: `frames` are in use, as pairs of frame number (rising) and reference
   * count. Preconditions: as for `initialise`. Throws RangeError when they do not fit.
   */
  static restore(shared: SharedMemory, limitBytes: number, frames: Uint32Array): FramePool {
    const pool = FramePool.initialise(shared, limitBytes);
    const { i32 } = shared;
    const count = frames.length / 2;
    const end = count === 0 ? i32[BUMP]! : frames[frames.length - 2]! + 1;
    let bumpEnd = i32[BUMP]!;
    if (end > i32[LIMIT]! || count > i32[CAP]!) throw new RangeError(`${count} frames up to number ${end} do not fit in ${limitBytes} bytes`);
    let next = i32[BUMP]!;
    for (let at = 0; at < frames.length; at += 2) {
      const frame = frames[at]!;
      if (frame < next) throw new RangeError(`frame ${frame} cannot follow ${next}`);
      i32[REFS + frame] = frames[at + 1]!;
      if (frame < pool.arenaStart) {
        pool._giveGap(next, frame);
        bumpEnd = frame + 1;
      }
      next = frame + 1;
    }
    i32[BUMP] = bumpEnd;
    i32[IN_USE] = count;
    return pool;
  }

  /** Frames [from, to) are free. */
  private _giveGap(from: number, to: number): void {
    const { i32 } = this.shared;
    let first = from;
    for (; to - first >= GAP_CHUNK_FRAMES; first += GAP_CHUNK_FRAMES) this.freeChunk(first * PAGE_SIZE, GAP_CHUNK_FRAMES * PAGE_SIZE);
    for (let frame = to - 1; frame >= first; frame--) {
      i32[REFS + frame] = -1 - i32[FREE]!;
      i32[FREE] = frame;
    }
  }

  /** Frames in use with their reference counts, as `restore` takes them. Preconditions: nobody allocates or frees meanwhile. */
  usedFrames(): Uint32Array {
    const { i32 } = this.shared;
    const used: number[] = [];
    const note = (from: number, end: number): void => {
      for (let frame = from; frame < end; frame++) if (i32[REFS + frame]! > 0) used.push(frame, i32[REFS + frame]!);
    };
    note(HEAP_START >> PAGE_SHIFT, i32[BUMP]!);
    note(this.arenaStart, this.endFrame);
    return Uint32Array.from(used);
  }

  /** A zeroed frame with reference count 1, or 0 when memory is exhausted. */
  alloc(): number {
    const frame = this._takeOrReclaim();
    if (frame === 0) return 0;
    zeroMemory(this.shared, frame, frame + PAGE_SIZE);
    return frame;
  }

  /** Like alloc, but the contents are undefined (the caller overwrites all 4096 bytes). */
  allocUnzeroed(): number {
    return this._takeOrReclaim();
  }

  /**
   * Puts a frame in the place of each that is wanted (0 = any): that one if it is free, else another, with undefined contents
   * and reference count 1. Returns how many there were. Reclaims nothing.
   */
  takeMany(wanted: number[]): number {
    const { i32 } = this.shared;
    lockWord(i32, LOCK);
    let taken = 0;
    for (; taken < wanted.length; taken++) {
      const index = wanted[taken]! / PAGE_SIZE;
      if (index === 0 || i32[REFS + index] !== 0 || i32[IN_USE]! >= i32[CAP]!) wanted[taken] = this._pop();
      else this._use(index);
      if (wanted[taken] === 0) break;
    }
    unlockWord(i32, LOCK);
    return taken;
  }

  /** Called when memory is exhausted: caches give frames back; true when it is worth trying again. */
  reclaim: (() => boolean) | null = null;

  private _takeOrReclaim(): number {
    const frame = this._take();
    return frame === 0 && this.reclaim?.() === true ? this._take() : frame;
  }

  private _take(): number {
    const { i32 } = this.shared;
    lockWord(i32, LOCK);
    const frame = this._pop();
    unlockWord(i32, LOCK);
    return frame;
  }

  /** A frame with one reference, or 0. Precondition: frameLock is held. */
  private _pop(): number {
    const { i32 } = this.shared;
    let index = i32[FREE]!;
    if (i32[IN_USE]! >= i32[CAP]!) return 0;
    if (index !== 0) i32[FREE] = -1 - i32[REFS + index]!;
    else if (i32[BUMP]! < this._chunksFrom) index = i32[BUMP]!++;
    else index = this._findSpare();
    if (index === 0 && i32[BUMP]! < this.arenaStart) index = i32[BUMP]!++;
    if (index !== 0) this._use(index);
    return index * PAGE_SIZE;
  }

  /** Precondition: frameLock is held, the frame is free. */
  private _use(index: number): void {
    Atomics.store(this.shared.i32, REFS + index, 1);
    this.shared.i32[IN_USE]!++;
  }

  /** A free frame of those that are handed out in their places, or 0: nothing else is left. Precondition: frameLock is held. */
  private _findSpare(): number {
    const { i32 } = this.shared;
    for (let looked = this.arenaStart; looked < this.endFrame; looked++) {
      if (--this._spare < this.arenaStart) this._spare = this.endFrame - 1;
      if (i32[REFS + this._spare] === 0) return this._spare;
    }
    return 0;
  }

  /** Takes the frame if it is free, with reference count 1 and undefined contents; false otherwise. Kernel thread only. */
  claim(frame: number): boolean {
    const { i32 } = this.shared;
    const index = frame / PAGE_SIZE;
    if (Atomics.load(i32, REFS + index) !== 0) return false;
    lockWord(i32, LOCK);
    const isFree = i32[REFS + index] === 0 && i32[IN_USE]! < i32[CAP]!;
    if (isFree) this._use(index);
    unlockWord(i32, LOCK);
    return isFree;
  }

  incRef(frame: number): void {
    Atomics.add(this.shared.i32, REFS + frame / PAGE_SIZE, 1);
  }

  refCount(frame: number): number {
    return Atomics.load(this.shared.i32, REFS + frame / PAGE_SIZE);
  }

  /** Drops a reference; frees the frame at 0. Returns true when it was freed. */
  decRef(frame: number): boolean {
    const { i32 } = this.shared;
    if (!this._dropRef(REFS + frame / PAGE_SIZE)) return false;
    this.absent?.forget(frame);
    this.onFree?.(frame);
    lockWord(i32, LOCK);
    this._push(frame);
    unlockWord(i32, LOCK);
    return true;
  }

  /** Counts down the word; true when that was the last reference: the frame is then BEING_FREED, which nobody takes for free. */
  private _dropRef(word: number): boolean {
    const { i32 } = this.shared;
    for (;;) {
      const count = Atomics.load(i32, word);
      if (Atomics.compareExchange(i32, word, count, count === 1 ? BEING_FREED : count - 1) === count) return count === 1;
    }
  }

  /** Frees many under one lock. Preconditions: each has one reference, none is absent or has decoded code. */
  freeAll(frames: readonly number[]): void {
    if (frames.length === 0) return;
    const { i32 } = this.shared;
    lockWord(i32, LOCK);
    for (const frame of frames) this._push(frame);
    unlockWord(i32, LOCK);
  }

  /** Precondition: frameLock is held. */
  private _push(frame: number): void {
    const { i32 } = this.shared;
    const index = frame / PAGE_SIZE;
    i32[REFS + index] = index < this.arenaStart ? -1 - i32[FREE]! : 0;
    if (index < this.arenaStart) i32[FREE] = index;
    i32[IN_USE]!--;
  }

  /**
   * A page-aligned run of `sizeBytes` (contents undefined after reuse unless `isZeroed`, zero when fresh), or 0.
   * Chunks have no reference count.
   */
  allocChunk(sizeBytes: number, isZeroed = false): number {
    const chunk = this._takeChunk(Math.ceil(sizeBytes / PAGE_SIZE));
    // Writing zeros to fresh memory would make the host find pages for all of it.
    if (isZeroed && chunk !== 0 && !this._isFresh) zeroMemory(this.shared, chunk, chunk + sizeBytes);
    return chunk;
  }

  private _takeChunk(frames: number): number {
    this._isFresh = false;
    const reuse = this._chunks.get(frames)?.pop();
    if (reuse !== undefined) return reuse;
    const { i32, u32 } = this.shared;
    lockWord(i32, LOCK);
    let chunk = frames < SHARED_CHUNK_SIZES ? u32[FREE_CHUNKS + frames]! : 0;
    if (chunk !== 0) u32[FREE_CHUNKS + frames] = u32[chunk >>> 2]!;
    else if (i32[BUMP]! + frames <= this.arenaStart) {
      chunk = i32[BUMP]! * PAGE_SIZE;
      this._isFresh = true;
      i32[BUMP]! += frames;
    }
    unlockWord(i32, LOCK);
    return chunk;
  }

  freeChunk(addr: number, sizeBytes: number): void {
    const frames = Math.ceil(sizeBytes / PAGE_SIZE);
    const { i32, u32 } = this.shared;
    if (frames < SHARED_CHUNK_SIZES) {
      lockWord(i32, LOCK);
      u32[addr >>> 2] = u32[FREE_CHUNKS + frames]!;
      u32[FREE_CHUNKS + frames] = addr;
      unlockWord(i32, LOCK);
      return;
    }
    const list = this._chunks.get(frames);
    if (list) list.push(addr);
    else this._chunks.set(frames, [addr]);
  }

  /** Frame numbers end here: the memory limit in frames. */
  get limitFrames(): number {
    return this.shared.i32[CAP]!;
  }

  /** Frames that have ever been handed out, in chunks or singly: memory the host has had to give. */
  get framesTouched(): number {
    return Atomics.load(this.shared.i32, BUMP) - (HEAP_START >> PAGE_SHIFT);
  }

  get framesInUse(): number {
    return Atomics.load(this.shared.i32, IN_USE);
  }
}
