/** Images as files and streams, for Kernel.saveTo and Kernel.loadFrom. */
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { ConfigError, FramePool, type SharedMemory } from '@troupe/abi';
import { bytesSource, fileSink, fileSource, ImageError, streamSink, streamSource, type ImageSource } from '@troupe/state';
import type { Kernel as KernelCore } from '../kernel.js';
import { readImage, type LoadedImage } from '../save/load-image.js';
import { saveKernel, type SaveStatistics } from '../save/save-kernel.js';
import type { KernelOptions } from './kernel.js';

export interface SaveOptions {
  /** Deflate the image. */
  readonly compress?: boolean;
  /** The machine stays paused afterwards. */
  readonly leaveStopped?: boolean;
}

/** What may differ from the machine that was saved. */
export interface LoadOptions extends Pick<KernelOptions, 'cores' | 'engine' | 'memoryBytes' | 'signal' | 'onReport'> {
  /** The machine stays paused until `unpause`. */
  readonly isPaused?: boolean;
}

/** A file is complete or not there: it is written under another name, synced and renamed. */
export async function saveImageTo(kernel: KernelCore, target: string | Writable, options: SaveOptions): Promise<SaveStatistics> {
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

/** Throws ImageError, or ConfigError when there is no such file. `shared` = null: to look only. */
export async function readImageFrom(source: string | Uint8Array | Readable, shared: SharedMemory | null): Promise<LoadedImage> {
  if (typeof source !== 'string') return readImage(sourceOf(source), shared);
  const file = await openImage(source);
  try {
    return await readImage(fileSource(file), shared);
  } finally {
    await file.close();
  }
}

async function openImage(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new ConfigError((error as Error).message, path);
  }
}

function sourceOf(source: Uint8Array | Readable): ImageSource {
  return source instanceof Readable ? streamSource(source) : bytesSource(source);
}

/** Throws ImageError when the memory limit is too low. */
export function restoreFrames(shared: SharedMemory, limitBytes: number, frames: Uint32Array): FramePool {
  try {
    return FramePool.restore(shared, limitBytes, frames);
  } catch (error) {
    throw new ImageError('incompatible', (error as Error).message, 'memoryBytes');
  }
}
