/**
 * Watches tasks and cores, and tells a sink what they do.
 *
 * Owns:     TaskRunner.observer and the slice rings, while it is on. The memory of the rings stays taken: a core may still write.
 * Order:    a slice is told before what the kernel did after it. A slice that ended in a trap is in its ring before the trap arrives.
 */
import { Errno, ErrnoError, LOCAL_CORE, Reg, SLICE_RING_BYTES, SliceReader, TCB, Trap } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { SchedObserver } from '../task/task-runner.js';
import type { Task } from '../task/task.js';
import { sliceEndOf, type SchedEvent } from './events.js';

const READ_EVERY_MS = 5;

export class SchedTrace implements SchedObserver {
  private readonly _startNs = Number(process.hrtime.bigint());
  private readonly _readers: SliceReader[];
  private readonly _timer: NodeJS.Timeout;
  /** Names by tid, as they were told. */
  private readonly _names = new Map<number, string>();
  /** The trap that the kernel works on. */
  private _current: { readonly tid: number; readonly what: string; readonly startNs: number } | null = null;
  /** Whose trap the kernel works on; 0 = none. */
  private _waker = 0;

  /** Throws ErrnoError(ENOMEM) without memory for the rings. */
  constructor(readonly kernel: Kernel, cores: number, readonly sink: (event: SchedEvent) => void) {
    const { frames, shared } = kernel;
    const threads = [...Array(cores).keys(), LOCAL_CORE].map((core) => ({ core, ring: frames.allocChunk(SLICE_RING_BYTES) }));
    if (threads.some(({ ring }) => ring === 0)) throw new ErrnoError(Errno.ENOMEM);
    this._readers = threads.map(({ core, ring }) => new SliceReader(shared, core, ring));
    kernel.runner.observer = this;
    this._timer = setInterval(() => this._read(), READ_EVERY_MS);
    this._timer.unref();
  }

  /** What is left is told; the sink hears nothing afterwards. */
  stop(): void {
    clearInterval(this._timer);
    this.kernel.runner.observer = null;
    for (const reader of this._readers) reader.stop();
    this._read();
  }

  private _nowNs(): number {
    return Number(process.hrtime.bigint()) - this._startNs;
  }

  private _read(): void {
    let lost = 0;
    const slices: Extract<SchedEvent, { kind: 'slice' }>[] = [];
    for (const reader of this._readers) {
      lost += reader.read(({ cpu, endNs, startNs, tid, trap }) => slices.push({
        kind: 'slice', tid, core: cpu, thread: reader.coreId === LOCAL_CORE ? -1 : reader.coreId, startNs: startNs - this._startNs, endNs: endNs - this._startNs, end: sliceEndOf(trap),
      }));
    }
    for (const slice of slices.sort((a, b) => a.startNs - b.startNs)) this.sink(slice);
    if (lost > 0) this.sink({ kind: 'lost', slices: lost, atNs: this._nowNs() });
  }

  private _introduce(task: Task): void {
    if (this._names.get(task.tid) === task.name) return;
    this._names.set(task.tid, task.name);
    this.sink({ kind: 'task', tid: task.tid, tgid: task.group.tgid, name: task.name, atNs: this._nowNs() });
  }

  private _callOf(task: Task): string {
    const trap = task.shared.i32[(task.tcb + TCB.off.trap) >> 2]!;
    if (trap !== Trap.SYSCALL) return trap === Trap.EXCEPTION ? 'fault' : 'interrupt';
    const nr = task.syscall?.nr ?? Number(BigInt.asIntN(32, task.getReg(Reg.RAX)));
    return this.kernel.dispatcher.row(nr)?.name ?? `call ${nr}`;
  }

  trapBegins(task: Task): void {
    this._read();
    this._introduce(task);
    this._waker = task.tid;
    this._current = { tid: task.tid, what: this._callOf(task), startNs: this._nowNs() };
  }

  trapEnds(): void {
    this._endWork();
    this._waker = 0;
  }

  /** The work for a task ends when it may run again: a core may take it at once. */
  private _endWork(): number {
    const atNs = this._nowNs();
    if (this._current !== null) this.sink({ kind: 'kernel', ...this._current, endNs: atNs });
    this._current = null;
    return atNs;
  }

  ready(task: Task): void {
    this._introduce(task);
    this.sink({ kind: 'ready', tid: task.tid, atNs: task.tid === this._current?.tid ? this._endWork() : this._nowNs() });
  }

  blocked(task: Task): void {
    const what = this._callOf(task);
    this.sink({ kind: 'blocked', tid: task.tid, what, atNs: task.tid === this._current?.tid ? this._endWork() : this._nowNs() });
  }

  woken(task: Task): void {
    this.sink({ kind: 'woken', tid: task.tid, by: this._waker, atNs: this._nowNs() });
  }
}
