/**
 * Guest memory in images: the frames that are in use, under their numbers, so that page tables, page caches
 * and task control blocks hold as they are. Frames of zeros are only named.
 */
import { MAX_FRAMES, PAGE_SIZE, type SharedMemory } from '@troupe/abi';
import { ChunkType, ImageError, type ImageWriter } from '@troupe/state';
import { pageDigest, type BaseImage } from './base-image.js';

/** Pages per chunk: 1 MiB of contents. */
const CHUNK_PAGES = 256;

export interface MemorySizes {
  readonly usedPages: number;
  /** Pages whose contents are in the image. */
  readonly storedPages: number;
}

/** Writes FRAMES and PAGES chunks. `used`: FramePool.usedFrames; `stored`: the frames whose contents go into the image. */
export async function writeMemory(writer: ImageWriter, shared: SharedMemory, used: Uint32Array, stored: readonly number[]): Promise<MemorySizes> {
  await writer.writeChunk(ChunkType.FRAMES, new Uint8Array(used.buffer, used.byteOffset, used.byteLength));
  const chunk = new PageChunk(shared);
  for (const frame of stored) {
    chunk.add(frame);
    if (chunk.isFull) await writer.writeChunk(ChunkType.PAGES, chunk.take());
  }
  if (!chunk.isEmpty) await writer.writeChunk(ChunkType.PAGES, chunk.take());
  return { usedPages: used.length / 2, storedPages: stored.length };
}

/** Numbers of those frames that are not all zero. */
export function storedFrames(shared: SharedMemory, used: Uint32Array): number[] {
  const stored: number[] = [];
  for (let at = 0; at < used.length; at += 2) if (!isZero(shared, used[at]!)) stored.push(used[at]!);
  return stored;
}

/** Digests of the frames in use that are not all zero. */
export function digestsOf(shared: SharedMemory, used: Uint32Array): Map<number, string> {
  return new Map(storedFrames(shared, used).map((frame) => [frame, pageDigest(shared, frame)]));
}

/** Numbers of the frames in use that are not as in the base image; those that have become zero among them. */
export function changedFrames(used: Uint32Array, digests: ReadonlyMap<number, string>, base: BaseImage): number[] {
  const changed: number[] = [];
  for (let at = 0; at < used.length; at += 2) if (digests.get(used[at]!) !== base.digests.get(used[at]!)) changed.push(used[at]!);
  return changed;
}

/** Calls `visit` with [first, end) for each run of neighbouring frames: they are copied at once. */
function forEachRun(frames: readonly number[], visit: (first: number, end: number) => void): void {
  for (let first = 0; first < frames.length; ) {
    let end = first + 1;
    while (end < frames.length && frames[end] === frames[end - 1]! + 1) end++;
    visit(first, end);
    first = end;
  }
}

/** Copies frames out of memory, one after the other. */
export function copyOut(shared: SharedMemory, frames: readonly number[], target: Uint8Array): void {
  forEachRun(frames, (first, end) => {
    const source = frames[first]! * PAGE_SIZE;
    target.set(shared.u8.subarray(source, source + (end - first) * PAGE_SIZE), first * PAGE_SIZE);
  });
}

function isZero(shared: SharedMemory, frame: number): boolean {
  const { i32 } = shared;
  const end = (frame + 1) * (PAGE_SIZE / 4);
  for (let word = frame * (PAGE_SIZE / 4); word < end; word++) if (i32[word] !== 0) return false;
  return true;
}

/** Pages of one chunk on their way out. */
class PageChunk {
  private readonly _bytes = new Uint8Array(4 + CHUNK_PAGES * (4 + PAGE_SIZE));
  private _frames: number[] = [];

  constructor(readonly shared: SharedMemory) {}

  get isFull(): boolean {
    return this._frames.length === CHUNK_PAGES;
  }

  get isEmpty(): boolean {
    return this._frames.length === 0;
  }

  add(frame: number): void {
    this._frames.push(frame);
  }

  /** Valid until the next take. */
  take(): Uint8Array {
    const view = new DataView(this._bytes.buffer);
    const frames = this._frames;
    view.setUint32(0, frames.length, true);
    frames.forEach((frame, index) => view.setUint32(4 + index * 4, frame, true));
    const contents = 4 + frames.length * 4;
    copyOut(this.shared, frames, this._bytes.subarray(contents));
    this._frames = [];
    return this._bytes.subarray(0, contents + frames.length * PAGE_SIZE);
  }
}

/** Frame number and reference count in turn, checked. Throws ImageError. */
export function readFrames(bytes: Buffer): Uint32Array {
  if (bytes.length % 8 !== 0) throw new ImageError('damaged', 'half an entry', 'frames');
  const frames = new Uint32Array(Uint8Array.from(bytes).buffer);
  for (let at = 0; at < frames.length; at += 2) {
    if (frames[at]! >= MAX_FRAMES || (at > 0 && frames[at]! <= frames[at - 2]!)) throw new ImageError('damaged', `impossible frame ${frames[at]}`, 'frames');
  }
  return frames;
}
