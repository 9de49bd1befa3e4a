/**
 * Events of processes for NETLINK_CONNECTOR sockets (linux/cn_proc.h): forks, programs, ids, ends.
 *
 * Owns:   who asked for events; the number of the last message.
 * Order:  an event is told after what it tells of.
 *
 * Members of the group get all events while anybody asked for them. Ids are those of the first PID and user namespace.
 */
import { CN_IDX_PROC, CN_MSG, CN_VAL_PROC, CONNECTOR_MAX_MSG_BYTES, Cap, Errno, NLMSGHDR, NetlinkProtocol, Nlmsg, PROC_EVENT, ProcEvent, ProcMulticast, TCB, hasCapIn, type Credentials, type ExitStatus } from '@troupe/abi';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import { message, viewOf } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';

const COMM_BYTES = 16;

/** pid and tgid; 0, 0 = nobody. */
const idsOf = (task: Task | null): readonly number[] => (task === null ? [0, 0] : [task.tid, task.group.tgid]);
const parentOf = ({ group, state }: Task): Task | null => (state === 'dead' ? null : group.parentTask);

export class ProcessEvents {
  private readonly _listeners = new Set<NetlinkSocket>();
  private _lastSeq = 0;

  constructor(readonly kernel: Kernel) {}

  /** A datagram to the kernel: asks for events, or no longer. What makes no sense is dropped, as by Linux. */
  control(socket: NetlinkSocket, datagram: Uint8Array, sender: Task): void {
    const { off, sizeBytes } = CN_MSG;
    const body = datagram.subarray(NLMSGHDR.sizeBytes);
    if (body.length < sizeBytes || body.length > CONNECTOR_MAX_MSG_BYTES || viewOf(datagram).getUint32(NLMSGHDR.off.len, true) > datagram.length) return;
    const view = viewOf(body);
    if (view.getUint32(off.idx, true) !== CN_IDX_PROC || view.getUint32(off.val, true) !== CN_VAL_PROC) return;
    if (view.getUint16(off.len, true) !== 4 || body.length < sizeBytes + 4) return;
    if (!sender.group.pidNamespace.isFirst || !sender.creds.userNamespace.isFirst) return;
    const error = hasCapIn(sender.creds, this.kernel.rootUserNamespace, Cap.NET_ADMIN) ? this._set(socket, view.getUint32(sizeBytes, true)) : Errno.EPERM;
    this._tell(ProcEvent.NONE, sender, [error], view.getUint32(off.ack, true) + 1);
  }

  private _set(socket: NetlinkSocket, operation: number): number {
    if (operation === ProcMulticast.LISTEN) this._listeners.add(socket);
    else if (operation === ProcMulticast.IGNORE) this._listeners.delete(socket);
    else return Errno.EINVAL;
    return 0;
  }

  /** The socket is closed. */
  forget(socket: NetlinkSocket): void {
    this._listeners.delete(socket);
  }

  /** `maker` made the child, whose parent may be another. */
  forked(maker: Task, child: Task): void {
    if (this._listeners.size > 0) this._tell(ProcEvent.FORK, maker, [...idsOf(child.group.parentTask), ...idsOf(child)]);
  }

  executed(task: Task): void {
    if (this._listeners.size > 0) this._tell(ProcEvent.EXEC, task, idsOf(task));
  }

  startedSession(task: Task): void {
    if (this._listeners.size > 0) this._tell(ProcEvent.SID, task, idsOf(task));
  }

  /** `tracer` is null when it lets the task go. */
  traced(task: Task, tracer: Task | null): void {
    if (this._listeners.size > 0) this._tell(ProcEvent.PTRACE, task, [...idsOf(task), ...idsOf(tracer)]);
  }

  named(task: Task): void {
    if (this._listeners.size === 0) return;
    const name = new Uint8Array(COMM_BYTES);
    name.set(Buffer.from(task.name, 'latin1').subarray(0, COMM_BYTES - 1));
    this._tell(ProcEvent.COMM, task, [...idsOf(task), ...new Uint32Array(name.buffer)]);
  }

  /** The ids of the task may have changed. */
  changedIds(task: Task, before: Credentials): void {
    if (this._listeners.size === 0) return;
    const { creds } = task;
    if (before.uid !== creds.uid || before.euid !== creds.euid || before.suid !== creds.suid || before.fsuid !== creds.fsuid) this._tell(ProcEvent.UID, task, [...idsOf(task), creds.uid, creds.euid]);
    if (before.gid !== creds.gid || before.egid !== creds.egid || before.sgid !== creds.sgid || before.fsgid !== creds.fsgid) this._tell(ProcEvent.GID, task, [...idsOf(task), creds.gid, creds.egid]);
  }

  /** A signal ends the process and asks for a core file. */
  dumped(task: Task): void {
    if (this._listeners.size > 0) this._tell(ProcEvent.COREDUMP, task, [...idsOf(task), ...idsOf(parentOf(task))]);
  }

  exited(task: Task, { code, signo }: ExitStatus, core: number): void {
    if (this._listeners.size === 0) return;
    const exitSignal = task.isLeader ? task.group.exitSignal : -1;
    this._tell(ProcEvent.EXIT, core, [...idsOf(task), signo === 0 ? code << 8 : signo, exitSignal, ...idsOf(parentOf(task))]);
  }

  /** `actor`: on whose core it happened. */
  private _tell(what: number, actor: Task | number, data: readonly number[], ack = 0): void {
    const event = new Uint8Array(PROC_EVENT.sizeBytes);
    const view = viewOf(event);
    const { off } = PROC_EVENT;
    view.setUint32(off.what, what, true);
    view.setUint32(off.cpu, typeof actor === 'number' ? actor : coreOf(actor), true);
    view.setBigUint64(off.timestampNs, BigInt(this.kernel.monotonicNs()), true);
    data.forEach((value, index) => view.setUint32(off.data + index * 4, value, true));
    const seq = this._lastSeq++;
    const bytes = message({ type: Nlmsg.DONE, flags: 0, seq, pid: 0 }, connectorHead(seq, ack, event.length), event);
    for (const socket of this.kernel.rootNamespaces.net.netlinkSockets) {
      if (socket.protocol === NetlinkProtocol.CONNECTOR && socket.groups.has(CN_IDX_PROC)) socket.deliver(bytes, 0, CN_IDX_PROC);
    }
  }
}

/** The core that ran the task last. */
export function coreOf({ shared, tcb }: Task): number {
  return Math.max(0, shared.i32[(tcb + TCB.off.lastCore) >> 2]!);
}

function connectorHead(seq: number, ack: number, dataBytes: number): Uint8Array {
  const head = new Uint8Array(CN_MSG.sizeBytes);
  const view = viewOf(head);
  const { off } = CN_MSG;
  view.setUint32(off.idx, CN_IDX_PROC, true);
  view.setUint32(off.val, CN_VAL_PROC, true);
  view.setUint32(off.seq, seq, true);
  view.setUint32(off.ack, ack, true);
  view.setUint16(off.len, dataBytes, true);
  return head;
}
