/** System V message queues (sysvipc(7)). */
import { Cap, Errno, IpcCommand, IpcFlag, MSQID_DS_BYTES, MsgCommand, MsgFlag, Reg, hasCapIn } from '@troupe/abi';
import type { IpcNamespace } from '../../namespace/ipc-namespace.js';
import { MessageQueue, type Message, type MessageChoice, type PendingReceive } from '../../sysv/message-queue.js';
import { applyPermission, checkIpcAccess, checkIpcOwner, newPermission, Wants, writePermission } from '../../sysv/permission.js';
import type { Task } from '../../task/task.js';
import { addr, choice, flags, int, long, size, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

const seconds = (task: Task): number => Number(task.kernel.realtimeNs() / 1_000_000_000n);

function newQueue(task: Task, key: number, msgFlags: number): MessageQueue | number {
  const { limits, messages } = task.namespaces.ipc;
  messages.maxObjects = limits.msgmni;
  const id = messages.nextId();
  return id < 0 ? id : new MessageQueue(key, id, newPermission(task, msgFlags), limits.msgmnb, seconds(task));
}

function sysMsgget(task: Task, key: number, msgFlags: number): number {
  return task.namespaces.ipc.messages.get(task, key, msgFlags, () => 0, () => newQueue(task, key, msgFlags));
}

function sysMsgsnd(task: Task, id: number, at: number, sizeBytes: number, msgFlags: number): SyscallResult {
  const { limits, messages } = task.namespaces.ipc;
  const type = Number(BigInt.asIntN(64, task.mm.readU64(at)));
  if (sizeBytes > limits.msgmax || id < 0 || type < 1) return -Errno.EINVAL;
  const bytes = task.mm.copyIn(at + 8, sizeBytes);
  const queue = messages.byId(id);
  if (typeof queue === 'number') return task.syscall!.resumed ? -Errno.EIDRM : queue;
  const denied = checkIpcAccess(task, queue.permission, Wants.WRITE);
  if (denied !== 0) return denied;
  if (!queue.hasRoomFor(sizeBytes)) return (msgFlags & IpcFlag.NOWAIT) !== 0 ? -Errno.EAGAIN : waitOn(queue.waiters, 0);
  queue.send({ type, bytes }, task.group.tgid, seconds(task));
  return 0;
}

/** Continuation of msgrcv: its entry among the receivers of the queue. */
interface ReceiveData {
  readonly queueId: number;
  readonly receiver: PendingReceive;
}

function sysMsgrcv(task: Task, id: number, at: number, sizeBytes: number, type: number, msgFlags: number): SyscallResult {
  const state = task.syscall!;
  if (state.data !== undefined) return received(task, at, state.data as ReceiveData);
  if (id < 0 || sizeBytes > Number.MAX_SAFE_INTEGER) return -Errno.EINVAL;
  const isCopy = (msgFlags & MsgFlag.COPY) !== 0;
  if (isCopy && ((msgFlags & MsgFlag.EXCEPT) !== 0 || (msgFlags & IpcFlag.NOWAIT) === 0)) return -Errno.EINVAL;
  const queue = task.namespaces.ipc.messages.byId(id);
  if (typeof queue === 'number') return queue;
  const denied = checkIpcAccess(task, queue.permission, Wants.READ);
  if (denied !== 0) return denied;
  const chosen: MessageChoice = { type, flags: msgFlags, maxBytes: sizeBytes };
  if (isCopy) return copyMessage(task, queue.messages[type], chosen, at);
  const result = queue.receive(chosen, task.group.tgid, seconds(task));
  if (typeof result !== 'number') return store(task, at, result, sizeBytes);
  if (result !== -Errno.ENOMSG || (msgFlags & IpcFlag.NOWAIT) !== 0) return result;
  const data: ReceiveData = { queueId: id, receiver: { choice: chosen, pid: task.group.tgid, result: null } };
  queue.receivers.push(data.receiver);
  state.data = data;
  return waitOn(queue.waiters, 0);
}

function received(task: Task, at: number, { queueId, receiver }: ReceiveData): SyscallResult {
  const { choice: chosen, result } = receiver;
  if (typeof result === 'number') return result;
  if (result !== null) return store(task, at, result, chosen.maxBytes);
  const queue = task.namespaces.ipc.messages.byId(queueId);
  return typeof queue === 'number' ? -Errno.EIDRM : waitOn(queue.waiters, 0);
}

/** A signal: the call ends, unless a message is there already. */
function receiveInterrupted(task: Task): number | undefined {
  const data = task.syscall?.data as ReceiveData | undefined;
  if (data === undefined) return undefined;
  if (data.receiver.result !== null) return received(task, Number(task.getReg(Reg.RSI)), data) as number;
  const queue = task.namespaces.ipc.messages.byId(data.queueId);
  if (typeof queue !== 'number') queue.withdraw(data.receiver);
  return undefined;
}

/** struct msgbuf: the type, then the text, cut off with MSG_NOERROR. */
function store(task: Task, at: number, { bytes, type }: Message, maxBytes: number): number {
  const text = bytes.subarray(0, maxBytes);
  task.mm.writeU64(at, BigInt(type));
  task.mm.copyOut(at + 8, text);
  return text.length;
}

/** MSG_COPY: the message at a position, which stays in the queue. */
function copyMessage(task: Task, message: Message | undefined, { flags: msgFlags, maxBytes }: MessageChoice, at: number): number {
  if (message === undefined) return -Errno.ENOMSG;
  if (message.bytes.length > maxBytes && (msgFlags & MsgFlag.NOERROR) === 0) return -Errno.E2BIG;
  return store(task, at, message, maxBytes);
}

function statBytes(queue: MessageQueue): Buffer {
  const bytes = Buffer.alloc(MSQID_DS_BYTES);
  writePermission(bytes, queue.key, queue.id, queue.permission);
  [queue.sentAt, queue.receivedAt, queue.changedAt, queue.bytes, queue.messages.length, queue.maxBytes].forEach((value, index) => bytes.writeBigInt64LE(BigInt(value), 48 + index * 8));
  bytes.writeInt32LE(queue.lastSendPid, 96);
  bytes.writeInt32LE(queue.lastReceivePid, 100);
  return bytes;
}

const MSGSSZ = 16;
const MSGSEG = 0xffff;
const KIB = 1024;

/** struct msginfo (msgctl(2)): limits, or with MSG_INFO what is in use. */
function infoBytes({ limits, messages }: IpcNamespace, isUsage: boolean): Buffer {
  const bytes = Buffer.alloc(32);
  const queues = messages.all();
  const sum = (of: (queue: MessageQueue) => number): number => queues.reduce((total, queue) => total + of(queue), 0);
  const pool = isUsage ? queues.length : (32000 * 16384) / KIB;
  const words = [pool, isUsage ? sum((queue) => queue.messages.length) : 16384, limits.msgmax, limits.msgmnb, limits.msgmni, MSGSSZ, isUsage ? sum((queue) => queue.bytes) : 16384];
  words.forEach((word, index) => bytes.writeInt32LE(word, index * 4));
  bytes.writeUInt16LE(MSGSEG, 28);
  return bytes;
}

function sysMsgctl(task: Task, id: number, command: number, at: number): number {
  const { ipc } = task.namespaces;
  if (id < 0 || command < 0) return -Errno.EINVAL;
  if (command === IpcCommand.INFO || command === MsgCommand.INFO) {
    task.mm.copyOut(at, infoBytes(ipc, command === MsgCommand.INFO));
    return ipc.messages.maxIndex;
  }
  const isByIndex = command === MsgCommand.STAT || command === MsgCommand.STAT_ANY;
  const queue = isByIndex ? ipc.messages.byIndex(id) : ipc.messages.byId(id);
  if (typeof queue === 'number') return queue;
  switch (command) {
    case IpcCommand.STAT: case MsgCommand.STAT: case MsgCommand.STAT_ANY: return stat(task, queue, command, at);
    case IpcCommand.RMID: case IpcCommand.SET: return change(task, queue, command, at);
    default: return -Errno.EINVAL;
  }
}

function stat(task: Task, queue: MessageQueue, command: number, at: number): number {
  const denied = command === MsgCommand.STAT_ANY ? 0 : checkIpcAccess(task, queue.permission, Wants.READ);
  if (denied !== 0) return denied;
  task.mm.copyOut(at, statBytes(queue));
  return command === IpcCommand.STAT ? 0 : queue.id;
}

function change(task: Task, queue: MessageQueue, command: number, at: number): number {
  const maxBytes = command === IpcCommand.SET ? task.mm.readUlong(at + 88) : 0;
  const denied = checkIpcOwner(task, queue.permission);
  if (denied !== 0) return denied;
  if (command === IpcCommand.RMID) {
    task.namespaces.ipc.messages.remove(queue);
    queue.destroy();
    return 0;
  }
  if (maxBytes > task.namespaces.ipc.limits.msgmnb && !hasCapIn(task.creds, task.namespaces.ipc.userNamespace, Cap.SYS_RESOURCE)) return -Errno.EPERM;
  const refused = applyPermission(task, at, queue.permission);
  if (refused !== 0) return refused;
  queue.maxBytes = maxBytes;
  queue.changedAt = seconds(task);
  queue.waiters.wake(0, Infinity);
  return 0;
}

const GET_FLAGS = [['IPC_CREAT', IpcFlag.CREAT], ['IPC_EXCL', IpcFlag.EXCL]] as const;
const OPERATION_FLAGS = [['IPC_NOWAIT', IpcFlag.NOWAIT], ['MSG_NOERROR', MsgFlag.NOERROR], ['MSG_EXCEPT', MsgFlag.EXCEPT], ['MSG_COPY', MsgFlag.COPY]] as const;
const COMMANDS = [...Object.entries(IpcCommand).map(([name, value]) => [`IPC_${name}`, value] as const), ...Object.entries(MsgCommand).map(([name, value]) => [`MSG_${name}`, value] as const)];
const IPC = ['%ipc'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 68, name: 'msgget', args: [int('key'), flags('msgflg', GET_FLAGS)], groups: IPC, support: 'full', man: 'msgget(2)', handler: sysMsgget },
  { nr: 69, name: 'msgsnd', args: [int('msqid'), addr('msgp'), size('msgsz'), flags('msgflg', OPERATION_FLAGS)], groups: IPC, restart: 'ERESTARTNOHAND', support: 'full', man: 'msgop(2)', handler: sysMsgsnd },
  { nr: 70, name: 'msgrcv', args: [int('msqid'), addr('msgp'), size('msgsz'), long('msgtyp'), flags('msgflg', OPERATION_FLAGS)], groups: IPC, restart: 'ERESTARTNOHAND', support: 'full', man: 'msgop(2)', handler: sysMsgrcv, interrupted: receiveInterrupted },
  { nr: 71, name: 'msgctl', args: [int('msqid'), choice('cmd', COMMANDS), addr('buf')], groups: IPC, support: 'full', man: 'msgctl(2)', handler: sysMsgctl },
];
