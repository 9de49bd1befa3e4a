/**
 * A discrete-event simulation of recorded work on other numbers of cores: cores take ready tasks first come, first
 * served; one kernel thread does the kernel's work in the same way; waits follow the recorded wake-ups. What cores share
 * besides (memory bandwidth, locks) is not in it, so that predictions are upper bounds.
 */
import type { Step, TaskWork } from './task-work.js';

export interface Prediction {
  readonly cores: number;
  readonly elapsedNs: number;
  /** Shares of the elapsed time. */
  readonly coreUse: number;
  readonly kernelUse: number;
  /** Kernel work by what it was, most first. */
  readonly kernelNs: readonly (readonly [what: string, ns: number])[];
}

interface Timed {
  readonly atNs: number;
  readonly task: number;
  readonly resource: 'core' | 'kernel' | null;
}

/** Times in a binary heap; equal ones in any order. */
class EventHeap {
  private readonly _heap: Timed[] = [];

  push(event: Timed): void {
    const heap = this._heap;
    let at = heap.push(event) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent]!.atNs > event.atNs; at = parent, parent = (at - 1) >> 1) heap[at] = heap[parent]!;
    heap[at] = event;
  }

  pop(): Timed | undefined {
    const heap = this._heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && heap[child + 1]!.atNs < heap[child]!.atNs) child++;
      if (child >= heap.length || heap[child]!.atNs >= last.atNs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/** Servers of one kind with one queue. */
class Servers {
  busyNs = 0;
  private readonly _queue: { readonly task: number; readonly ns: number }[] = [];
  private _head = 0;

  constructor(private _free: number, readonly kind: 'core' | 'kernel', readonly events: EventHeap) {}

  ask(task: number, ns: number, nowNs: number): void {
    if (this._free > 0) this._serve(task, ns, nowNs);
    else this._queue.push({ task, ns });
  }

  private _serve(task: number, ns: number, nowNs: number): void {
    this._free--;
    this.busyNs += ns;
    this.events.push({ atNs: nowNs + ns, task, resource: this.kind });
  }

  done(nowNs: number): void {
    this._free++;
    const next = this._queue[this._head];
    if (next === undefined) return;
    this._head++;
    this._serve(next.task, next.ns, nowNs);
  }
}

export function simulate(work: readonly TaskWork[], cores: number): Prediction {
  const events = new EventHeap();
  const servers = { core: new Servers(cores, 'core', events), kernel: new Servers(1, 'kernel', events) };
  /** Next step of each task; all before it are done. */
  const at = work.map(() => 0);
  const waiters = new Map<string, number[]>();
  let nowNs = 0;
  const advance = (task: number): void => {
    for (;;) {
      const step: Step | undefined = work[task]!.steps[at[task]!];
      if (step === undefined) return;
      if (step.kind === 'run') return servers.core.ask(task, step.ns, nowNs);
      if (step.kind === 'kernel') return servers.kernel.ask(task, step.ns, nowNs);
      if (step.kind === 'delay') return events.push({ atNs: nowNs + step.ns, task, resource: null });
      if (at[step.task]! <= step.step) {
        const key = `${step.task}:${step.step}`;
        waiters.set(key, [...(waiters.get(key) ?? []), task]);
        return;
      }
      at[task]!++;
    }
  };
  const finish = (task: number): void => {
    const key = `${task}:${at[task]!++}`;
    const woken = waiters.get(key) ?? [];
    waiters.delete(key);
    advance(task);
    for (const other of woken) advance(other);
  };
  work.forEach((_, task) => advance(task));
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    nowNs = event.atNs;
    if (event.resource !== null) servers[event.resource].done(nowNs);
    finish(event.task);
  }
  const elapsedNs = Math.max(1, nowNs);
  return { cores, elapsedNs, coreUse: servers.core.busyNs / elapsedNs / cores, kernelUse: servers.kernel.busyNs / elapsedNs, kernelNs: kernelShares(work) };
}

function kernelShares(work: readonly TaskWork[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { steps } of work) for (const step of steps) if (step.kind === 'kernel') sums.set(step.what, (sums.get(step.what) ?? 0) + step.ns);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

/** What keeps a load from using more cores, and the number of cores from which on it does. */
export interface Bottleneck {
  readonly what: 'kernel thread' | 'parallelism of the load';
  readonly from: number;
}

/** Cores that are busy for less of the time wait for something. */
const GOOD_USE = 0.75;
/** A kernel thread that is busy for so much of the time with the most cores is what they wait for. */
const BUSY_KERNEL = 0.7;

/** Of predictions for growing numbers of cores; null when the cores are always busy. */
export function firstBottleneck(predictions: readonly Prediction[]): Bottleneck | null {
  const limited = predictions.find(({ coreUse }) => coreUse < GOOD_USE);
  if (limited === undefined) return null;
  return { what: predictions.at(-1)!.kernelUse >= BUSY_KERNEL ? 'kernel thread' : 'parallelism of the load', from: limited.cores };
}
