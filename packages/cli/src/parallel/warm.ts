/** --warm and --from: jobs that are copies of a machine. */
import { availableParallelism } from 'node:os';
import { ConfigError, O_WRONLY } from '@troupe/abi';
import { Kernel, type Snapshot } from '@troupe/kernel';
import { WarmExecutor, warmUp } from '@troupe/kernel/jobs';
import { HostStream } from '@troupe/vfs';
import { denyCalls } from '../observe.js';
import { createKernel, type KernelSettings } from '../run.js';
import type { RawParallelOptions } from './options.js';
import { limitsOf } from './settings.js';

/** Throws ConfigError or ImageError. */
export async function warmExecutor(raw: RawParallelOptions, settings: KernelSettings): Promise<WarmExecutor> {
  const { engine, denied, cores } = settings;
  if (engine === 'unicorn') throw new ConfigError('cannot go on from a snapshot', '--engine unicorn');
  if (raw.warm !== undefined && raw.from.length > 0) throw new ConfigError('cannot be used together with --from', '--warm');
  const { openFiles, ...limits } = limitsOf(raw);
  if (openFiles !== undefined) throw new ConfigError('is for jobs that start from the beginning', '--limit-files');
  const snapshot = raw.warm === undefined ? await Kernel.readSnapshot(raw.from) : await warmed(raw.warm, raw.shell, settings);
  return new WarmExecutor(snapshot, {
    engine, limits, cpus: cores ?? availableParallelism(), prepare: (kernel) => denyCalls(kernel, denied),
    onReport: (message) => void process.stderr.write(`troupe: ${message}\n`),
  });
}

/** What the program writes before it waits goes to standard error: it belongs to no job. */
async function warmed(command: string, shell: string, settings: KernelSettings): Promise<Snapshot> {
  const kernel = await createKernel(settings);
  const output = (): HostStream => new HostStream({ flags: O_WRONLY, output: 2 });
  try {
    const { env, workdir, user } = settings;
    return await warmUp(kernel, { argv: [shell, '-c', command], env, cwd: workdir, stdout: output(), stderr: output(), ...(user ? { user } : {}) });
  } finally {
    await kernel.close();
  }
}
