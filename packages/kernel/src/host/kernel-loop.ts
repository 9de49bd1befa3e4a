/**
 * Runs the kernel on its thread: traps from the cores, woken calls, timers, one after the other; and
 * between them the tasks of the thread's own core.
 *
 *   Owns:    the reading end of the kernel ring, kernelSleeping
 *   Accepts: the doorbell (cores, kick), timer deadlines
 *   Sends:   LoopTarget.onTrap(tcb), drain(), timers.expire, LocalCore.run
 *   Order:   kernelSleeping is set before the ring is looked at for the last time, so a push that
 *            misses the sleeping flag is seen by that look
 */
import { KernelRing, type SharedMemory } from '@troupe/abi';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LocalCore, LocalTarget } from './local-core.js';

export interface LoopTarget extends LocalTarget {
  readonly shared: SharedMemory;
  /** Called when a round of work ended and tasks may have become runnable. */
  afterWork(): void;
  /** Tasks that core threads have or will take. */
  tasksElsewhere(): number;
  /** Set when time jumps to the next timer while every task waits. */
  readonly jump?: () => void;
}

/** Longest time without giving the host's event loop a turn (stdin, API calls). */
const MAX_ROUND_MS = 2;
/** Look this long for more traps before going to sleep, while tasks run on other threads. */
const SPIN_MS = 0.05;
const MAX_SLEEP_MS = 60_000;
/** Input on its way has so long to arrive before time jumps. */
const JUMP_GRACE_MS = 2;

export class KernelLoop {
  private readonly _ring: KernelRing;
  private _stopped = false;
  private _isAsleep = false;
  /** A thread whose only work is to wait for the doorbell would end. */
  private _keepAlive: NodeJS.Timeout | undefined;
  /** The thread's own core, once there is one. */
  local: LocalCore | undefined;
  private _running: Promise<void> | undefined;

  constructor(readonly target: LoopTarget, readonly spinMs = SPIN_MS) {
    this._ring = new KernelRing(target.shared);
  }

  start(): void {
    this._keepAlive ??= setInterval(() => undefined, MAX_SLEEP_MS);
    this._running ??= this._run();
  }

  /** Something changed outside of the cores (API call, input): look again. */
  kick(): void {
    this._ring.ring();
  }

  /** A task waits for the local core. */
  offered(): void {
    if (this._isAsleep) this.kick();
  }

  async stop(): Promise<void> {
    this._stopped = true;
    this.kick();
    await this._running;
    clearInterval(this._keepAlive);
  }

  private async _run(): Promise<void> {
    while (!this._stopped) {
      this._round();
      await nextTurn();
      if (!this._stopped) await this._sleep();
    }
  }

  /** Works until nothing is left for spinMs, or the event loop must get its turn. */
  private _round(): void {
    const endMs = performance.now() + MAX_ROUND_MS;
    let idleSinceMs = 0;
    for (;;) {
      const nowMs = performance.now();
      if (this._step(endMs)) idleSinceMs = 0;
      else if (this.target.tasksElsewhere() === 0) return;
      else if (idleSinceMs === 0) idleSinceMs = nowMs;
      else if (nowMs - idleSinceMs > this.spinMs) return;
      if (nowMs > endMs) return;
    }
  }

  /** Handles what has come in, then runs a task of the local core; true when there was anything to do. */
  private _step(untilMs: number): boolean {
    const pumped = this.pump();
    if (this.local === undefined) return pumped;
    const ran = this.local.run(untilMs);
    // It may have given its CPU up although tasks wait.
    this.target.afterWork();
    return pumped || ran;
  }

  /** One pass over ring, timers and woken calls; true when there was anything to do. */
  pump(): boolean {
    let worked = false;
    for (let tcb = this._ring.pop(); tcb !== 0; tcb = this._ring.pop()) {
      this.target.onTrap(tcb);
      this.target.drain();
      worked = true;
    }
    const { timers } = this.target;
    if (timers.nextNs !== Infinity && timers.expire(timers.clock.nowNs()) > 0) worked = true;
    this.target.drain();
    if (worked) this.target.afterWork();
    return worked;
  }

  private async _sleep(): Promise<void> {
    const seen = this._ring.doorbell;
    this._ring.setSleeping(true);
    if (!this.pump() && this.local?.isIdle !== false) {
      this._isAsleep = true;
      await this._ring.whenRung(seen, Math.min(this.target.nextTimerMs(), this.target.jump ? JUMP_GRACE_MS : MAX_SLEEP_MS));
      if (this._ring.doorbell === seen) this.target.jump?.();
      this._isAsleep = false;
    }
    this._ring.setSleeping(false);
  }
}
