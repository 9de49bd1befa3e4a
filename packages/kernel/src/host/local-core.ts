/**
 * The kernel thread's own core. Tasks that make system calls often run here, between their calls, on
 * the thread that answers the calls: a trap is a function call, and a task that another one wakes
 * runs next without any thread being woken. What computes goes to the core threads.
 *
 *   Owns:     CoreBlock of LOCAL_CORE, the list of tasks that wait for this core (RUNNABLE, on no queue)
 *   Borrows:  a CPU while there are tasks for this core (HeldCpu); the run queue
 *   Sends:    LocalTarget.onTrap(tcb), when a task left guest code, and drain() after it
 *   Order:    guest code runs from the kernel loop only, never inside a trap. A task goes on after its traps until its
 *             turn is over, it waits, gives way (reschedule), or others become runnable
 */
import { headerWord, HostLoad, KernelRing, RunQueue, TCB, Trap, type SharedMemory } from '@troupe/abi';
import type { TaskSlice } from '@troupe/cpu-worker/worker/task-slice.js';
import type { TimerQueue } from '@troupe/time';
import { HeldCpu } from './held-cpu.js';

const ONLINE = headerWord('coreCount');
/** Taken branches between two looks at ring and clock. */
const BUDGET_BRANCHES = 8192;
/** A task that usually traps sooner than this always runs here: handing it to another thread costs more. */
const TINY_BURST_NS = 8_000;
/** One that traps sooner than this runs here, too, unless so many others wait, or one and an idle core thread is awake. */
const FEW_WAITING = 2;
const SHORT_BURST_NS = 30_000;
/** One that traps sooner than this runs here, too, when there is one CPU: another thread would have to wait for it. */
const MEDIUM_BURST_NS = 1_000_000;
/** One that traps sooner than this runs here while nothing else wants to. */
const LONG_BURST_NS = 40_000_000;
/** So long a task may keep others waiting that want to run here, in one slice and from trap to trap. */
const SHARED_SLICE_MS = 0.1;
/** A turn is longer the more tasks wait. Of a few each call is a turn: they may wait for each other in loops of calls. */
const TURN_MS_PER_WAITING = 0.002;
const SLICE_MS = 20;
/** Tasks of the run queue and of this core change places so often, if there are always some on the run queue. */
const EXCHANGE_MS = 5;
/** Of each period, tasks of higher priority may keep the others from running so long (/proc/sys/kernel/sched_rt_runtime_us). */
const PERIOD_MS = 1000;
const REAL_TIME_MS = 950;
/** Faults after which a task goes on before others get their turn. */
const MAX_FAULTS_IN_TURN = 16;

export interface LocalTarget {
  onTrap(tcb: number): void;
  /** Re-runs woken system calls. */
  drain(): void;
  readonly timers: TimerQueue;
  /** Host milliseconds until the next timer is due. */
  nextTimerMs(): number;
}

export class LocalCore {
  private readonly _queue: RunQueue;
  private readonly _ring: KernelRing;
  private readonly _held: HeldCpu;
  private readonly _host: HostLoad;
  /** Tasks that wait for this core. */
  private _waiting: number[] = [];
  /** Since when somebody else has been waiting for our CPU; 0 = nobody. */
  private _deniedSinceMs = 0;
  /** When the turn of the task that runs is over, if others wait. */
  private _turnEndMs = 0;
  private _faultsInTurn = 0;
  /** The task in the kernel gives way to others. */
  private _givesWay = false;
  /** Since when tasks of lower priority have been passed over; 0 = none is. */
  private _passedSinceMs = 0;

  constructor(readonly shared: SharedMemory, readonly cpus: number, readonly slice: TaskSlice, readonly target: LocalTarget) {
    this._queue = new RunQueue(shared);
    this._ring = new KernelRing(shared);
    this._held = new HeldCpu(this._queue, cpus);
    this._host = new HostLoad(shared);
  }

  /** Nothing to run, and no CPU held. */
  get isIdle(): boolean {
    return this._waiting.length === 0 && !this.isCpu;
  }

  /** The kernel thread stands in for one of the core threads. */
  get isCpu(): boolean {
    return this._held.number >= 0;
  }

  /** Takes a RUNNABLE task, if it is better run here than on another thread. */
  offer(tcb: number): boolean {
    if (!this._suits(tcb)) return false;
    this._waiting.push(tcb);
    return true;
  }

  /** The task whose trap is being handled goes behind those that wait. */
  reschedule(): void {
    this._givesWay = true;
  }

  private _suits(tcb: number): boolean {
    const burstNs = this._burstNs(tcb);
    if (burstNs <= TINY_BURST_NS) return true;
    if (this.cpus === 1 && burstNs <= MEDIUM_BURST_NS) return true;
    const others = this._waiting.length;
    if (others === 0) return burstNs <= LONG_BURST_NS;
    if (burstNs > SHORT_BURST_NS) return false;
    return !this._hasCores || this._host.isCrowded || (others < FEW_WAITING && !this._queue.hasAwakeIdleCore);
  }

  /** Core threads are up. */
  private get _hasCores(): boolean {
    return Atomics.load(this.shared.i32, ONLINE) > 0;
  }

  /** Of the task since its last trap, or as usual. */
  private _burstNs(tcb: number): number {
    const { u32 } = this.shared;
    return Math.max(u32[(tcb + TCB.off.burstNs) >> 2]!, u32[(tcb + TCB.off.burstSoFarNs) >> 2]!);
  }

  /**
   * Runs tasks, one after the other as they trap and others become runnable; false when there is none.
   * `endMs`: the kernel thread has other things to do then.
   */
  run(endMs: number): boolean {
    let tcb = this._next();
    if (tcb === 0) {
      this._held.release();
      return false;
    }
    const cpu = this._held.hold(tcb);
    if (cpu < 0) {
      this._queue.push(tcb);
      return true;
    }
    const timerNs = this.target.timers.nextNs;
    const untilMs = Math.min(endMs, performance.now() + this.target.nextTimerMs());
    while (tcb !== 0) {
      const others = this._waiting.length;
      this._givesWay = false;
      this.slice.begin(tcb, cpu);
      const trap = this._runSlice(untilMs);
      this.slice.end(trap);
      if (trap === Trap.PREEMPT) {
        this._putBack(tcb);
        return true;
      }
      this.target.onTrap(tcb);
      this.target.drain();
      const keepsTurn = this._keepsTurn(tcb, trap, others);
      const goesOn = this._mayGoOn(untilMs, timerNs);
      if (keepsTurn) this._waiting.pop();
      if (keepsTurn && goesOn && this._queue.mayRun(tcb, cpu) && !this._owesQueue(tcb)) continue;
      if (keepsTurn) this._waiting.unshift(tcb);
      tcb = goesOn ? this._nextOn(cpu) : 0;
    }
    return true;
  }

  /** Nobody waits for the kernel thread, and no timer has been armed or disarmed that comes next. */
  private _mayGoOn(untilMs: number, timerNs: number): boolean {
    return this._ring.isEmpty && this.slice.nowMs < untilMs && this.target.timers.nextNs === timerNs;
  }

  /** The next task, if it may run on the CPU; 0 = none. */
  private _nextOn(cpu: number): number {
    const tcb = this._next();
    if (tcb === 0 || this._queue.mayRun(tcb, cpu)) return tcb;
    this._waiting.unshift(tcb);
    return 0;
  }

  /** The first of the highest priority; 0 = none. While no core thread is up, all tasks are for us. */
  private _next(): number {
    if (!this._hasCores) {
      if (this._waiting.length === 0) return this._takeQueued();
    } else if (!this._queue.isEmpty) this._shareQueue();
    return this._waiting.length < 2 ? this._waiting.shift() ?? 0 : this._pick();
  }

  private _pick(): number {
    let best = 0;
    let passedOver = -1;
    for (let at = 1; at < this._waiting.length; at++) {
      const difference = this._priority(this._waiting[at]!) - this._priority(this._waiting[best]!);
      if (difference < 0 && passedOver < 0) passedOver = at;
      else if (difference > 0) {
        best = at;
        passedOver = 0;
      }
    }
    if (passedOver >= 0) return this._choose(best, passedOver);
    this._passedSinceMs = 0;
    return this._waiting.shift()!;
  }

  /** `passedOver`: the first task of a lower priority. */
  private _choose(best: number, passedOver: number): number {
    if (!this._queue.hasIdleCore) return this._takeAt(this._isTurnOfOthers() ? passedOver : best);
    const tcb = this._takeAt(best);
    this._handOver(this._waiting.filter((other) => this._priority(other) < this._priority(tcb)));
    return tcb;
  }

  private _takeAt(at: number): number {
    return this._waiting.splice(at, 1)[0]!;
  }

  /** Tasks of lower priority that have waited too long have the core for a while (sched(7), sched_rt_runtime_us). */
  private _isTurnOfOthers(): boolean {
    const nowMs = performance.now();
    if (this._passedSinceMs === 0) this._passedSinceMs = nowMs;
    if (nowMs - this._passedSinceMs > PERIOD_MS) this._passedSinceMs = nowMs;
    return nowMs - this._passedSinceMs > REAL_TIME_MS;
  }

  private _takeQueued(): number {
    for (let cpu = 0; cpu < this.cpus && !this._queue.isEmpty; cpu++) {
      const tcb = this._queue.pop(cpu);
      if (tcb !== 0) return tcb;
    }
    return 0;
  }

  private _priority(tcb: number): number {
    return this.shared.i32[(tcb + TCB.off.schedPriority) >> 2]!;
  }

  private _runSlice(untilMs: number): number {
    const startMs = this.slice.nowMs;
    for (;;) {
      const trap = this.slice.run(BUDGET_BRANCHES);
      if (trap !== Trap.PREEMPT) return trap;
      const { nowMs } = this.slice;
      if (!this._ring.isEmpty || nowMs >= untilMs) return trap;
      if (nowMs - startMs > (this._waiting.length > 0 ? SHARED_SLICE_MS : SLICE_MS)) return trap;
    }
  }

  /**
   * The task may go on after its trap although others wait: it is runnable, has woken nobody, and its turn is not
   * over. After a fault it goes on at any rate: were it always another one's turn, two that run and rewrite the
   * same page of code would take it from each other for ever.
   */
  private _keepsTurn(tcb: number, trap: number, others: number): boolean {
    const nowMs = performance.now();
    const isFault = trap === Trap.EXCEPTION && this._faultsInTurn < MAX_FAULTS_IN_TURN;
    const isNext = this._waiting.length === others + 1 && this._waiting[others] === tcb && !this._givesWay;
    const keeps = isNext && (others === 0 || isFault || nowMs < this._turnEndMs);
    this._faultsInTurn = keeps && isFault ? this._faultsInTurn + 1 : 0;
    if (!keeps) this._turnEndMs = nowMs + Math.min(SHARED_SLICE_MS, this._waiting.length * TURN_MS_PER_WAITING);
    return keeps;
  }

  /** A task that was interrupted goes on here if it does not compute. */
  private _putBack(tcb: number): void {
    if (this._suits(tcb)) this._waiting.unshift(tcb);
    else this._queue.push(tcb);
  }

  /** Core threads are up, and tasks wait for one: the kernel thread takes its share, if it is one of the CPUs. */
  private _shareQueue(): void {
    this._held.takeOver();
    const first = this._waiting[0];
    if (first !== undefined) {
      if (this._owesQueue(first)) this._exchange(first);
    } else if (this.isCpu) this._pull();
  }

  /** On the run queue is a task of a higher priority than this one, or there have been some all the time. */
  private _owesQueue(tcb: number): boolean {
    if (this._queue.isEmpty || !this._hasCores) {
      this._deniedSinceMs = 0;
      return false;
    }
    const nowMs = performance.now();
    if (this._deniedSinceMs === 0) this._deniedSinceMs = nowMs;
    return nowMs - this._deniedSinceMs > EXCHANGE_MS || (this.isCpu && this._queue.bestPriority(this._held.number) > this._priority(tcb));
  }

  /** The first of the run queue in place of the task; one that computes in place of all, on a core thread. */
  private _exchange(tcb: number): void {
    this._deniedSinceMs = 0;
    if (!this.isCpu || !this._pull()) return this._handOver([...this._waiting]);
    if (this._burstNs(tcb) > SHORT_BURST_NS) this._handOver([tcb]);
  }

  /** The first of the run queue, if it does not compute. */
  private _pull(): boolean {
    const tcb = this._queue.popIf(this._held.number, (first) => this._burstNs(first) <= LONG_BURST_NS);
    if (tcb !== 0) this._waiting.unshift(tcb);
    return tcb !== 0;
  }

  /** To the core threads. */
  private _handOver(tcbs: readonly number[]): void {
    for (const tcb of tcbs) this._queue.push(this._takeAt(this._waiting.indexOf(tcb)));
  }
}
