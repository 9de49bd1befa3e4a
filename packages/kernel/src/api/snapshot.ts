/**
 * A machine kept in memory, from which copies start (the seed's SaveTo and LoadFrom without a file between). Each copy
 * has its own cores, clock and streams, opens files of the host anew, and copies a page of the snapshot when it
 * first touches it.
 *
 *   Owns:   the object graph as plain data, the pages
 */
import { createMemory, PAGE_SIZE, viewMemory } from '@troupe/abi';
import { bytesSource, decodeCbor, encodeCbor, type Graph } from '@troupe/state';
import type { Kernel as KernelCore } from '../kernel.js';
import { runsOf, type PageRun } from '../save/absent-pages.js';
import { ImageMemory } from '../save/image-memory.js';
import type { LoadedImage } from '../save/load-image.js';
import { copyOut, storedFrames } from '../save/memory-image.js';
import { graphOf, infoOf } from '../save/save-kernel.js';
import type { LoadOptions, ReadMachine } from './images.js';
import type { Kernel } from './kernel.js';

/** Makes a kernel of an image that has been read. */
export type StartMachine = (machine: ReadMachine, options: LoadOptions) => Promise<Kernel>;

export class Snapshot {
  private readonly _runs: readonly PageRun[];

  /** `frames`: numbers of those whose contents are in `_pages`, in this order. */
  private constructor(private readonly _image: LoadedImage, frames: readonly number[], private readonly _pages: Uint8Array, private readonly _start: StartMachine) {
    this._runs = runsOf(bytesSource(_pages).again!, 0, frames);
  }

  /** Preconditions: the kernel is paused and its time stands still. Throws ImageError. */
  static ofKernel(kernel: KernelCore, start: StartMachine): Snapshot {
    const graph = graphOf(kernel);
    const frames = kernel.frames.usedFrames();
    // Plain data of its own: what the writer gives holds parts of the living kernel.
    const kept = decodeCbor(encodeCbor(graph), 'snapshot') as Graph;
    const stored = storedFrames(kernel.shared, frames);
    const pages = new Uint8Array(stored.length * PAGE_SIZE);
    copyOut(kernel.shared, stored, pages);
    return new Snapshot({ id: '', info: infoOf(kernel, frames.length / 2), graph: kept, frames }, stored, pages, start);
  }

  /** Takes all that an image holds. Throws ImageError. */
  static ofMachine({ image, memory }: ReadMachine, start: StartMachine): Snapshot {
    const pages = new Uint8Array(memory.contentPages * PAGE_SIZE);
    const stored: number[] = [];
    memory.takeAll((frame, contents) => pages.set(contents, (stored.push(frame) - 1) * PAGE_SIZE));
    return new Snapshot(image, stored, pages, start);
  }

  /** Bytes of pages in use that are not all zero. */
  get sizeBytes(): number {
    return this._pages.length;
  }

  /** A copy that runs (unless `isPaused`). Throws ImageError when files of the host are no longer what they were. */
  start(options: LoadOptions = {}): Promise<Kernel> {
    const memory = new ImageMemory(viewMemory(createMemory()));
    memory.begin(this._image.frames);
    for (const run of this._runs) memory.absent.add(run);
    return this._start({ image: this._image, memory, close: () => Promise.resolve() }, options);
  }
}
