/**
 * Policy hooks: TypeScript that observes, changes, answers or denies system calls.
 *
 * Owns:   the hooks by call number. The dispatcher knows of this object only while there are hooks.
 * Order:  hooks run on the kernel thread after tracers and seccomp, before the call; the first verdict
 *         counts. They are synchronous: a waiting call must be plain data, which a promise is not.
 */
import { ConfigError, Errno, type ErrnoName } from '@troupe/abi';
import type { CallHooks, Dispatcher } from '../syscall/dispatch.js';
import type { SyscallRow } from '../syscall/row.js';
import type { Task } from '../task/task.js';
import { SyscallCall } from './syscall-call.js';

/** Nothing: the call is made. Otherwise it is not, and gives this. */
export type SyscallVerdict = { readonly errno: ErrnoName | number } | { readonly result: number | bigint } | undefined;

/** What a call gave: negative errno on failure; undefined when it does not return (exit, a successful execve). */
export type SyscallOutcome = number | bigint | undefined;

export interface SyscallHook {
  /** Before the call; again when a signal made it restart. */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type
  readonly enter?: (call: SyscallCall) => SyscallVerdict | void;
  /** After it, also when another hook answered. */
  readonly exit?: (call: SyscallCall, outcome: SyscallOutcome) => void;
}

export class SyscallHooks implements CallHooks {
  private readonly _byNr: SyscallHook[][] = [];
  /** Calls under way that an exit hook waits for. */
  private readonly _underWay = new WeakMap<Task, SyscallCall>();
  private _count = 0;

  constructor(readonly dispatcher: Dispatcher, readonly report: (message: string) => void) {}

  /** `names`: a call, a %group, or '*'. Returns what removes the hook. Throws ConfigError for an unknown name. */
  add(names: string, hook: SyscallHook): () => void {
    const numbers = this._numbersOf(names);
    for (const nr of numbers) (this._byNr[nr] ??= []).push(hook);
    this._count++;
    this.dispatcher.hooks = this;
    let isRemoved = false;
    return () => {
      if (isRemoved) return;
      isRemoved = true;
      for (const nr of numbers) this._byNr[nr] = this._byNr[nr]!.filter((other) => other !== hook);
      if (--this._count === 0) this.dispatcher.hooks = null;
    };
  }

  private _numbersOf(names: string): number[] {
    const rows = this.dispatcher.rows.filter((row) => names === '*' || row.name === names || (row.groups as readonly string[]).includes(names));
    if (rows.length === 0) throw new ConfigError(`'${names}' is neither a system call nor a %group`, 'onSyscall');
    return rows.map(({ nr }) => nr);
  }

  enter(task: Task, row: SyscallRow, values: (number | bigint)[]): number | bigint | undefined {
    const hooks = this._byNr[row.nr];
    if (hooks === undefined || hooks.length === 0) return undefined;
    const call = new SyscallCall(task, row, values);
    if (hooks.some(({ exit }) => exit !== undefined)) this._underWay.set(task, call);
    for (const hook of hooks) {
      const answer = hook.enter === undefined ? undefined : this._ask(call, hook.enter);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  private _ask(call: SyscallCall, enter: NonNullable<SyscallHook['enter']>): number | bigint | undefined {
    return this._guarded(call, () => {
      const verdict: unknown = enter(call);
      refusePromise(verdict);
      return resultOf(verdict as SyscallVerdict);
    });
  }

  exit(task: Task, row: SyscallRow, outcome: SyscallOutcome): SyscallOutcome {
    const call = this._underWay.get(task);
    if (call === undefined) return outcome;
    this._underWay.delete(task);
    let result = outcome;
    for (const { exit } of this._byNr[row.nr] ?? []) {
      const failure = this._guarded(call, () => refusePromise(exit?.(call, outcome)));
      if (outcome !== undefined) result = failure ?? result;
    }
    return result;
  }

  /** A hook that throws fails the call with EIO, and is reported. */
  private _guarded<T>(call: SyscallCall, run: () => T): T | number {
    try {
      return run();
    } catch (error) {
      this.report(`hook of ${call.name} failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
      return -Errno.EIO;
    }
  }
}

function refusePromise(value: unknown): undefined {
  if (!(value instanceof Promise)) return undefined;
  value.catch(() => undefined);
  throw new TypeError('hooks are synchronous: it returned a promise');
}

function resultOf(verdict: SyscallVerdict): number | bigint | undefined {
  if (verdict === undefined) return undefined;
  if ('result' in verdict) return verdict.result;
  const errno = typeof verdict.errno === 'number' ? verdict.errno : Errno[verdict.errno];
  if (!(errno > 0 && errno < 4096)) throw new RangeError(`${String(verdict.errno)} is no errno`);
  return -errno;
}
