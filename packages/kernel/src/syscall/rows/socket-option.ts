/** getsockopt(2), setsockopt(2) (socket(7)). */
import { Errno, NO_ID, Nr, SOL_NETLINK, SOL_SOCKET, So, UCRED } from '@troupe/abi';
import type { Socket } from '@troupe/vfs';
import { socketOf } from '../../ipc/socket-transfer.js';
import { shownGid, shownPid, shownUid } from '../../namespace/id-view.js';
import { NetlinkSocket } from '../../net/netlink-socket.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, inBuf, int, outBuf, type SyscallRow } from '../row.js';
import { readTimevalNs } from '../timespec.js';

const OPTIONS = Object.entries(So).map(([name, value]) => [`SO_${name}`, value] as const);
const TIMEVAL_BYTES = 16;
const LINGER_BYTES = 8;

const isReceiveTimeout = (name: number): boolean => name === So.RCVTIMEO || name === So.RCVTIMEO_NEW;
const isTimeout = (name: number): boolean => isReceiveTimeout(name) || name === So.SNDTIMEO || name === So.SNDTIMEO_NEW;

function sysSetsockopt(task: Task, fdNo: number, level: number, name: number, at: number, sizeBytes: number): number {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  if (sizeBytes < 0) return -Errno.EINVAL;
  if (level === SOL_NETLINK && socket instanceof NetlinkSocket) return sizeBytes < 4 ? -Errno.EINVAL : socket.setNetlinkOption(name, task.mm.readI32(at), task.creds);
  if (level !== SOL_SOCKET) return -Errno.EOPNOTSUPP;
  if (isTimeout(name)) return setTimeoutOption(task, socket, name, at, sizeBytes);
  if (name === So.LINGER) return sizeBytes < LINGER_BYTES ? -Errno.EINVAL : 0;
  return sizeBytes < 4 ? -Errno.EINVAL : socket.setOption(name, task.mm.readI32(at));
}

function setTimeoutOption(task: Task, socket: Socket, name: number, at: number, sizeBytes: number): number {
  if (sizeBytes < TIMEVAL_BYTES) return -Errno.EINVAL;
  const micros = BigInt.asIntN(64, task.mm.readU64(at + 8));
  if (micros < 0n || micros >= 1_000_000n) return -Errno.EDOM;
  const isNegative = BigInt.asIntN(64, task.mm.readU64(at)) < 0n;
  const ns = isNegative ? 0 : readTimevalNs(task.mm, at);
  const timeoutNs = ns === 0 ? Infinity : ns;
  if (isReceiveTimeout(name)) socket.receiveTimeoutNs = timeoutNs;
  else socket.sendTimeoutNs = timeoutNs;
  return 0;
}

function sysGetsockopt(task: Task, fdNo: number, level: number, name: number, at: number, lengthAt: number): number {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const roomBytes = task.mm.readI32(lengthAt);
  if (roomBytes < 0) return -Errno.EINVAL;
  const isNetlink = level === SOL_NETLINK && socket instanceof NetlinkSocket;
  if (level !== SOL_SOCKET && !isNetlink) return -Errno.EOPNOTSUPP;
  const value = isNetlink ? intBytes(socket.getNetlinkOption(name)) : optionBytes(task, socket, name);
  if (typeof value === 'number') return value;
  task.mm.copyOut(at, value.subarray(0, roomBytes));
  task.mm.writeU32(lengthAt, Math.min(roomBytes, value.length));
  return 0;
}

function optionBytes(task: Task, socket: Socket, name: number): Uint8Array | number {
  if (isTimeout(name)) return timevalBytes(isReceiveTimeout(name) ? socket.receiveTimeoutNs : socket.sendTimeoutNs);
  if (name === So.LINGER) return new Uint8Array(LINGER_BYTES);
  if (name === So.PEERCRED) return credentialBytes(task, socket);
  if (name === So.PEERNAME) return socket.peerName();
  const value = socket.getOption(name);
  return name === So.PEEK_OFF ? new Uint8Array(Int32Array.of(value).buffer) : intBytes(value);
}

/** An int, or the error it is. */
function intBytes(value: number): Uint8Array | number {
  return value < 0 ? value : new Uint8Array(Int32Array.of(value).buffer);
}

function timevalBytes(timeoutNs: number): Uint8Array {
  const ns = timeoutNs === Infinity ? 0 : timeoutNs;
  return new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ns / 1e9)), BigInt(Math.floor((ns % 1e9) / 1000))).buffer);
}

/** Without a peer the ids are unknown: pid 0, uid and gid -1. */
function credentialBytes(task: Task, socket: Socket): Uint8Array {
  const peer = socket.peerCredentials;
  const bytes = new Uint8Array(UCRED.sizeBytes);
  new Uint32Array(bytes.buffer).set(peer === null ? [0, NO_ID, NO_ID] : [shownPid(task, peer.pid), shownUid(task, peer.uid), shownGid(task, peer.gid)]);
  return bytes;
}

const HEAD = [fd('sockfd'), choice('level', [['SOL_SOCKET', SOL_SOCKET], ['SOL_NETLINK', SOL_NETLINK]]), choice('optname', OPTIONS)] as const;

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.setsockopt, name: 'setsockopt', args: [...HEAD, inBuf('optval', 'optlen'), int('optlen')], groups: ['%net'],
    support: { partial: 'SOL_SOCKET, SOL_NETLINK; options without meaning for local sockets are stored only' }, man: 'getsockopt(2)', handler: sysSetsockopt,
  },
  { nr: Nr.getsockopt, name: 'getsockopt', args: [...HEAD, outBuf('optval', 'return'), addr('optlen')], groups: ['%net'], support: { partial: 'SOL_SOCKET, SOL_NETLINK' }, man: 'getsockopt(2)', handler: sysGetsockopt },
];
