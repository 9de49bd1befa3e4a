/**
 * System call dispatch: from a trapped task to its result, with waits in between.
 *
 *   Owns:     task.syscall, task.parked, the ready list, the call counters
 *   Accepts:  start (trap), wake (queue or deadline), interrupt (signal or kill)
 *   Sends:    SyscallHost.syscallDone(task, result)
 *   Order:    a wake-up only puts the task on the ready list; its handler runs again from drain(),
 *             never inside the handler that woke it
 */
import { Errno, ErrnoError, Nr, Reg, Restart, TCB, type Waiter } from '@troupe/abi';
import type { Expiry, TimerHandle, TimerQueue } from '@troupe/time';
import type { Task } from '../task/task.js';
import type { ArgKind, Block, SyscallResult, SyscallRow } from './row.js';
import { formatCall } from './strace.js';

/** What the dispatcher needs from the kernel. */
export interface SyscallHost {
  readonly timers: TimerQueue;
  /** The call ended: store the result (undefined: registers are already set), deliver signals, run on. */
  syscallDone(task: Task, result: number | bigint | undefined): void;
  /** True when a signal or kill must end an interruptible wait. */
  interruptPending(task: Task): boolean;
  /** The task starts or ends waiting (runningTasks accounting). */
  taskBlocked(task: Task): void;
  taskUnblocked(task: Task): void;
  onUnimplemented(task: Task, nr: number): void;
  /** The task is traced or filtered: its call begins when `begin` is called, if at all. */
  enterSyscall(task: Task): void;
  /** A traced task whose call wants to wait stops first; `retry` follows. */
  stopsBeforeWait(task: Task): boolean;
  /** Whether every call must come here, or cores may answer some. */
  watchCalls(isWatched: boolean): void;
  /** Calls of a number that cores answered, and of these failed. */
  inCoreCount(nr: number): { readonly calls: number; readonly errors: number };
}

/** Policy hooks (policy/syscall-hooks.ts). */
export interface CallHooks {
  /** May change `values`. A result takes the place of the call. */
  enter(task: Task, row: SyscallRow, values: (number | bigint)[]): number | bigint | undefined;
  /** The result the call gives in the end. */
  exit(task: Task, row: SyscallRow, result: number | bigint | undefined): number | bigint | undefined;
}

export interface CallCount {
  calls: number;
  errors: number;
  timeMs: number;
}

/** Argument registers of the system call ABI (SysV ABI A.2.1). */
const ARG_REGS = [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9];

/** Wakes a parked task. */
export class ParkedWaiter implements Waiter {
  constructor(readonly dispatcher: Dispatcher, readonly task: Task, readonly events: number, readonly exclusive: boolean) {}

  onWake(): void {
    this.dispatcher.wake(this.task, false);
  }
}

/** A task's registrations while it waits. */
export class Parked implements Expiry {
  private readonly _waiters: Waiter[] = [];
  private _timer: TimerHandle | undefined;

  constructor(readonly dispatcher: Dispatcher, readonly task: Task, readonly wait: Block) {
    for (const { events, exclusive, queue } of wait.queues) {
      const waiter = new ParkedWaiter(dispatcher, task, events, exclusive ?? false);
      this._waiters.push(waiter);
      queue.add(waiter);
    }
    if (wait.deadlineNs !== undefined && wait.deadlineNs !== Infinity) this._timer = dispatcher.host.timers.arm(wait.deadlineNs, this);
  }

  onExpire(): void {
    this.dispatcher.wake(this.task, true);
  }

  remove(): void {
    this.wait.queues.forEach(({ queue }, index) => queue.remove(this._waiters[index]!));
    if (this._timer) this.dispatcher.host.timers.cancel(this._timer);
  }
}

/** Calls that leave no registers or memory to print, with the result strace shows: traced from their arguments at the start. */
const REPLACES_TASK = new Map<number, number | undefined>([[Nr.execve, 0], [Nr.execveat, 0], [Nr.exit, undefined], [Nr.exit_group, undefined]]);

/** Names of all calls Linux has, for those without a row. */
const CALL_NAMES = new Map<number, string>(Object.entries(Nr).map(([name, nr]) => [nr, name]));

/** Numbers of calls are below. */
const MAX_NR = 512;
const MAX_ERRNO = 4095;

export class Dispatcher {
  private readonly _table: (SyscallRow | undefined)[] = [];
  private readonly _ready: Task[] = [];
  readonly unimplemented = new Map<number, number>();
  /** Calls and failures by number; time on the kernel thread while `isTiming`. */
  private readonly _calls = new Float64Array(MAX_NR);
  private readonly _errors = new Float64Array(MAX_NR);
  private readonly _timeMs = new Float64Array(MAX_NR);
  private _hooks: CallHooks | null = null;
  private _traceSink: ((task: Task, line: string) => void) | undefined;
  private _isTiming = false;
  /** Whose call runs now, or ran last: who causes what happens. */
  actor: Task | null = null;
  traceFilter: (call: Pick<SyscallRow, 'name' | 'groups'>) => boolean = () => true;

  constructor(readonly host: SyscallHost, rows: Iterable<SyscallRow>) {
    for (const row of rows) this._table[row.nr] = row;
  }

  /** Null = none, at no cost. */
  get hooks(): CallHooks | null {
    return this._hooks;
  }

  set hooks(hooks: CallHooks | null) {
    this._hooks = hooks;
    this._watch();
  }

  /** Receives one line per finished call; undefined = no tracing. */
  get traceSink(): ((task: Task, line: string) => void) | undefined {
    return this._traceSink;
  }

  set traceSink(sink: ((task: Task, line: string) => void) | undefined) {
    this._traceSink = sink;
    this._watch();
  }

  get isTiming(): boolean {
    return this._isTiming;
  }

  set isTiming(isTiming: boolean) {
    this._isTiming = isTiming;
    this._watch();
  }

  private _watch(): void {
    this.host.watchCalls(this._hooks !== null || this._traceSink !== undefined || this._isTiming);
  }

  row(nr: number): SyscallRow | undefined {
    return this._table[nr];
  }

  get rows(): SyscallRow[] {
    return this._table.filter((row) => row !== undefined);
  }

  /** Calls made so far, by name. */
  get counts(): Map<string, CallCount> {
    const counts = this.rows.map(({ nr, name }): [string, CallCount] => {
      const inCore = this.host.inCoreCount(nr);
      return [name, { calls: this._calls[nr]! + inCore.calls, errors: this._errors[nr]! + inCore.errors, timeMs: this._timeMs[nr]! }];
    });
    return new Map(counts.filter(([, { calls }]) => calls > 0));
  }

  /** The task trapped with a system call. Preconditions: its TCB belongs to the kernel. */
  start(task: Task): void {
    task.origRax = task.shared.i32[((task.tcb + TCB.off.gpr) >> 2) + Reg.RAX * 2]!;
    if (task.tracing === null && task.seccomp === null) this.begin(task, task.origRax);
    else this.host.enterSyscall(task);
  }

  /** Runs call `nr` of the task. */
  begin(task: Task, nr: number): void {
    const interrupted = nr === Nr.restart_syscall ? task.restartBlock : null;
    task.restartBlock = null;
    task.syscall = interrupted ? { ...interrupted, resumed: true, timedOut: false } : { nr, timedOut: false, resumed: false, data: undefined };
    if (interrupted === null) {
      this._calls[nr]!++;
      if (this.hooks !== null && this._isAnswered(task, this.hooks)) return;
    }
    this._run(task);
  }

  /** Hooks may change the arguments, or answer. */
  private _isAnswered(task: Task, hooks: CallHooks): boolean {
    const row = this._rowOf(task);
    if (row === undefined) return false;
    const values = [...this._decode(task, row)];
    const answer = hooks.enter(task, row, values);
    task.syscall!.values = values;
    if (answer !== undefined) this._finish(task, row, answer);
    return answer !== undefined;
  }

  /** The task is in a call that stands in for the one it made. */
  beginWith(task: Task, row: SyscallRow, data: unknown): void {
    task.syscall = { nr: task.origRax, timedOut: false, resumed: false, data, row };
    this._run(task);
  }

  /** Runs the handler of the task's call again. */
  retry(task: Task): void {
    task.syscall!.resumed = true;
    this._run(task);
  }

  /** Re-runs the handlers of woken tasks until none is left. */
  drain(): void {
    for (let task = this._ready.shift(); task; task = this._ready.shift()) {
      if (task.syscall !== null) this.retry(task);
    }
  }

  /** A queue of the task's wait woke, or its deadline passed. */
  wake(task: Task, timedOut: boolean): void {
    if (!this._unpark(task)) return;
    task.syscall!.timedOut = timedOut;
    this._ready.push(task);
  }

  /** Ends an interruptible wait: the call gives its restart class or what `interrupted` says. False when the task does not wait. */
  interrupt(task: Task): boolean {
    if (task.parked?.wait.uninterruptible || !this._unpark(task)) return false;
    this._finish(task, this._rowOf(task)!, this._interruptedResult(task));
    return true;
  }

  /** Forgets a waiting task that dies; its call may drop registrations of its own. */
  abandon(task: Task): void {
    if (this._unpark(task)) this._callInterrupted(task, this._rowOf(task)!);
    task.syscall = null;
  }

  private _unpark(task: Task): boolean {
    if (!task.parked) return false;
    task.parked.remove();
    task.parked = null;
    this.host.taskUnblocked(task);
    return true;
  }

  private _rowOf(task: Task): SyscallRow | undefined {
    return task.syscall!.row ?? this._table[task.syscall!.nr];
  }

  private _run(task: Task): void {
    const row = this._rowOf(task);
    if (!row) return this._reject(task);
    const startMs = this.isTiming ? performance.now() : 0;
    const line = this.traceSink && REPLACES_TASK.has(row.nr) ? formatCall(task, row, this._decode(task, row), REPLACES_TASK.get(row.nr)) : '';
    const result = this._call(task, row);
    if (this.isTiming) this._timeMs[row.nr]! += performance.now() - startMs;
    if (typeof result !== 'object') return this._finish(task, row, result, line);
    if (!result.block) return this.begin(task, task.origRax);
    if (task.tracing !== null && this.host.stopsBeforeWait(task)) return;
    if (!result.uninterruptible && this.host.interruptPending(task)) return this._finish(task, row, this._interruptedResult(task));
    task.syscall!.timedOut = false;
    this.host.taskBlocked(task);
    task.parked = new Parked(this, task, result);
  }

  private _call(task: Task, row: SyscallRow): SyscallResult {
    this.actor = task;
    try {
      const changed = task.syscall!.values;
      if (changed !== undefined) return row.handler(task, changed[0], changed[1], changed[2], changed[3], changed[4], changed[5]);
      return row.handler(task, argOf(task, row, 0), argOf(task, row, 1), argOf(task, row, 2), argOf(task, row, 3), argOf(task, row, 4), argOf(task, row, 5));
    } catch (error) {
      if (error instanceof ErrnoError) return -error.errno;
      throw error;
    }
  }

  private _decode(task: Task, row: SyscallRow): readonly (number | bigint)[] {
    return task.syscall?.values ?? row.args.map((_, index) => argOf(task, row, index)!);
  }

  private _interruptedResult(task: Task): number {
    const row = this._rowOf(task)!;
    const own = this._callInterrupted(task, row);
    if (own !== undefined) return own;
    const restart = row.restart ?? 'ERESTARTSYS';
    return restart === 'EINTR' ? -Errno.EINTR : -Restart[restart];
  }

  private _callInterrupted(task: Task, row: SyscallRow): number | undefined {
    try {
      return row.interrupted?.(task);
    } catch (error) {
      if (error instanceof ErrnoError) return -error.errno;
      throw error;
    }
  }

  /** `line` is the trace of a call that left nothing of its arguments. */
  private _finish(task: Task, row: SyscallRow, given: number | bigint | undefined, line = ''): void {
    const result = this.hooks === null ? given : this.hooks.exit(task, row, given);
    if (typeof result === 'number' && result < 0 && result >= -MAX_ERRNO) this._errors[row.nr]!++;
    if (this.traceSink && this.traceFilter(row)) this.traceSink(task, result === undefined && line !== '' ? line : formatCall(task, row, this._decode(task, row), result));
    this.host.syscallDone(task, result);
  }

  private _reject(task: Task): void {
    const { nr } = task.syscall!;
    this.unimplemented.set(nr, (this.unimplemented.get(nr) ?? 0) + 1);
    this.host.onUnimplemented(task, nr);
    const name = CALL_NAMES.get(nr) ?? `syscall_0x${nr.toString(16)}`;
    if (this.traceSink && this.traceFilter({ name, groups: [] })) this.traceSink(task, `${name}() = -1 ENOSYS`);
    this.host.syscallDone(task, -Errno.ENOSYS);
  }
}

/** Argument `index` of the call as the registers have it; undefined when the call has fewer. */
function argOf(task: Task, row: SyscallRow, index: number): number | bigint | undefined {
  if (index >= row.args.length) return undefined;
  const { u32 } = task.shared;
  const at = ((task.tcb + TCB.off.gpr) >> 2) + ARG_REGS[index]! * 2;
  return decodeArg(row.args[index]!.kind, u32[at]!, u32[at + 1]!);
}

function decodeArg(kind: ArgKind, lo: number, hi: number): number | bigint {
  switch (kind) {
    case 'int':
    case 'fd':
    case 'flags':
    case 'enum':
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
