/**
 * System call rows: one definition per call, from which dispatch, strace output, docs/syscalls.md and
 * policy hooks follow. Row files in rows/ each export `rows: readonly SyscallRow[]`.
 */
import type { Restart, WaitQueue } from '@troupe/abi';
import type { Task } from '../task/task.js';

/**
 * How an argument register becomes a handler argument, and how strace prints it.
 *   int    sign-extended low 32 bits         uint   low 32 bits unsigned
 *   fd     int, printed as descriptor        size   unsigned 64-bit as number (inexact above 2^53)
 *   long   signed 64-bit as number           addr   guest address as number
 *   u64    bigint
 *   flags/enum/mode/signal: int, printed symbolically by `symbols` (set of bits, one of, octal, name)
 *   path/str: addr of a C string (printed quoted); the handler gets the address
 *   in/out/inout: addr of a buffer or struct; `size` names the argument or byte count
 */
export type ArgKind = 'int' | 'uint' | 'fd' | 'size' | 'long' | 'addr' | 'u64' | 'flags' | 'enum' | 'mode' | 'signal' | 'path' | 'str' | 'in' | 'out' | 'inout' | 'iovecIn' | 'iovecOut' | 'strv';

export interface ArgSpec {
  readonly name: string;
  readonly kind: ArgKind;
  /** For buffers: name of the argument (or 'return') that holds the byte count, or a constant. */
  readonly size?: string | number;
  /** Symbol table for flags/enums: [name, value] pairs. */
  readonly symbols?: readonly (readonly [string, number])[];
}

export type SyscallGroup = '%file' | '%desc' | '%process' | '%net' | '%signal' | '%ipc' | '%memory' | '%time' | '%creds' | '%sched' | '%system';
export type RestartClass = keyof typeof Restart | 'EINTR';

/** The call must wait. Plain data only: it is savable. The handler runs again when a queue wakes or the deadline passes. */
export interface Block {
  readonly block: true;
  /** Queues to wait on with EPOLL* masks (0 = any). */
  readonly queues: readonly { readonly queue: WaitQueue; readonly events: number; readonly exclusive?: boolean }[];
  /** Monotonic deadline, ns since boot; absent = none. */
  readonly deadlineNs?: number;
  /** Only a kill ends the wait early (vfork, execve waiting for its siblings). */
  readonly uninterruptible?: boolean;
}

/** The stand-in of a call is done: the call itself begins. */
export interface Proceed {
  readonly block: false;
}

/**
 * number/bigint: return value (negative errno on failure); Block: wait and run the handler again;
 * undefined: the handler already arranged the task's registers (exec, exit, sigreturn).
 */
export type SyscallResult = number | bigint | Block | Proceed | undefined;

/* eslint-disable-next-line */
export type SyscallHandler = (task: Task, a0: any, a1: any, a2: any, a3: any, a4: any, a5: any) => SyscallResult;

export interface SyscallRow {
  readonly nr: number;
  readonly name: string;
  readonly args: readonly ArgSpec[];
  readonly groups: readonly SyscallGroup[];
  /** What happens when a signal interrupts the wait; absent = the call never blocks. */
  readonly restart?: RestartClass;
  /** full, or what is missing. */
  readonly support: 'full' | { readonly partial: string };
  readonly man: string;
  /** Cores answer it without the kernel when they can (IN_CORE_CALLS, ADR 21); the handler is for when they cannot. */
  readonly inCore?: true;
  readonly handler: SyscallHandler;
  /**
   * Called instead of the handler when a wait is interrupted; gives the result (for example the bytes
   * transferred so far, or to store the remaining time) or undefined for the plain restart class.
   */
  readonly interrupted?: (task: Task) => number | undefined;
}

/** State of the system call a task is in; plain data, kept across waits of the same call. */
export interface SyscallState {
  nr: number;
  /** True when the handler runs again after its deadline passed. */
  timedOut: boolean;
  /** True when the handler runs again after a wake-up (first run: false). */
  resumed: boolean;
  /** The handler's own continuation data (plain, savable), undefined on the first run. */
  data: unknown;
  /** Arguments in place of those in the registers (policy hooks). */
  values?: readonly (number | bigint)[];
  /** Takes the place of the row of `nr` (Dispatcher.beginWith). */
  row?: SyscallRow;
}

export function block(queues: Block['queues'], deadlineNs?: number): Block {
  return deadlineNs === undefined ? { block: true, queues } : { block: true, queues, deadlineNs };
}

export function waitOn(queue: WaitQueue, events: number, deadlineNs?: number): Block {
  return block([{ queue, events }], deadlineNs);
}

export const int = (name: string): ArgSpec => ({ name, kind: 'int' });
export const uint = (name: string): ArgSpec => ({ name, kind: 'uint' });
export const fd = (name = 'fd'): ArgSpec => ({ name, kind: 'fd' });
export const size = (name: string): ArgSpec => ({ name, kind: 'size' });
export const long = (name: string): ArgSpec => ({ name, kind: 'long' });
export const addr = (name: string): ArgSpec => ({ name, kind: 'addr' });
export const u64 = (name: string): ArgSpec => ({ name, kind: 'u64' });
export const path = (name = 'pathname'): ArgSpec => ({ name, kind: 'path' });
export const str = (name: string): ArgSpec => ({ name, kind: 'str' });
export const mode = (name = 'mode'): ArgSpec => ({ name, kind: 'mode' });
export const signalArg = (name = 'sig'): ArgSpec => ({ name, kind: 'signal' });
export const inBuf = (name: string, sizeOf: string | number): ArgSpec => ({ name, kind: 'in', size: sizeOf });
export const outBuf = (name: string, sizeOf: string | number): ArgSpec => ({ name, kind: 'out', size: sizeOf });
export const inoutBuf = (name: string, sizeOf: string | number): ArgSpec => ({ name, kind: 'inout', size: sizeOf });
export const flags = (name: string, symbols: readonly (readonly [string, number])[] = []): ArgSpec => ({ name, kind: 'flags', symbols });
/** One of `symbols`. */
export const choice = (name: string, symbols: readonly (readonly [string, number])[]): ArgSpec => ({ name, kind: 'enum', symbols });
