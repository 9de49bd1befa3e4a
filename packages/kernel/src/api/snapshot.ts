/**
 * A machine kept in memory, from which copies start (the seed's SaveTo and LoadFrom without a file between). Copies
 * share nothing: each has its own memory, cores, clock and streams, and opens files of the host anew.
 *
 *   Owns:   the object graph as plain data, the pages, one memory that is ready for the next copy
 */
import { createMemory, PAGE_SIZE, viewMemory, type SharedMemory } from '@troupe/abi';
import { decodeCbor, encodeCbor, type Graph } from '@troupe/state';
import type { Kernel as KernelCore } from '../kernel.js';
import type { LoadedImage } from '../save/load-image.js';
import { copyIn, copyOut, storedFrames } from '../save/memory-image.js';
import { graphOf, infoOf } from '../save/save-kernel.js';
import type { LoadOptions } from './images.js';
import type { Kernel } from './kernel.js';

/** Makes a kernel of an image whose pages are in the memory already. */
export type StartLoaded = (image: LoadedImage, shared: SharedMemory, options: LoadOptions) => Promise<Kernel>;

export class Snapshot {
  private readonly _image: LoadedImage;
  private readonly _stored: readonly number[];
  private readonly _pages: Uint8Array;
  private _spare: SharedMemory | null = null;

  /** Preconditions: the kernel is paused and its time stands still. Throws ImageError 'unsavable'. */
  constructor(kernel: KernelCore, private readonly _start: StartLoaded) {
    const graph = graphOf(kernel);
    const frames = kernel.frames.usedFrames();
    // Plain data of its own: what the writer gives holds parts of the living kernel.
    const kept = decodeCbor(encodeCbor(graph), 'snapshot') as Graph;
    this._image = { id: '', info: infoOf(kernel, frames.length / 2), graph: kept, frames };
    this._stored = storedFrames(kernel.shared, frames);
    this._pages = new Uint8Array(this._stored.length * PAGE_SIZE);
    copyOut(kernel.shared, this._stored, this._pages);
  }

  /** Bytes of pages that a copy starts with. */
  get sizeBytes(): number {
    return this._pages.length;
  }

  /** Fills a memory for the next copy: most of the time that a start takes. It is done once ahead, and after each `start` when wanted. */
  prepare(): void {
    this._spare ??= this._filledMemory();
  }

  private _filledMemory(): SharedMemory {
    const shared = viewMemory(createMemory());
    copyIn(shared, this._stored, this._pages);
    return shared;
  }

  /** A copy that runs (unless `isPaused`). Throws ImageError when files of the host are no longer what they were. */
  start(options: LoadOptions = {}): Promise<Kernel> {
    const shared = this._spare ?? this._filledMemory();
    this._spare = null;
    return this._start(this._image, shared, options);
  }
}
