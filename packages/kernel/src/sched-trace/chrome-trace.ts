/**
 * A trace in the JSON format of Chrome's about:tracing and of Perfetto: a track for each core and the kernel, and
 * for each task what it did: on a core, in the kernel, waiting for a core, blocked.
 */
import type { SchedEvent } from './events.js';

/** Track groups; those of processes are PROCESS + pid. */
const CORES = 1;
const KERNEL_TRACK = 9999;
const PROCESS = 10;

interface TaskTrack {
  readonly tgid: number;
  name: string;
  /** Since when it waits, and for what. */
  since: { readonly what: string; readonly atNs: number } | null;
}

export class ChromeTrace {
  private readonly _tasks = new Map<number, TaskTrack>();
  private readonly _cores = new Set<number>();
  private _arrows = 0;
  private _isFirst = true;

  /** `write` gets pieces of one JSON text; close() ends it. */
  constructor(readonly write: (text: string) => void) {
    write('{"displayTimeUnit":"ns","traceEvents":[');
    this._name('process_name', CORES, 0, 'cores');
    this._name('thread_name', CORES, KERNEL_TRACK, 'kernel');
  }

  close(): void {
    this.write('\n]}\n');
  }

  add(event: SchedEvent): void {
    switch (event.kind) {
      case 'task': return this._introduce(event);
      case 'slice': return this._slice(event);
      case 'kernel': return this._span(CORES, KERNEL_TRACK, event.what, event.startNs, event.endNs, { tid: event.tid }), this._onTask(event.tid, `in kernel: ${event.what}`, event.startNs, event.endNs);
      case 'blocked': return this._waits(event.tid, `blocked: ${event.what}`, event.atNs);
      case 'woken': return this._arrow(event);
      case 'ready': return this._waits(event.tid, 'waits for a core', event.atNs);
      case 'lost': return this._emit({ ph: 'i', s: 'g', name: `${event.slices} slices lost`, pid: CORES, tid: KERNEL_TRACK, ts: event.atNs / 1000 });
    }
  }

  private _introduce({ name, tgid, tid }: Extract<SchedEvent, { kind: 'task' }>): void {
    const known = this._tasks.get(tid);
    if (known === undefined) this._tasks.set(tid, { tgid, name, since: null });
    else known.name = name;
    this._name('thread_name', PROCESS + tgid, tid, `${name} ${tid}`);
    if (tid === tgid) this._name('process_name', PROCESS + tgid, tid, `${name} ${tgid}`);
  }

  private _slice({ core, end, endNs, startNs, thread, tid }: Extract<SchedEvent, { kind: 'slice' }>): void {
    if (!this._cores.has(core)) this._name('thread_name', CORES, core, `core ${core}`);
    this._cores.add(core);
    this._span(CORES, core, `${this._tasks.get(tid)?.name ?? ''} ${tid}`.trim(), startNs, endNs, { tid, end, thread: thread < 0 ? 'kernel' : thread });
    this._onTask(tid, `on core ${core}`, startNs, endNs);
  }

  /** A span of the task's own track; what it waited for before ends there. */
  private _onTask(tid: number, what: string, startNs: number, endNs: number): void {
    const task = this._tasks.get(tid);
    if (task === undefined) return;
    if (task.since !== null && task.since.atNs <= startNs) {
      this._span(PROCESS + task.tgid, tid, task.since.what, task.since.atNs, startNs, {});
      task.since = null;
    }
    this._span(PROCESS + task.tgid, tid, what, startNs, endNs, {});
  }

  private _waits(tid: number, what: string, atNs: number): void {
    const task = this._tasks.get(tid);
    if (task === undefined) return;
    if (task.since !== null) this._span(PROCESS + task.tgid, tid, task.since.what, task.since.atNs, atNs, {});
    task.since = { what, atNs };
  }

  /** From the task that woke it. */
  private _arrow({ atNs, by, tid }: Extract<SchedEvent, { kind: 'woken' }>): void {
    const [from, to] = [this._tasks.get(by), this._tasks.get(tid)];
    if (from === undefined || to === undefined) return;
    const id = ++this._arrows;
    this._emit({ ph: 's', id, cat: 'wake', name: 'wake', pid: PROCESS + from.tgid, tid: by, ts: atNs / 1000 });
    this._emit({ ph: 'f', bp: 'e', id, cat: 'wake', name: 'wake', pid: PROCESS + to.tgid, tid, ts: atNs / 1000 });
  }

  private _span(pid: number, tid: number, name: string, startNs: number, endNs: number, args: object): void {
    this._emit({ ph: 'X', name, pid, tid, ts: startNs / 1000, dur: Math.max(0, endNs - startNs) / 1000, args });
  }

  private _name(what: 'process_name' | 'thread_name', pid: number, tid: number, name: string): void {
    this._emit({ ph: 'M', name: what, pid, tid, args: { name } });
  }

  private _emit(event: object): void {
    this.write(`${this._isFirst ? '\n' : ',\n'}${JSON.stringify(event)}`);
    this._isFirst = false;
  }
}
