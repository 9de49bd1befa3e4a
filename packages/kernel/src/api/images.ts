/** Images as files and streams, for Kernel.saveTo and Kernel.loadFrom. */
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { ConfigError, createMemory, FramePool, viewMemory, type SharedMemory } from '@troupe/abi';
import { bytesSource, fileSink, fileSource, ImageError, streamSink, streamSource, type ImageSource } from '@troupe/state';
import type { Kernel as KernelCore } from '../kernel.js';
import { ImageMemory } from '../save/image-memory.js';
import { readImage, readImages, type LoadedImage } from '../save/load-image.js';
import { saveKernel, type SaveKernelOptions, type SaveStatistics } from '../save/save-kernel.js';
import type { KernelOptions } from './options.js';

export interface SaveOptions {
  /** Deflate the image. */
  readonly compress?: boolean;
  /** Only what differs from the last image that was made with `incremental`; the first one is complete. */
  readonly incremental?: boolean;
  /** The machine stays paused afterwards. */
  readonly leaveStopped?: boolean;
}

/** What may differ from the machine that was saved. */
export interface LoadOptions extends Pick<KernelOptions, 'cores' | 'engine' | 'memoryBytes' | 'signal' | 'onReport'> {
  /** The machine stays paused until `unpause`. */
  readonly isPaused?: boolean;
}

/** A file is complete or not there: it is written under another name, synced and renamed. */
export async function saveImageTo(kernel: KernelCore, target: string | Writable, options: SaveKernelOptions): Promise<SaveStatistics> {
  if (typeof target !== 'string') return saveKernel(kernel, streamSink(target), options);
  const unfinished = `${target}.${process.pid}.unfinished`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    const statistics = await saveKernel(kernel, fileSink(file), options);
    await file.datasync();
    await file.close();
    await rename(unfinished, target);
    return statistics;
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(unfinished).catch(() => undefined);
    throw error;
  }
}

/** A file, bytes, or a stream. */
export type ImageInput = string | Uint8Array | Readable;
/** A complete image, with its increments after it, oldest first. */
export type ImageChain = ImageInput | readonly ImageInput[];

/** To look at one image. Throws ImageError, or ConfigError when there is no such file. */
export async function inspectImage(input: ImageInput): Promise<LoadedImage> {
  const opened = await openInput(input);
  try {
    return await readImage(opened.source, null);
  } finally {
    await opened.close();
  }
}

/** An image that was read and checked. */
export interface ReadMachine {
  readonly image: LoadedImage;
  readonly memory: ImageMemory;
  /** Absent pages cannot be had any more. */
  close(): Promise<void>;
}

/** A complete image and its increments. Throws as inspectImage. */
export async function readMachine(chain: ImageChain): Promise<ReadMachine> {
  const memory = new ImageMemory(viewMemory(createMemory()));
  const opened: OpenedInput[] = [];
  const close = async (): Promise<void> => {
    for (const input of opened.splice(0)) await input.close();
  };
  try {
    for (const input of isChain(chain) ? chain : [chain]) opened.push(await openInput(input));
    const image = await readImages(opened.map(({ source }) => source), memory);
    return { image, memory, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function isChain(chain: ImageChain): chain is readonly ImageInput[] {
  return Array.isArray(chain);
}

interface OpenedInput {
  readonly source: ImageSource;
  close(): Promise<void>;
}

async function openInput(input: ImageInput): Promise<OpenedInput> {
  if (typeof input !== 'string') return { source: input instanceof Readable ? streamSource(input) : bytesSource(input), close: () => Promise.resolve() };
  const file = await openImage(input);
  return { source: fileSource(file), close: () => file.close() };
}

async function openImage(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new ConfigError((error as Error).message, path);
  }
}

/** Throws ImageError when the memory limit is too low. */
export function restoreFrames(shared: SharedMemory, limitBytes: number, frames: Uint32Array): FramePool {
  try {
    return FramePool.restore(shared, limitBytes, frames);
  } catch (error) {
    throw new ImageError('incompatible', (error as Error).message, 'memoryBytes');
  }
}
