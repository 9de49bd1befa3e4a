/**
 * A sequential model of processes, signals, stops, waits, timers and external pauses: one thread per process, default
 * dispositions. Messages are handled one after the other; what they leave behind for waiting processes is looked at
 * in order of arrival (`settle`), and not before the end of an external pause.
 */
import { Sig } from '@troupe/abi';

export const MODEL_SIGNALS = [Sig.HUP, Sig.USR1, Sig.KILL, Sig.ALRM, Sig.TERM, Sig.CONT, Sig.STOP, Sig.TSTP, 40] as const;
/** What the mask operation blocks. */
export const MASKED: readonly number[] = [Sig.USR1, Sig.TERM];
const STOPS: readonly number[] = [Sig.STOP, Sig.TSTP];

type Waiting = 'pause' | 'sleep' | 'child';
export interface ModelStatus {
  readonly code: number;
  readonly signo: number;
}

export class ModelProcess {
  state: 'running' | 'blocked' | 'stopped' | 'zombie' = 'running';
  /** Running, and kept from the cores by an external pause. */
  isHeld = false;
  waiting: Waiting | null = null;
  isSleepOver = false;
  /** Its wait queue woke, or its deadline passed: the call looks again at the next settle. */
  isWoken = false;
  readonly pending = new Set<number>();
  masked: readonly number[] = [];
  isStopping = false;
  killed: ModelStatus | null = null;
  status: ModelStatus | null = null;
  report: 'stopped' | 'continued' | null = null;
  readonly children: ModelProcess[] = [];
  group: number;

  constructor(readonly tid: number, public parent: ModelProcess | null) {
    this.group = parent?.group ?? tid;
    parent?.children.push(this);
  }

  get isOnCore(): boolean {
    return this.state === 'running' && !this.isHeld;
  }

  get nextSignal(): number | undefined {
    return [...this.pending].filter((signo) => !this.masked.includes(signo)).sort((a, b) => a - b)[0];
  }
}

interface ModelTimer {
  readonly kind: 'sleep' | 'alarm';
  readonly process: ModelProcess;
  readonly deadline: number;
}

export class ModelKernel {
  readonly processes = new Map<number, ModelProcess>();
  readonly init: ModelProcess;
  pauses = 0;
  private _now = 0;
  private _timers: ModelTimer[] = [];
  private readonly _attention: ModelProcess[] = [];
  private readonly _ready: ModelProcess[] = [];

  constructor(initTid: number) {
    this.init = this._add(new ModelProcess(initTid, null));
  }

  private _add(process: ModelProcess): ModelProcess {
    this.processes.set(process.tid, process);
    return process;
  }

  fork(parent: ModelProcess, tid: number): void {
    const child = this._add(new ModelProcess(tid, parent));
    child.masked = parent.masked;
    child.isHeld = this.pauses > 0;
  }

  /** Before a call or at a safepoint: a killed process ends instead. */
  endsNow(process: ModelProcess): boolean {
    if (process.killed === null) return false;
    this.exit(process, process.killed);
    this.settle();
    return true;
  }

  /** The call ended: back to user mode by way of signals. */
  leave(process: ModelProcess): void {
    this._deliver(process);
    this.settle();
  }

  block(process: ModelProcess, waiting: Waiting, deadline = 0): void {
    process.isSleepOver = false;
    if (process.nextSignal === undefined && process.killed === null && !process.isStopping) {
      process.state = 'blocked';
      process.waiting = waiting;
      if (waiting === 'sleep') this._timers.push({ kind: 'sleep', process, deadline: this._now + deadline });
    } else this._deliver(process);
    this.settle();
  }

  alarm(process: ModelProcess, delay: number): void {
    this._dropTimers(process, 'alarm');
    this._timers.push({ kind: 'alarm', process, deadline: this._now + delay });
  }

  /** wait4(-1, UNTRACED | CONTINUED): the child, undefined when none has anything to say. */
  reap(process: ModelProcess): ModelProcess | undefined {
    const child = process.children.find(({ state, report }) => state === 'zombie' || report !== null);
    if (child === undefined) return undefined;
    child.report = null;
    if (child.state !== 'zombie') return child;
    process.children.splice(process.children.indexOf(child), 1);
    this.processes.delete(child.tid);
    return child;
  }

  send(process: ModelProcess, signo: number): void {
    if (process.state === 'zombie' || process.killed !== null) return;
    if (STOPS.includes(signo)) process.pending.delete(Sig.CONT);
    if (signo === Sig.CONT) this._continue(process);
    if (signo === Sig.KILL) this._kill(process, { code: 0, signo });
    else process.pending.add(signo);
    if (process.killed !== null || !process.masked.includes(signo)) this._attend(process);
  }

  private _kill(process: ModelProcess, status: ModelStatus): void {
    process.killed = status;
    process.isStopping = false;
  }

  private _continue(process: ModelProcess): void {
    for (const signo of STOPS) process.pending.delete(signo);
    if (!process.isStopping) return;
    process.isStopping = false;
    if (process.state !== 'stopped') return;
    this._attend(process);
    process.report = 'continued';
    this._wake(process.parent, 'child');
  }

  exit(process: ModelProcess, status: ModelStatus): void {
    this._kill(process, status);
    process.status = status;
    process.state = 'zombie';
    process.waiting = null;
    this._timers = this._timers.filter((timer) => timer.process !== process);
    for (const child of process.children.splice(0)) {
      child.parent = this.init;
      this.init.children.push(child);
      if (child.state === 'zombie') this._wake(this.init, 'child');
      this._orphan(child.group, process);
    }
    this._wake(process.parent, 'child');
    this._orphan(process.group, process.parent);
  }

  /** One session: a parent in another group holds a group. */
  private _isOrphaned(group: number): boolean {
    return this._members(group).every(({ parent }) => parent === null || parent.group === group);
  }

  private _members(group: number): ModelProcess[] {
    return [...this.processes.values()].filter((process) => process.group === group && process.state !== 'zombie');
  }

  private _orphan(group: number, parent: ModelProcess | null): void {
    if (parent === null || parent.group === group || !this._isOrphaned(group)) return;
    const members = this._members(group);
    if (!members.some(({ isStopping }) => isStopping)) return;
    for (const member of members) for (const signo of [Sig.HUP, Sig.CONT]) this.send(member, signo);
  }

  sendToGroup(group: number, signo: number): void {
    for (const member of this._members(group)) this.send(member, signo);
  }

  advance(duration: number): void {
    this._now += duration;
    const due = this._timers.filter(({ deadline }) => deadline <= this._now).sort((a, b) => a.deadline - b.deadline);
    this._timers = this._timers.filter(({ deadline }) => deadline > this._now);
    for (const { kind, process } of due) {
      if (kind === 'alarm') this.send(process, Sig.ALRM);
      else {
        process.isSleepOver = true;
        this._wake(process, 'sleep');
      }
    }
    this.settle();
  }

  unpause(): void {
    if (--this.pauses > 0) return;
    for (const process of this.processes.values()) process.isHeld = false;
    this.settle();
  }

  private _dropTimers(process: ModelProcess, kind: ModelTimer['kind']): void {
    this._timers = this._timers.filter((timer) => timer.process !== process || timer.kind !== kind);
  }

  private _attend(process: ModelProcess): void {
    if (process.state === 'running' || process.isWoken || this._attention.includes(process)) return;
    this._attention.push(process);
  }

  private _wake(process: ModelProcess | null, waiting: Waiting): void {
    if (process?.waiting !== waiting || process.isWoken) return;
    process.isWoken = true;
    this._ready.push(process);
  }

  settle(): void {
    if (this.pauses > 0) return;
    do {
      for (let process = this._attention.shift(); process; process = this._attention.shift()) this._lookAt(process);
      for (let process = this._ready.shift(); process; process = this._ready.shift()) this._retry(process);
    } while (this._attention.length > 0);
  }

  private _lookAt(process: ModelProcess): void {
    const isReleased = process.state === 'stopped' && !process.isStopping;
    const isInterrupted = process.state === 'blocked' && !process.isWoken && process.nextSignal !== undefined;
    const isKilled = process.killed !== null && (process.state === 'stopped' || (process.state === 'blocked' && !process.isWoken));
    if (isReleased || isInterrupted || isKilled) this._endWait(process);
  }

  private _retry(process: ModelProcess): void {
    if (!process.isWoken) return;
    process.isWoken = false;
    const isDone = process.waiting === 'sleep' ? process.isSleepOver : this.reap(process) !== undefined;
    if (isDone || process.killed !== null || process.nextSignal !== undefined) this._endWait(process);
  }

  private _endWait(process: ModelProcess): void {
    process.waiting = null;
    this._dropTimers(process, 'sleep');
    process.state = 'running';
    this._deliver(process);
  }

  private _deliver(process: ModelProcess): void {
    if (process.killed !== null) return this.exit(process, process.killed);
    for (;;) {
      if (process.isStopping) return this._stop(process);
      const signo = process.nextSignal;
      if (signo === undefined) break;
      process.pending.delete(signo);
      if (STOPS.includes(signo)) {
        if (signo === Sig.STOP || !this._isOrphaned(process.group)) {
          process.isStopping = true;
          process.report = null;
        }
      } else if (signo !== Sig.CONT) return this.exit(process, { code: 0, signo });
    }
    process.isHeld = this.pauses > 0;
  }

  private _stop(process: ModelProcess): void {
    process.state = 'stopped';
    process.report = 'stopped';
    this._wake(process.parent, 'child');
  }
}
