/**
 * System call dispatch: from a trapped task to its result.
 *
 *   Owns:     the call counters; task.syscall from enter() on
 *   Accepts:  enter (trap), resume (wake-up or deadline), interrupt (signal or kill)
 *   Sends:    kernel.block(task, block) when the call must wait
 */
import { Errno, ErrnoError, Reg, Restart, TCB } from '@troupe/abi';
import type { SyscallDispatcher } from '../host-hooks.js';
import type { Task } from '../task/task.js';
import type { ArgKind, SyscallResult, SyscallRow } from './row.js';
import { formatCall } from './strace.js';

export interface CallCount {
  calls: number;
  errors: number;
  timeMs: number;
}

/** Argument registers of the system call ABI (SysV ABI A.2.1). */
const ARG_REGS = [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9];

type Values = readonly (number | bigint)[];

export class Dispatcher implements SyscallDispatcher {
  readonly #table: (SyscallRow | undefined)[] = [];
  /** Calls without a row, by number: how often guests asked for them. */
  readonly unimplemented = new Map<number, number>();
  readonly counts = new Map<string, CallCount>();
  /** Receives one line per finished call; undefined = no tracing. */
  traceSink: ((task: Task, line: string) => void) | undefined;
  traceFilter: (row: SyscallRow) => boolean = () => true;
  onUnimplemented: (task: Task, nr: number) => void = () => undefined;
  isCounting = false;

  constructor(rows: Iterable<SyscallRow>) {
    for (const row of rows) this.#table[row.nr] = row;
  }

  row(nr: number): SyscallRow | undefined {
    return this.#table[nr];
  }

  /** The task trapped with a system call. Preconditions: its TCB belongs to the kernel. */
  enter(task: Task): void {
    const nr = Number(BigInt.asIntN(32, task.getReg(Reg.RAX)));
    task.syscall = { nr, timedOut: false, resumed: false, data: undefined };
    this.resume(task);
  }

  resume(task: Task): void {
    const row = this.#table[task.syscall!.nr];
    if (!row) return this.#reject(task);
    const startMs = this.isCounting ? performance.now() : 0;
    const values = this.#decode(task, row);
    const result = this.#call(task, row, values);
    if (this.isCounting) this.#count(row, result, performance.now() - startMs);
    if (typeof result === 'object') task.kernel.block(task, result);
    else this.#finish(task, row, values, result);
  }

  interrupt(task: Task): void {
    const row = this.#table[task.syscall!.nr]!;
    this.#finish(task, row, this.#decode(task, row), this.#interruptedResult(task, row));
  }

  #call(task: Task, row: SyscallRow, a: Values): SyscallResult {
    try {
      return row.handler(task, a[0], a[1], a[2], a[3], a[4], a[5]);
    } catch (error) {
      if (error instanceof ErrnoError) return -error.errno;
      throw error;
    }
  }

  #decode(task: Task, row: SyscallRow): (number | bigint)[] {
    const { u32 } = task.shared;
    const gpr = (task.tcb + TCB.off.gpr) >> 2;
    return row.args.map((arg, index) => {
      const at = gpr + ARG_REGS[index]! * 2;
      return decodeArg(arg.kind, u32[at]!, u32[at + 1]!);
    });
  }

  #interruptedResult(task: Task, row: SyscallRow): number {
    const own = row.interrupted?.(task);
    if (own !== undefined) return own;
    const restart = row.restart ?? 'ERESTARTSYS';
    return restart === 'EINTR' ? -Errno.EINTR : -Restart[restart];
  }

  #finish(task: Task, row: SyscallRow, values: Values, result: number | bigint | undefined): void {
    if (this.traceSink && this.traceFilter(row)) this.traceSink(task, formatCall(task, row, values, result));
    if (result === undefined) task.syscall = null;
    else task.setReg(Reg.RAX, BigInt(result));
  }

  #reject(task: Task): void {
    const { nr } = task.syscall!;
    this.unimplemented.set(nr, (this.unimplemented.get(nr) ?? 0) + 1);
    this.onUnimplemented(task, nr);
    if (this.traceSink) this.traceSink(task, `syscall_${nr}() = -1 ENOSYS`);
    task.setReg(Reg.RAX, BigInt(-Errno.ENOSYS));
  }

  #count(row: SyscallRow, result: SyscallResult, timeMs: number): void {
    let entry = this.counts.get(row.name);
    if (!entry) this.counts.set(row.name, (entry = { calls: 0, errors: 0, timeMs: 0 }));
    entry.timeMs += timeMs;
    if (typeof result === 'object') return;
    entry.calls++;
    if (typeof result === 'number' && result < 0 && result >= -4095) entry.errors++;
  }
}

function decodeArg(kind: ArgKind, lo: number, hi: number): number | bigint {
  switch (kind) {
    case 'int':
    case 'fd':
    case 'flags':
    case 'signal':
      return lo | 0;
    case 'uint':
    case 'mode':
      return lo >>> 0;
    case 'long':
      return (hi | 0) * 0x1_0000_0000 + (lo >>> 0);
    case 'u64':
      return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
    default:
      return (hi >>> 0) * 0x1_0000_0000 + (lo >>> 0);
  }
}
