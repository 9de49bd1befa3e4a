/**
 * Debug registers of a tracee (SDM Vol. 3B, 18.2; PTRACE_POKEUSER): breakpoints and watched writes.
 *
 * While DR7 enables one, the task runs step by step: after each step the kernel compares rip and the watched bytes with
 * what they were. A write that changes nothing is not seen, nor is a read: those kinds are refused.
 *
 * Order: what system calls, tracers and signal frames write is taken note of, but not told: the processor does not report it either.
 */
import { Errno, Si, Sig, type SigInfo } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { setStepping } from './stop.js';

const COUNT = 4;
const STATUS = 6;
const CONTROL = 7;
const ADDRESS_END = 1n << 47n;
/** DR6.BS: a step. */
const SINGLE_STEP = 1n << 14n;
/** Bits of DR6 that are always set. */
const STATUS_FIXED = 0xffff_0ff0n;

const Kind = { EXECUTE: 0, WRITE: 1 } as const;

interface Breakpoint {
  readonly index: number;
  readonly address: bigint;
  readonly kind: number;
  readonly lengthBytes: number;
}

/** Bytes by the LEN field of DR7. */
const LENGTHS = [1, 2, 8, 4] as const;

export class DebugRegisters {
  private readonly _addresses = [0n, 0n, 0n, 0n];
  private _control = 0n;
  private _status = 0n;
  private _enabled: readonly Breakpoint[] = [];
  /** Watched bytes as they were, by index. */
  private _before: (Uint8Array | null)[] = [];

  get isArmed(): boolean {
    return this._enabled.length > 0;
  }

  read(index: number): bigint {
    if (index < COUNT) return this._addresses[index]!;
    return index === STATUS ? this._status ^ STATUS_FIXED : index === CONTROL ? this._control : 0n;
  }

  /** 0, -EIO for registers that are not there, or -EINVAL. */
  write(task: Task, index: number, value: bigint): number {
    if (index === STATUS) this._status = value ^ STATUS_FIXED;
    else if (index === CONTROL) return this._enable(task, value, this._addresses);
    else if (index >= COUNT) return -Errno.EIO;
    else {
      if (value >= ADDRESS_END) return -Errno.EINVAL;
      const refused = this._enable(task, this._control, this._addresses.with(index, value));
      if (refused < 0) return refused;
      this._addresses[index] = value;
    }
    return 0;
  }

  private _enable(task: Task, control: bigint, addresses: readonly bigint[]): number {
    const enabled: Breakpoint[] = [];
    for (let index = 0; index < COUNT; index++) {
      if (((control >> BigInt(index * 2)) & 3n) === 0n) continue;
      const field = Number((control >> BigInt(16 + index * 4)) & 0xfn);
      const kind = field & 3;
      const lengthBytes = LENGTHS[field >> 2]!;
      const address = addresses[index]!;
      const isKnown = kind === Kind.WRITE || (kind === Kind.EXECUTE && lengthBytes === 1);
      if (!isKnown || address % BigInt(lengthBytes) !== 0n) return -Errno.EINVAL;
      enabled.push({ index, address, kind, lengthBytes });
    }
    this._control = control;
    this._enabled = enabled;
    this.refresh(task);
    return 0;
  }

  /** What is there now is what the next step is compared with. */
  refresh(task: Task): void {
    this._before = this._enabled.map((breakpoint) => bytesAt(task, breakpoint));
  }

  /** A step is done: DR6 tells what it met. True when there was something, or the tracer asked for the step. */
  afterStep(task: Task): boolean {
    let met = 0n;
    const now = this._enabled.map((breakpoint) => bytesAt(task, breakpoint));
    this._enabled.forEach(({ address, index, kind }, at) => {
      if (kind === Kind.EXECUTE ? task.rip === address : !isSame(this._before[at]!, now[at]!)) met |= 1n << BigInt(index);
    });
    this._before = now;
    const { steps } = task.tracing!;
    if (met !== 0n || steps) this._status = met | (steps ? SINGLE_STEP : 0n);
    return met !== 0n || steps;
  }
}

function bytesAt(task: Task, { address, kind, lengthBytes }: Breakpoint): Uint8Array | null {
  if (kind === Kind.EXECUTE) return null;
  const bytes = new Uint8Array(lengthBytes);
  return task.mm.copyInPartial(Number(address), bytes) === lengthBytes ? bytes : null;
}

function isSame(before: Uint8Array | null, now: Uint8Array | null): boolean {
  return before === null || now === null || before.every((byte, index) => byte === now[index]);
}

/** A traced task made a step. What its tracer hears, or null: it goes on. */
export function stepInfo(task: Task, addr: bigint): SigInfo | null {
  const { debug, forcedTrapFlag, steps } = task.tracing!;
  const isTold = debug.afterStep(task) || !forcedTrapFlag;
  if (!isTold) return null;
  const isBreakpoint = !steps && forcedTrapFlag;
  return { signo: Sig.TRAP, code: isBreakpoint ? Si.TRAP_HWBKPT : Si.TRAP_TRACE, addr };
}

/** The task runs another program. */
export function forgetDebugRegisters(task: Task): void {
  task.tracing!.debug = new DebugRegisters();
  updateStepping(task);
}

/** Steps while the tracer asks for it, or debug registers need it. */
export function updateStepping(task: Task): void {
  const { debug, steps } = task.tracing!;
  setStepping(task, steps || debug.isArmed);
  if (debug.isArmed) debug.refresh(task);
}
