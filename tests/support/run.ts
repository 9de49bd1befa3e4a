/** Runs programs natively and under Troupe, with time limits, and collects what they print. */
import { spawn } from 'node:child_process';
import { TROUPE } from './paths.js';

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 + signal number for signals, as shells report them. */
  readonly status: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15 };

/** The child leads a process group of its own: its descendants go with it. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => killGroup(child.pid), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const status = signal ? 128 + (SIGNALS[signal] ?? 0) : (code ?? 0);
      resolve({ stdout: Buffer.concat(out).toString('latin1'), stderr: Buffer.concat(err).toString('latin1'), status });
    });
    child.stdin.end(options.input ?? '');
  });
}

export interface TroupeOptions extends RunOptions {
  readonly cores?: number;
  /** Extra options before `--`. */
  readonly flags?: readonly string[];
  /** Root folder; default: the host's root (`troupe do`). */
  readonly rootfs?: string;
}

export function troupe(argv: readonly string[], options: TroupeOptions = {}): Promise<RunResult> {
  const verb = options.rootfs ? ['run', '--rootfs', options.rootfs] : ['do'];
  return run(process.execPath, [TROUPE, ...verb, '--cores', String(options.cores ?? 1), ...(options.flags ?? []), '--', ...argv], options);
}
