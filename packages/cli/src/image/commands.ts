/** `troupe checkpoint`, `troupe restore`, `troupe image inspect`. */
import { resolve } from 'node:path';
import { shellStatus } from '@troupe/abi';
import { Kernel, inspectImage, type LoadOptions } from '@troupe/kernel';
import { HostStream } from '@troupe/vfs';
import { denyCalls, observe, type ObserveSettings } from '../observe.js';
import { attachStdio } from '../stdio.js';
import type { DeniedCall } from '../values.js';
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

export interface RestoreSettings extends Pick<LoadOptions, 'cores' | 'engine' | 'memoryBytes'>, ObserveSettings {
  /** A complete image, and its increments. */
  readonly paths: readonly string[];
  readonly copies: number;
  /** --deny. */
  readonly denied: readonly DeniedCall[];
}

/** Resolves with the status of the first program of the machine; of several copies with the highest. */
export async function restoreCommand(settings: RestoreSettings): Promise<number> {
  const { paths, copies, cores, engine, memoryBytes } = settings;
  const load: LoadOptions = {
    ...(cores === undefined ? {} : { cores }), ...(engine === undefined ? {} : { engine }), ...(memoryBytes === undefined ? {} : { memoryBytes }),
    isPaused: true, onReport: (message) => void process.stderr.write(`troupe: ${message}\n`),
  };
  if (copies === 1) return runToEnd(await Kernel.loadFrom(paths, load), settings);
  const snapshot = await Kernel.readSnapshot(paths);
  const statuses = await Promise.all(Array.from({ length: copies }, async () => runToEnd(await snapshot.start(load), settings)));
  return Math.max(...statuses);
}

async function runToEnd(kernel: Kernel, settings: RestoreSettings): Promise<number> {
  try {
    denyCalls(kernel, settings.denied);
    const report = observe(kernel, settings);
    const status = await runRestored(kernel, settings.copies === 1);
    report();
    return status;
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
  else if (stdio.stdin instanceof HostStream) stdio.stdin.end();
  kernel.unpause();
  try {
    const status = await Promise.race([first.wait(), ...(checkpoints === null ? [] : [checkpoints.saved])]);
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
  else process.stdout.write(await imageText(info, graph.records.length));
  return 0;
}
