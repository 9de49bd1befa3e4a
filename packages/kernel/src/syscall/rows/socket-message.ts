/** Sending and receiving: send(2), sendto(2), sendmsg(2), sendmmsg(2), recv(2), recvfrom(2), recvmsg(2), recvmmsg(2). */
import { Errno, MMSGHDR, MSGHDR, Msg, Nr, Sock, UIO_MAXIOV } from '@troupe/abi';
import type { IncomingMessage, Socket } from '@troupe/vfs';
import { readControl, writeControl } from '../../ipc/control-message.js';
import { callDeadlineNs, isDue } from '../../ipc/deadline.js';
import { gather, readVectors, scatter, totalBytes, type GuestVector } from '../../ipc/iovec.js';
import { readAddress, writeAddress } from '../../ipc/socket-address.js';
import { progressOf, progressOnInterrupt, receiveOrWait, sendOrWait, socketOf } from '../../ipc/socket-transfer.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, inBuf, int, outBuf, size, uint, type Block, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

/** Bytes staged at once; no datagram is larger, and streams go on. */
const STAGE_BYTES = 1 << 20;
/** Calls with more than this are refused or cut as Linux does (INT_MAX). */
const MAX_BYTES = 0x7fff_ffff;

/** /proc/sys/net/core/optmem_max. */
const MAX_CONTROL_BYTES = 131072;

interface MessageHeader {
  readonly nameAt: number;
  readonly nameBytes: number;
  readonly vectors: readonly GuestVector[];
  readonly controlAt: number;
  readonly controlBytes: number;
}

function readHeader(task: Task, at: number): MessageHeader {
  const view = new DataView(task.mm.copyIn(at, MSGHDR.sizeBytes).buffer);
  const long = (offset: number): number => Number(view.getBigUint64(offset, true));
  const { off } = MSGHDR;
  return {
    nameAt: long(off.name), nameBytes: view.getInt32(off.namelen, true), vectors: readVectors(task.mm, long(off.iov), long(off.iovlen)),
    controlAt: long(off.control), controlBytes: Math.min(long(off.controllen), MAX_BYTES),
  };
}

function doSend(task: Task, socket: Socket, header: MessageHeader, sendFlags: number): number | Block {
  const to = header.nameAt === 0 || header.nameBytes === 0 ? null : readAddress(task, header.nameAt, header.nameBytes);
  if (header.controlBytes > MAX_CONTROL_BYTES) return -Errno.ENOBUFS;
  const control = readControl(task, socket, header.controlAt, header.controlBytes);
  const total = totalBytes(header.vectors);
  if (socket.type !== Sock.STREAM && total > STAGE_BYTES) return -Errno.EMSGSIZE;
  const stage = (skip: number): Uint8Array => gather(task.mm, header.vectors, skip, STAGE_BYTES);
  return sendOrWait(task, socket, { totalBytes: total, stage, flags: sendFlags, to, ...control });
}

function sysSendto(task: Task, fdNo: number, at: number, sizeBytes: number, sendFlags: number, nameAt: number, nameBytes: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const vectors = [{ addr: at, sizeBytes: Math.min(sizeBytes, MAX_BYTES) }];
  return doSend(task, socket, { nameAt, nameBytes, vectors, controlAt: 0, controlBytes: 0 }, sendFlags);
}

function sysSendmsg(task: Task, fdNo: number, headerAt: number, sendFlags: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  return typeof socket === 'number' ? socket : doSend(task, socket, readHeader(task, headerAt), sendFlags);
}

/** What recvmsg(2) reports besides the bytes. */
interface Received {
  readonly count: number;
  readonly message: IncomingMessage;
}

/** One message into the vectors; MSG_WAITALL on a stream goes on until they are full. */
function doReceive(task: Task, socket: Socket, vectors: readonly GuestVector[], receiveFlags: number): Received | number | Block {
  const progress = progressOf(task, socket.receiveTimeoutNs);
  const total = totalBytes(vectors);
  const waitsForAll = (receiveFlags & (Msg.WAITALL | Msg.PEEK)) === Msg.WAITALL && socket.type === Sock.STREAM;
  for (;;) {
    const stage = new Uint8Array(Math.min(total - progress.doneBytes, STAGE_BYTES));
    const message = receiveOrWait(task, socket, stage, receiveFlags);
    if (typeof message === 'number') return progress.doneBytes || message;
    if ('block' in message) return message;
    scatter(task.mm, vectors, stage.subarray(0, message.count), progress.doneBytes);
    progress.doneBytes += message.count;
    const isEnd = message.count === 0 || message.rights.length > 0 || progress.doneBytes >= total;
    if (waitsForAll && !isEnd) continue;
    const isDatagramTruncated = (receiveFlags & Msg.TRUNC) !== 0 && socket.type !== Sock.STREAM;
    return { count: isDatagramTruncated ? message.fullLength : progress.doneBytes, message };
  }
}

function sysRecvfrom(task: Task, fdNo: number, at: number, sizeBytes: number, receiveFlags: number, nameAt: number, lengthAt: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const received = doReceive(task, socket, [{ addr: at, sizeBytes: Math.min(sizeBytes, MAX_BYTES) }], receiveFlags);
  if (typeof received === 'number' || 'block' in received) return received;
  for (const file of received.message.rights) file.decRef();
  writeAddress(task, nameAt, lengthAt, received.message.from ?? new Uint8Array(0));
  return received.count;
}

/** Stores name, control data and flags of a received message in its msghdr. */
function storeHeader(task: Task, at: number, header: MessageHeader, { message }: Received, receiveFlags: number): void {
  const { off } = MSGHDR;
  const control = writeControl(task, message, header.controlAt, header.controlBytes, (receiveFlags & Msg.CMSG_CLOEXEC) !== 0);
  if (header.nameAt !== 0) {
    const from = message.from ?? new Uint8Array(0);
    task.mm.copyOut(header.nameAt, from.subarray(0, Math.max(0, header.nameBytes)));
    task.mm.writeU32(at + off.namelen, from.length);
  }
  task.mm.writeUlong(at + off.controllen, control.sizeBytes);
  task.mm.writeU32(at + off.flags, message.flags | (control.isTruncated ? Msg.CTRUNC : 0) | (receiveFlags & Msg.CMSG_CLOEXEC));
}

function receiveMessage(task: Task, socket: Socket, headerAt: number, receiveFlags: number): number | Block {
  const header = readHeader(task, headerAt);
  const received = doReceive(task, socket, header.vectors, receiveFlags);
  if (typeof received === 'number' || 'block' in received) return received;
  storeHeader(task, headerAt, header, received, receiveFlags);
  return received.count;
}

function sysRecvmsg(task: Task, fdNo: number, headerAt: number, receiveFlags: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  return typeof socket === 'number' ? socket : receiveMessage(task, socket, headerAt, receiveFlags);
}

/** State of a call for many messages: how many are through. `doneBytes` belongs to the one in progress. */
interface ManyProgress {
  readonly deadlineNs: number;
  doneBytes: number;
  doneMessages: number;
  /** Deadline of the whole call (recvmmsg(2) timeout). */
  readonly callDeadlineNs: number;
}

function manyProgress(task: Task, timeoutNs: () => number): ManyProgress {
  const state = task.syscall!;
  if (state.data === undefined) {
    const callDeadline = callDeadlineNs(task, timeoutNs);
    const data: ManyProgress = { deadlineNs: Infinity, doneBytes: 0, doneMessages: 0, callDeadlineNs: callDeadline };
    state.data = data;
  }
  return state.data as ManyProgress;
}

function sysSendmmsg(task: Task, fdNo: number, vectorAt: number, count: number, sendFlags: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const progress = manyProgress(task, () => Infinity);
  while (progress.doneMessages < Math.min(count, UIO_MAXIOV)) {
    const at = vectorAt + progress.doneMessages * MMSGHDR.sizeBytes;
    const result = doSend(task, socket, readHeader(task, at), sendFlags);
    if (typeof result === 'object') return result;
    if (result < 0) return progress.doneMessages || result;
    task.mm.writeU32(at + MMSGHDR.off.len, result);
    progress.doneMessages++;
    progress.doneBytes = 0;
  }
  return progress.doneMessages;
}

function sysRecvmmsg(task: Task, fdNo: number, vectorAt: number, count: number, receiveFlags: number, timeoutAt: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const progress = manyProgress(task, () => (timeoutAt === 0 ? Infinity : readTimespecNs(task.mm, timeoutAt)));
  while (progress.doneMessages < Math.min(count, UIO_MAXIOV)) {
    const isLater = progress.doneMessages > 0;
    if (isLater && progress.callDeadlineNs !== Infinity && isDue(task, progress.callDeadlineNs)) break;
    const waitFlag = isLater && (receiveFlags & Msg.WAITFORONE) !== 0 ? Msg.DONTWAIT : 0;
    const at = vectorAt + progress.doneMessages * MMSGHDR.sizeBytes;
    const result = receiveMessage(task, socket, at, (receiveFlags & ~Msg.WAITFORONE) | waitFlag);
    if (typeof result === 'object') return result;
    if (result < 0) return progress.doneMessages || result;
    task.mm.writeU32(at + MMSGHDR.off.len, result);
    progress.doneMessages++;
    progress.doneBytes = 0;
  }
  return progress.doneMessages;
}

function manyOnInterrupt(task: Task): number | undefined {
  const data = task.syscall?.data as ManyProgress | undefined;
  return data?.doneMessages ? data.doneMessages : undefined;
}

const FLAGS = flags('flags', Object.entries(Msg).map(([name, value]) => [`MSG_${name}`, value] as const));
const NET = ['%net'] as const;

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.sendto, name: 'sendto', args: [fd('sockfd'), inBuf('buf', 'len'), size('len'), FLAGS, addr('dest_addr'), int('addrlen')], groups: NET,
    restart: 'ERESTARTSYS', support: 'full', man: 'send(2)', handler: sysSendto, interrupted: progressOnInterrupt,
  },
  { nr: Nr.sendmsg, name: 'sendmsg', args: [fd('sockfd'), addr('msg'), FLAGS], groups: NET, restart: 'ERESTARTSYS', support: 'full', man: 'send(2)', handler: sysSendmsg, interrupted: progressOnInterrupt },
  {
    nr: Nr.sendmmsg, name: 'sendmmsg', args: [fd('sockfd'), addr('msgvec'), uint('vlen'), FLAGS], groups: NET,
    restart: 'ERESTARTSYS', support: 'full', man: 'sendmmsg(2)', handler: sysSendmmsg, interrupted: manyOnInterrupt,
  },
  {
    nr: Nr.recvfrom, name: 'recvfrom', args: [fd('sockfd'), outBuf('buf', 'return'), size('len'), FLAGS, addr('src_addr'), addr('addrlen')], groups: NET,
    restart: 'ERESTARTSYS', support: 'full', man: 'recv(2)', handler: sysRecvfrom, interrupted: progressOnInterrupt,
  },
  { nr: Nr.recvmsg, name: 'recvmsg', args: [fd('sockfd'), addr('msg'), FLAGS], groups: NET, restart: 'ERESTARTSYS', support: 'full', man: 'recv(2)', handler: sysRecvmsg, interrupted: progressOnInterrupt },
  {
    nr: Nr.recvmmsg, name: 'recvmmsg', args: [fd('sockfd'), addr('msgvec'), uint('vlen'), FLAGS, addr('timeout')], groups: NET,
    restart: 'ERESTARTSYS', support: 'full', man: 'recvmmsg(2)', handler: sysRecvmmsg, interrupted: manyOnInterrupt,
  },
];
