/**
 * Runs one task on one core, from the moment the core takes it to the moment it hands it on. The
 * thread of a core does this in core-loop.ts; the kernel thread does it on a core of its own.
 *
 *   Owns:     the CoreBlock (all words but `command`, `occupant`, `asleep`); the TCB between begin and end
 *   Accepts:  CoreCommand bits (PREEMPT, SAFEPOINT, FLUSH_HIGH), TCB.interrupt
 *   Order:    runState is stored last when a TCB changes hands; currentTcb is cleared before that,
 *             so that a dead core's currentTcb names the task it took down
 */
import { addToU64, CoreBlock, coreBlockAddr, CoreCommand, CoreCounter, isSliceWanted, RunState, TCB, Trap, Vector, writeSlice, type CoreCounterName, type SharedMemory } from '@troupe/abi';
import type { Engine } from '../interp/engine.js';
import { announceCpu } from './rseq-area.js';

/** Weight of the past in TCB.burstNs. */
const BURST_WEIGHT = 3;
const MAX_BURST_NS = 0xffff_ffff;
/** Guest code that took longer than this did not have the processor all the time. */
const SLOW_INSTRUCTION_NS = 10;
/** The same for a fault that the core answers: it fills up to 64 pages, which the program then writes. */
const SLOW_FAULT_NS = 20_000;
const CLOCK_OFFSET_NS = clockOffsetNs();

export interface TaskSliceOptions {
  readonly shared: SharedMemory;
  readonly coreId: number;
  /** Makes an engine; called again after a failure, so that the core goes on with a fresh one. */
  readonly createEngine: () => Engine;
  readonly report: (message: string) => void;
}

export class TaskSlice {
  readonly #shared: SharedMemory;
  /** Indexes of words of the core block. */
  readonly #cpu: number;
  readonly #currentTcb: number;
  readonly #currentAsId: number;
  readonly #inGuest: number;
  readonly #epoch: number;
  readonly #command: number;
  readonly #counters: { readonly [name in CoreCounterName]: number };
  #engine: Engine;
  #tcb = 0;
  /** Since `begin`. */
  #instructions = 0;
  #faultsBefore = 0;
  #burstMs = 0;
  #startMs = 0;
  /** performance.now at the last look at the clock. */
  nowMs = 0;

  constructor(readonly options: TaskSliceOptions) {
    this.#shared = options.shared;
    const word = (field: keyof typeof CoreBlock.off): number => (coreBlockAddr(options.coreId) + CoreBlock.off[field]) >> 2;
    this.#cpu = word('cpu');
    this.#currentTcb = word('currentTcb');
    this.#currentAsId = word('currentAsId');
    this.#inGuest = word('inGuest');
    this.#epoch = word('epoch');
    this.#command = word('command');
    this.#counters = Object.fromEntries(CoreCounter.map((name, index) => [name, word('counters') + index * 2])) as Record<CoreCounterName, number>;
    this.#engine = options.createEngine();
  }

  /** The task runs on this core now, which is the CPU of that number. Precondition: its TCB is RUNNABLE and on no queue. */
  begin(tcb: number, cpu: number): void {
    const { i32, u32 } = this.#shared;
    this.#tcb = tcb;
    this.#burstMs = 0;
    i32[this.#cpu] = cpu;
    u32[this.#currentTcb] = tcb;
    Atomics.store(i32, this.#currentAsId, u32[(tcb + TCB.off.asId) >> 2]!);
    i32[(tcb + TCB.off.lastCore) >> 2] = cpu;
    Atomics.store(i32, (tcb + TCB.off.runState) >> 2, RunState.RUNNING);
    this.#count('contextSwitches', 1);
    this.#instructions = 0;
    this.#faultsBefore = u32[(tcb + TCB.off.freshFaults) >> 2]!;
    this.nowMs = performance.now();
    this.#startMs = this.nowMs;
  }

  /** Runs guest code until a trap; Trap.PREEMPT when the budget is used up or the core has a command. */
  run(budgetBranches: number): number {
    if (Atomics.load(this.#shared.i32, (this.#tcb + TCB.off.interrupt) >> 2) !== 0) return Trap.INTERRUPT;
    const beforeMs = this.nowMs;
    const before = this.#retired();
    const trap = this.#enterGuest(budgetBranches);
    const instructions = (this.#retired() - before) >>> 0;
    this.#instructions += instructions;
    this.#count('instructions', instructions);
    this.nowMs = performance.now();
    const ranMs = this.nowMs - beforeMs;
    this.#burstMs += ranMs;
    addToU64(this.#shared.u32, (this.#tcb + TCB.off.cpuTimeNs) >> 2, Math.round(ranMs * 1e6));
    return trap;
  }

  /** Low word of TCB.instructions: a turn in guest code is short, a slice need not be. */
  #retired(): number {
    return this.#shared.u32[(this.#tcb + TCB.off.instructions) >> 2]!;
  }

  /** Guest code runs between inGuest = 1 and the epoch's next value: a safepoint for shootdowns. */
  #enterGuest(budgetBranches: number): number {
    const { i32 } = this.#shared;
    Atomics.store(i32, this.#inGuest, 1);
    try {
      return announceCpu(this.#shared, this.#tcb, i32[this.#cpu]!) ? this.#engine.run(this.#tcb, budgetBranches) : Trap.INTERRUPT;
    } catch (error) {
      this.options.report(`core ${this.options.coreId}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
      this.#engine = this.options.createEngine();
      return Trap.CORE_ERROR;
    } finally {
      Atomics.store(i32, this.#inGuest, 0);
      Atomics.add(i32, this.#epoch, 1);
      Atomics.and(i32, this.#command, ~(CoreCommand.PREEMPT | CoreCommand.SAFEPOINT));
    }
  }

  /** The task leaves the core: RUNNABLE after Trap.PREEMPT, else TRAPPED. The caller puts it on a queue. */
  end(trap: number): void {
    const { i32, u32 } = this.#shared;
    const tcb = this.#tcb;
    const isPreempted = trap === Trap.PREEMPT;
    this.#countTrap(trap);
    this.#noteBurst(isPreempted, this.#instructions, (u32[(tcb + TCB.off.freshFaults) >> 2]! - this.#faultsBefore) >>> 0);
    if (isSliceWanted(this.#shared, this.options.coreId)) this.#record(trap);
    i32[(tcb + TCB.off.trap) >> 2] = trap;
    if (isPreempted) u32[(tcb + TCB.off.nivcsw) >> 2]!++;
    this.#tcb = 0;
    Atomics.store(i32, this.#currentAsId, 0);
    Atomics.store(i32, this.#currentTcb, 0);
    Atomics.store(i32, (tcb + TCB.off.runState) >> 2, isPreempted ? RunState.RUNNABLE : RunState.TRAPPED);
  }

  /** A burst goes on over preemptions. What the host did meanwhile, or the decoder, does not count. */
  #noteBurst(isPreempted: boolean, instructions: number, faults: number): void {
    const { u32 } = this.#shared;
    const soFar = (this.#tcb + TCB.off.burstSoFarNs) >> 2;
    const usual = (this.#tcb + TCB.off.burstNs) >> 2;
    const ns = Math.min(MAX_BURST_NS, u32[soFar]! + Math.min(this.#burstMs * 1e6, instructions * SLOW_INSTRUCTION_NS + faults * SLOW_FAULT_NS));
    u32[soFar] = isPreempted ? ns : 0;
    if (!isPreempted) u32[usual] = (u32[usual]! * BURST_WEIGHT + ns) / (BURST_WEIGHT + 1);
  }

  #record(trap: number): void {
    const { i32 } = this.#shared;
    writeSlice(this.#shared, this.options.coreId, {
      startNs: this.#startMs * 1e6 + CLOCK_OFFSET_NS, endNs: this.nowMs * 1e6 + CLOCK_OFFSET_NS, tid: i32[(this.#tcb + TCB.off.tid) >> 2]!, cpu: i32[this.#cpu]!, trap,
    });
  }

  #countTrap(trap: number): void {
    if (trap === Trap.SYSCALL) this.#count('syscalls', 1);
    else if (trap === Trap.PREEMPT) this.#count('preemptions', 1);
    else if (trap === Trap.INTERRUPT) this.#count('interrupts', 1);
    else this.#count(this.#shared.u32[(this.#tcb + TCB.off.trapVector) >> 2] === Vector.PF ? 'pageFaults' : 'exceptions', 1);
  }

  #count(name: CoreCounterName, by: number): void {
    addToU64(this.#shared.u32, this.#counters[name], by);
  }
}

/** From this thread's clock, which started with it, to that of the host: the reading that took the shortest time counts. */
function clockOffsetNs(): number {
  let best = { tookNs: Infinity, offsetNs: 0 };
  for (let n = 0; n < 8; n++) {
    const beforeNs = Number(process.hrtime.bigint());
    const ownNs = performance.now() * 1e6;
    const tookNs = Number(process.hrtime.bigint()) - beforeNs;
    if (tookNs < best.tookNs) best = { tookNs, offsetNs: beforeNs + tookNs / 2 - ownNs };
  }
  return best.offsetNs;
}
