/** `troupe checkpoint`, `troupe restore`, `troupe image inspect`. */
import { resolve } from 'node:path';
import { shellStatus } from '@troupe/abi';
import { Kernel, inspectImage, type LoadOptions } from '@troupe/kernel';
import { printUnimplemented } from '../report.js';
import { attachStdio } from '../stdio.js';
import { requestControl } from './control.js';
import { serveCheckpoints } from './serve-checkpoints.js';
import { imageText } from './image-text.js';

export interface CheckpointSettings {
  readonly pid: number;
  readonly path: string;
  readonly isCompressed: boolean;
  readonly isIncremental: boolean;
  readonly leaveRunning: boolean;
}

export async function checkpointCommand({ pid, path, ...options }: CheckpointSettings): Promise<number> {
  const { error, bytesWritten } = await requestControl(pid, { command: 'checkpoint', path: resolve(path), ...options });
  process.stderr.write(error === undefined ? `troupe: ${bytesWritten} bytes written to ${path}\n` : `troupe: ${error}\n`);
  return error === undefined ? 0 : 1;
}

export interface RestoreSettings extends Pick<LoadOptions, 'cores' | 'engine' | 'memoryBytes'> {
  /** A complete image, and its increments. */
  readonly paths: readonly string[];
  readonly copies: number;
}

/** Resolves with the status of the first program of the machine; of several copies with the highest. */
export async function restoreCommand({ paths, copies, ...options }: RestoreSettings): Promise<number> {
  const load = { ...options, onReport: (message: string) => void process.stderr.write(`troupe: ${message}\n`) };
  const statuses = await Promise.all(Array.from({ length: copies }, () => restoreOne(paths, load, copies === 1)));
  return Math.max(...statuses);
}

async function restoreOne(paths: readonly string[], options: LoadOptions, hasInput: boolean): Promise<number> {
  const kernel = await Kernel.loadFrom(paths, { ...options, isPaused: true });
  try {
    return await runRestored(kernel, hasInput);
  } finally {
    await kernel.close();
  }
}

async function runRestored(kernel: Kernel, hasInput: boolean): Promise<number> {
  const [first] = kernel.processes;
  if (first === undefined) return statusOf(kernel);
  const stdio = attachStdio(kernel, first);
  const checkpoints = hasInput ? serveCheckpoints(kernel) : null;
  if (hasInput) stdio.start(first);
  kernel.unpause();
  try {
    const status = await Promise.race([first.wait(), ...(checkpoints === null ? [] : [checkpoints.saved])]);
    printUnimplemented(kernel);
    return status === 'saved' ? 0 : shellStatus(status);
  } finally {
    checkpoints?.stop();
    stdio.stop();
  }
}

/** Of a machine whose first program had ended. */
function statusOf(kernel: Kernel): number {
  const status = kernel.core.globalInit?.exitStatus;
  return status ? shellStatus(status) : 0;
}

export async function inspectCommand(path: string, isJson: boolean): Promise<number> {
  const { info, graph } = await inspectImage(path);
  if (isJson) process.stdout.write(`${JSON.stringify({ ...info, objects: graph.records.length, frames: info.usedPages }, null, 2)}\n`);
  else process.stdout.write(imageText(info, graph.records.length));
  return 0;
}
