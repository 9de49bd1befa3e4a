/**
 * Frame allocator of the shared memory, usable from any thread.
 *
 * Owns:   frameLock frameBump frameFree framesInUse freeChunks of KernelHeader, and the FRAME_REFS words.
 * Order:  every change of the free list or the bump pointer happens under frameLock.
 *         Reference counts change with Atomics without the lock; the thread that takes a count to 0 frees.
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
/** Frames between those of an image are left alone while the image ends within this part of memory. */
const UNWANTED_GAPS_PART = 8;
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

  constructor(readonly shared: SharedMemory) {}

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
    if (end > i32[LIMIT]! || count > i32[CAP]!) throw new RangeError(`${count} frames up to number ${end} do not fit in ${limitBytes} bytes`);
    // The list of free frames is in the frames: memory that would have to come from the host now.
    const areGapsWanted = end > i32[LIMIT]! / UNWANTED_GAPS_PART;
    let next = i32[BUMP]!;
    for (let at = 0; at < frames.length; at += 2) {
      const frame = frames[at]!;
      if (frame < next) throw new RangeError(`frame ${frame} cannot follow ${next}`);
      if (areGapsWanted) pool._giveGap(next, frame);
      i32[REFS + frame] = frames[at + 1]!;
      next = frame + 1;
    }
    i32[BUMP] = end;
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
    for (let frame = HEAP_START >> PAGE_SHIFT; frame < i32[BUMP]!; frame++) if (i32[REFS + frame]! > 0) used.push(frame, i32[REFS + frame]!);
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

  /** Up to `count` frames with undefined contents and reference count 1, added to `into`; their number. Reclaims nothing. */
  takeMany(count: number, into: number[]): number {
    const { i32 } = this.shared;
    lockWord(i32, LOCK);
    let taken = 0;
    for (let frame = this._pop(); frame !== 0; frame = this._pop()) {
      into.push(frame);
      if (++taken === count) break;
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
    else if (i32[BUMP]! < i32[LIMIT]!) index = i32[BUMP]!++;
    if (index === 0) return 0;
    i32[IN_USE]!++;
    Atomics.store(i32, REFS + index, 1);
    return index * PAGE_SIZE;
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
    if (Atomics.sub(i32, REFS + frame / PAGE_SIZE, 1) !== 1) return false;
    this.absent?.forget(frame);
    this.onFree?.(frame);
    lockWord(i32, LOCK);
    this._push(frame);
    unlockWord(i32, LOCK);
    return true;
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
    i32[REFS + frame / PAGE_SIZE] = -1 - i32[FREE]!;
    i32[FREE] = frame / PAGE_SIZE;
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
    else if (i32[BUMP]! + frames <= i32[LIMIT]!) {
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
