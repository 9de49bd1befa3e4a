/** `troupe do` and `troupe run`: one program on a kernel of its own, with the terminal passed through. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, shellStatus, type ExitStatus } from '@troupe/abi';
import { unicornProblem } from '@troupe/cpu-worker/unicorn/load-unicorn.js';
import { Kernel, type KernelOptions, type Process } from '@troupe/kernel';
import { serveCheckpoints, type Checkpoints } from './image/serve-checkpoints.js';
import { denyCalls, observe, type ObserveSettings } from './observe.js';
import { attachStdio, type Stdio } from './stdio.js';
import type { DeniedCall, Volume } from './values.js';

/** What a kernel and its programs start with. */
export interface KernelSettings {
  readonly env: readonly string[];
  /** Directory or tar archive; undefined = the host's root. */
  readonly rootfs: string | undefined;
  readonly volumes: readonly Volume[];
  readonly workdir: string;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly hostname: string | undefined;
  readonly time: NonNullable<KernelOptions['time']>;
  readonly cores: number | undefined;
  readonly memoryBytes: number | undefined;
  /** --deny. */
  readonly denied: readonly DeniedCall[];
  readonly engine: 'interp' | 'jit' | 'unicorn';
  /** Library or module of the unicorn engine. */
  readonly unicorn: string | undefined;
}

export interface RunSettings extends KernelSettings, ObserveSettings {
  readonly argv: readonly string[];
}

async function rootOf(rootfs: string | undefined): Promise<KernelOptions['root']> {
  if (rootfs === undefined) return { kind: 'overlay', hostPath: '/' };
  const stats = statSync(rootfs, { throwIfNoEntry: false });
  if (!stats) throw new ConfigError('no such file or directory', `--rootfs ${rootfs}`);
  if (stats.isDirectory()) return { kind: 'overlay', hostPath: rootfs };
  if (stats.isFile()) return { kind: 'tar', hostPath: rootfs };
  throw new ConfigError('is neither a directory nor a tar archive', `--rootfs ${rootfs}`);
}

function engineOf({ engine, unicorn }: KernelSettings): NonNullable<KernelOptions['engine']> {
  if (engine !== 'unicorn') return engine;
  const problem = unicornProblem(unicorn);
  if (problem !== undefined) throw new ConfigError(problem, '--engine unicorn');
  return { unicorn: resolve(unicorn!) };
}

/** unicorn runs one core. */
function coresOf({ engine, cores }: KernelSettings): { cores?: number } {
  if (cores !== undefined) return { cores };
  return engine === 'unicorn' ? { cores: 1 } : {};
}

/** A kernel without processes. Throws ConfigError. */
export async function createKernel(settings: KernelSettings): Promise<Kernel> {
  const kernel = await Kernel.create({
    root: (await rootOf(settings.rootfs))!,
    volumes: settings.volumes.map((volume) => ({ ...volume, guestPath: Buffer.from(volume.guestPath, 'utf8').toString('latin1') })),
    ...coresOf(settings),
    ...(settings.memoryBytes === undefined ? {} : { memoryBytes: settings.memoryBytes }),
    ...(settings.hostname === undefined ? {} : { hostname: settings.hostname }),
    engine: engineOf(settings),
    time: settings.time,
    onReport: (message) => process.stderr.write(`troupe: ${message}\n`),
  });
  try {
    denyCalls(kernel, settings.denied);
    return kernel;
  } catch (error) {
    await kernel.close();
    throw error;
  }
}

/** Runs the program and resolves with the status the command exits with. */
export async function runCommand(settings: RunSettings): Promise<number> {
  const kernel = await createKernel(settings);
  try {
    return await runIn(kernel, settings);
  } finally {
    await kernel.close();
  }
}

async function runIn(kernel: Kernel, settings: RunSettings): Promise<number> {
  const stdio = attachStdio(kernel);
  const report = observe(kernel, settings);
  const status = await runProcess(kernel, settings, stdio);
  report();
  return shellStatus(status);
}

async function runProcess(kernel: Kernel, settings: RunSettings, stdio: Stdio): Promise<ExitStatus> {
  let checkpoints: Checkpoints | undefined;
  try {
    const process: Process = kernel.createProcess({
      argv: settings.argv, env: settings.env, cwd: settings.workdir, stdin: stdio.stdin, stdout: stdio.stdout, stderr: stdio.stderr,
      ...(settings.user ? { user: settings.user } : {}),
    });
    stdio.start(process);
    kernel.start();
    const ended = process.wait();
    checkpoints = serveCheckpoints(kernel);
    const status = await Promise.race([ended, checkpoints.saved]);
    return status === 'saved' ? { code: 0, signo: 0, coreDumped: false } : status;
  } finally {
    checkpoints?.stop();
    stdio.stop();
  }
}
