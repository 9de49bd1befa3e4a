/**
 * The host CPU as an oracle: compiles oracle.c (once per source text) and talks to the process.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Batch } from './batch.js';
import { CaseOut } from './layout.js';

const CFLAGS = ['-O2', '-Wall', '-Wextra', '-fno-stack-protector'];

function workspaceRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'pnpm-workspace.yaml'))) dir = dirname(dir);
  return dir;
}

/** Why the oracle cannot run on this machine, or undefined. */
export function oracleUnavailable(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the host is not x86-64 Linux';
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'gcc is missing';
  }
  return undefined;
}

/** Who made the processor; `paravirtual`: a kernel that runs as a program of its hypervisor, which delivers faults itself. */
export type Vendor = 'intel' | 'amd' | 'paravirtual';

/** Such kernels cannot let programs write segment bases. */
export function isParavirtual(): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' ') ?? [];
  return flags.includes('hypervisor') && flags.includes('avx2') && !flags.includes('fsgsbase');
}

/** Maker of the host CPU by its CPUID string (Hygon processors are AMD designs); undefined = another one. */
export function hostVendor(): Vendor | undefined {
  const cpuinfo = readFileSync('/proc/cpuinfo', 'latin1');
  if (cpuinfo.includes('GenuineIntel')) return 'intel';
  return /AuthenticAMD|HygonGenuine/.test(cpuinfo) ? 'amd' : undefined;
}

/** Path of the compiled oracle in the ignored folder `.cache`. */
export function compileOracle(): string {
  const root = workspaceRoot();
  const source = join(root, 'tests/support/oracle/oracle.c');
  const key = createHash('sha256').update(readFileSync(source)).update(CFLAGS.join(' ')).digest('hex').slice(0, 12);
  const binary = join(root, '.cache', `oracle-${key}`);
  if (existsSync(binary)) return binary;
  mkdirSync(dirname(binary), { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  execFileSync('gcc', [...CFLAGS, '-o', fresh, source], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(fresh, binary);
  return binary;
}

export class HostOracle {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #chunks: Buffer[] = [];
  #have = 0;
  #need = 0;
  #resolve: ((reply: Buffer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(binary = compileOracle()) {
    this.#child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('exit', (code, signal) => this.#reject?.(new Error(`oracle ended: exit ${code}, signal ${signal}`)));
  }

  /** Runs the batch; resolves with one CaseOut record per case. One batch at a time. */
  run(batch: Batch): Promise<Buffer> {
    if (this.#resolve) throw new Error('oracle: a batch is under way');
    this.#need = batch.count * CaseOut.sizeBytes;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#child.stdin.write(Buffer.from(batch.request()));
    });
  }

  close(): void {
    this.#reject = undefined;
    this.#child.stdin.end();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#have < this.#need || !this.#resolve) return;
    const reply = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#have = 0;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve(reply);
  }
}
