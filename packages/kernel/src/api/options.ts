/** What a kernel of the library and its processes are made with. */
import { availableParallelism, totalmem } from 'node:os';
import { ConfigError, LOCAL_CORE, MAX_MEMORY_BYTES, type LimitSet } from '@troupe/abi';
import type { RootSource, Volume } from '@troupe/vfs';
import type { EngineName } from '../host/core-pool.js';
import type { AuxEntry } from '../kernel.js';
import type { TimeOption } from '../time/time-flow.js';
import type { StdioOptions } from './stdio.js';

export interface KernelOptions {
  /** What "/" is; default: the host's root, with writes kept in memory. */
  readonly root?: RootSource;
  readonly volumes?: readonly Volume[];
  /** Emulated CPUs; default: the host's. */
  readonly cores?: number;
  /** How guest code runs; default: jit. */
  readonly engine?: EngineName;
  /** Bound of guest memory in bytes; default: half of the host's, at most 4 GiB. */
  readonly memoryBytes?: number;
  readonly hostname?: string;
  /** How time goes; default: as on the host. */
  readonly time?: TimeOption;
  readonly extraAuxv?: readonly AuxEntry[];
  /** Aborting kills every process; create() refuses a signal that has been aborted. */
  readonly signal?: AbortSignal;
  /** Diagnostics of the kernel itself. */
  readonly onReport?: (message: string) => void;
}

export interface ProcessOptions extends StdioOptions {
  readonly argv: readonly string[];
  /** Program; default argv[0], looked up in PATH of `env` when it has no slash. */
  readonly filename?: string;
  /** `K=V` strings or an object. */
  readonly env?: Readonly<Record<string, string>> | readonly string[];
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly umask?: number;
  /** Resource limits the process starts with; default: those of a fresh Linux system. */
  readonly limits?: LimitSet;
  readonly containerId?: string;
}

/** UTF-8 text as the byte string the kernel uses. */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Throws ConfigError. */
export function coresOf({ cores = availableParallelism(), engine }: Pick<KernelOptions, 'cores' | 'engine'>): number {
  if (!Number.isInteger(cores) || cores < 1 || cores > LOCAL_CORE) throw new ConfigError(`${cores} is not a number from 1 to ${LOCAL_CORE}`, 'cores');
  if (typeof engine === 'object' && cores !== 1) throw new ConfigError('unicorn runs one core only', 'cores');
  return cores;
}

/** Tables of one small process and the kernel's own. */
const MIN_MEMORY_BYTES = 32 * 1024 * 1024;

/** Throws ConfigError. */
export function memoryBytesOf({ memoryBytes = Math.min(MAX_MEMORY_BYTES, Math.floor(totalmem() / 2)) }: KernelOptions): number {
  if (!(memoryBytes >= MIN_MEMORY_BYTES)) throw new ConfigError(`${memoryBytes} is less than ${MIN_MEMORY_BYTES}`, 'memoryBytes');
  return memoryBytes;
}
