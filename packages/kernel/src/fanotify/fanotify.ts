/**
 * fanotify instances (fanotify(7)): events of files with descriptors of them, and questions that tasks wait for.
 *
 * Owns:  its marks (also known to vfs fanotify/marks.ts), the queue of unread events, the questions without an answer.
 * Order: the questions are answered with "allowed" when the instance is closed.
 */
import {
  EPOLLIN, EPOLLRDNORM, Errno, FANOTIFY_EVENT, FANOTIFY_PIDFD, FANOTIFY_RESPONSE, FAN_CLASS_MASK, FAN_NOFD, FAN_Q_OVERFLOW, FanInit, FanResponse, O_CLOEXEC, O_NO_EVENTS, O_RDWR,
} from '@troupe/abi';
import { FanotifyMark, FileDescription, newAnonymousNode, openNode, type Markable, type PathNode, type VfsContext } from '@troupe/vfs';
import { installFile } from '../fdtable.js';
import type { Kernel } from '../kernel.js';
import { shownPid } from '../namespace/id-view.js';
import { newPidFd } from '../task/pid-file.js';
import type { Task } from '../task/task.js';
import { encodeEvent, withPidFd } from './event-codec.js';
import type { AskingGroup, PermissionRequest } from './permission.js';

/** /proc/sys/fs/fanotify/max_queued_events. */
const MAX_QUEUED = 16384;
/** As many of the newest events are looked at for one that takes the new one in. */
const MERGE_DEPTH = 128;

interface FanotifyEvent {
  mask: number;
  /** Process or thread (FAN_REPORT_TID) that caused it; 0 = the queue was full. */
  readonly id: number;
  readonly node: PathNode | null;
  readonly request: PermissionRequest | null;
}

export class Fanotify extends FileDescription implements AskingGroup {
  private readonly _marks = new Map<Markable, FanotifyMark>();
  private _events: FanotifyEvent[] = [];
  /** By the descriptor that was given out with the question. */
  private readonly _unanswered = new Map<number, PermissionRequest>();

  /** `initFlags` of FanInit; `eventFlags` are those of the descriptors in events. */
  constructor(readonly kernel: Kernel, readonly initFlags: number, readonly eventFlags: number, flags: number) {
    super(newAnonymousNode('[fanotify]'), O_RDWR | O_NO_EVENTS | flags);
  }

  get priority(): number {
    return this.initFlags & FAN_CLASS_MASK;
  }

  /** Events name objects by handles, which no file system here has. */
  get usesHandles(): boolean {
    return (this.initFlags & (FanInit.REPORT_FID | FanInit.REPORT_DIR_FID)) !== 0;
  }

  markOn(on: Markable): FanotifyMark | undefined {
    return this._marks.get(on);
  }

  get markCount(): number {
    return this._marks.size;
  }

  addMark(on: Markable): FanotifyMark {
    const mark = new FanotifyMark(this, on);
    this._marks.set(on, mark);
    mark.attach();
    return mark;
  }

  removeMark(mark: FanotifyMark): void {
    this._marks.delete(mark.on);
    mark.detach();
  }

  /** FAN_MARK_FLUSH. */
  removeMarks(isOfKind: (on: Markable) => boolean): void {
    for (const mark of [...this._marks.values()]) if (isOfKind(mark.on)) this.removeMark(mark);
  }

  hear(node: PathNode, events: number): void {
    const id = this._causer();
    const oldest = Math.max(0, this._events.length - MERGE_DEPTH);
    for (let at = this._events.length - 1; at >= oldest; at--) {
      const event = this._events[at]!;
      if (event.request !== null || event.id !== id || event.node === null || !event.node.equals(node)) continue;
      event.mask |= events;
      return;
    }
    this._queue({ mask: events, id, node, request: null });
  }

  ask(request: PermissionRequest, event: number): void {
    this._queue({ mask: event, id: this._causer(), node: request.node, request });
  }

  private _causer(): number {
    const task = this.kernel.dispatcher.actor;
    return task === null ? 0 : (this.initFlags & FanInit.REPORT_TID) !== 0 ? task.tid : task.group.tgid;
  }

  /** Questions are asked even when the queue is full. */
  private _queue(event: FanotifyEvent): void {
    const isFull = this._events.length >= MAX_QUEUED && (this.initFlags & FanInit.UNLIMITED_QUEUE) === 0;
    if (!isFull || event.request !== null) {
      if (event.node !== null) event.node.dentry.holders++;
      this._events.push(event);
    } else if (this._events.at(-1)!.mask !== FAN_Q_OVERFLOW) this._events.push({ mask: FAN_Q_OVERFLOW, id: 0, node: null, request: null });
    this.waiters.wake(EPOLLIN | EPOLLRDNORM);
  }

  private _takeFirst(): FanotifyEvent {
    const event = this._events.shift()!;
    if (event.node !== null) event.node.dentry.holders--;
    return event;
  }

  override read(dst: Uint8Array, _offBytes: number, ctx: VfsContext): number {
    const reader = this.kernel.tasks.byTid(ctx.tid);
    if (reader === undefined) return -Errno.EBADF;
    this._dropUnwanted();
    let at = 0;
    while (this._events.length > 0) {
      if (at + this._recordBytes > dst.length) return at === 0 ? -Errno.EINVAL : at;
      const record = this._record(reader, ctx, this._takeFirst());
      if (typeof record === 'number') return at === 0 ? record : at;
      dst.set(record, at);
      at += record.length;
      this._dropUnwanted();
    }
    return at === 0 ? -Errno.EAGAIN : at;
  }

  /** Questions of tasks that are gone. */
  private _dropUnwanted(): void {
    while (this._events.length > 0 && this._events[0]!.request?.isAllowed === false) this._takeFirst();
  }

  private get _hasPidFds(): boolean {
    return (this.initFlags & FanInit.REPORT_PIDFD) !== 0;
  }

  private get _recordBytes(): number {
    return FANOTIFY_EVENT.sizeBytes + (this._hasPidFds ? FANOTIFY_PIDFD.sizeBytes : 0);
  }

  private _record(reader: Task, ctx: VfsContext, { id, mask, node, request }: FanotifyEvent): Uint8Array | number {
    const fd = node === null ? FAN_NOFD : this._openFor(reader, ctx, node);
    if (fd < 0 && node !== null) {
      request?.answer(false);
      return fd;
    }
    if (request !== null) this._unanswered.set(fd, request);
    const record = encodeEvent(mask, fd, shownPid(reader, id), this._recordBytes);
    return this._hasPidFds ? withPidFd(record, this._pidFdOf(reader, id)) : record;
  }

  private _openFor(reader: Task, ctx: VfsContext, node: PathNode): number {
    const file = openNode(this.kernel.vfs, ctx, node, this.eventFlags | O_NO_EVENTS, true);
    return typeof file === 'number' ? file : installFile(reader, file, (this.eventFlags & O_CLOEXEC) !== 0);
  }

  private _pidFdOf(reader: Task, id: number): number {
    const group = this.kernel.tasks.byTid(id)?.group;
    return group === undefined || group.isReaped ? FAN_NOFD : newPidFd(reader, group, 0);
  }

  /** An answer: struct fanotify_response. */
  override write(src: Uint8Array): number {
    if (src.length < FANOTIFY_RESPONSE.sizeBytes) return -Errno.EINVAL;
    const view = new DataView(src.buffer, src.byteOffset);
    const fd = view.getInt32(FANOTIFY_RESPONSE.off.fd, true);
    const response = view.getUint32(FANOTIFY_RESPONSE.off.response, true);
    const decision = response & ~FanResponse.AUDIT;
    if (fd < 0 || (decision !== FanResponse.ALLOW && decision !== FanResponse.DENY)) return -Errno.EINVAL;
    if ((response & FanResponse.AUDIT) !== 0 && (this.initFlags & FanInit.ENABLE_AUDIT) === 0) return -Errno.EINVAL;
    const request = this._unanswered.get(fd);
    if (request === undefined) return -Errno.ENOENT;
    this._unanswered.delete(fd);
    request.answer(decision === FanResponse.ALLOW);
    return FANOTIFY_RESPONSE.sizeBytes;
  }

  /** The position means nothing, and may be set. */
  override seek(): number {
    return 0;
  }

  override poll(): number {
    return this._events.length > 0 ? EPOLLIN | EPOLLRDNORM : 0;
  }

  override bytesReadable(): number {
    return this._events.length * this._recordBytes;
  }

  override fdInfo(): string {
    const head = `fanotify flags:${this.initFlags.toString(16)} event-flags:${this.eventFlags.toString(16)}\n`;
    return head + [...this._marks.values()].map((mark) => describeMark(mark)).join('');
  }

  protected override release(): void {
    this.removeMarks(() => true);
    const requests = [...this._unanswered.values(), ...this._events.map(({ request }) => request)];
    while (this._events.length > 0) this._takeFirst();
    this._unanswered.clear();
    for (const request of requests) request?.answer(true);
  }
}

function describeMark({ ignored, mask, on, survivesModify }: FanotifyMark): string {
  const dev = (of: number): string => of.toString(16);
  const place = 'ino' in on ? `ino:${on.ino.toString(16)} sdev:${dev(on.fs.dev)}` : 'fs' in on ? `mnt_id:${on.id.toString(16)}` : `sdev:${dev(on.dev)}`;
  return `fanotify ${place} mflags:${survivesModify ? '40' : '0'} mask:${mask.toString(16)} ignored_mask:${ignored.toString(16)}\n`;
}
