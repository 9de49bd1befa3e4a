/** Making and connecting sockets: socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), shutdown(2), names. */
import { Af, EPOLLIN, EPOLLOUT, Errno, NetlinkProtocol, Nr, O_CLOEXEC, O_NONBLOCK, Rlimit, Sock, type ErrnoName } from '@troupe/abi';
import { UnixSocket, createUnixPair, type FileDescription } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { credentialsOf } from '../../ipc/control-message.js';
import { callDeadlineNs, isDue } from '../../ipc/deadline.js';
import { readAddress, writeAddress } from '../../ipc/socket-address.js';
import { socketCaller, socketOf } from '../../ipc/socket-transfer.js';
import { shownPid } from '../../namespace/id-view.js';
import { NetlinkSocket } from '../../net/netlink-socket.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, flags, inBuf, int, outBuf, waitOn, type SyscallResult, type SyscallRow } from '../row.js';

const TYPE_FLAGS = Sock.NONBLOCK | Sock.CLOEXEC;
const LOCAL_TYPES: readonly number[] = [Sock.STREAM, Sock.DGRAM, Sock.SEQPACKET, Sock.RAW];
const DOMAINS = Object.entries(Af).map(([name, value]) => [`AF_${name}`, value] as const);
const CREATION_FLAGS = [['SOCK_NONBLOCK', Sock.NONBLOCK], ['SOCK_CLOEXEC', Sock.CLOEXEC]] as const;
const FLAG_SETS = [['', 0], ['|SOCK_CLOEXEC', Sock.CLOEXEC], ['|SOCK_NONBLOCK', Sock.NONBLOCK], ['|SOCK_CLOEXEC|SOCK_NONBLOCK', TYPE_FLAGS]] as const;
/** The type argument is a number with flag bits on top: every combination has a name. */
const TYPES = (['STREAM', 'DGRAM', 'RAW', 'RDM', 'SEQPACKET'] as const).flatMap((name) => FLAG_SETS.map(([suffix, bits]) => [`SOCK_${name}${suffix}`, Sock[name] | bits] as const));

const fail = (name: ErrnoName): number => -Errno[name];

/** The type of a local socket, or why one like this cannot be made. */
function checkKind(domain: number, typeAndFlags: number, protocol: number): number {
  const type = typeAndFlags & ~TYPE_FLAGS;
  if ((type & ~Sock.TYPE_MASK) !== 0 || type > 10 || type < 1) return fail('EINVAL');
  if (domain === Af.NETLINK) return fail('EOPNOTSUPP');
  if (domain !== Af.UNIX) return fail('EAFNOSUPPORT');
  if (protocol !== 0 && protocol !== Af.UNIX) return fail('EPROTONOSUPPORT');
  if (!LOCAL_TYPES.includes(type)) return fail('ESOCKTNOSUPPORT');
  return type === Sock.RAW ? Sock.DGRAM : type;
}

/** NETLINK_KOBJECT_UEVENT has nothing to tell, as no device comes or goes; the others answer. */
const NETLINK_PROTOCOLS: readonly number[] = [NetlinkProtocol.ROUTE, NetlinkProtocol.CONNECTOR, NetlinkProtocol.KOBJECT_UEVENT, NetlinkProtocol.GENERIC];

function makeNetlinkSocket(task: Task, typeAndFlags: number, protocol: number): number {
  const type = typeAndFlags & ~TYPE_FLAGS;
  if (type !== Sock.RAW && type !== Sock.DGRAM) return fail('ESOCKTNOSUPPORT');
  if (!NETLINK_PROTOCOLS.includes(protocol)) return fail('EPROTONOSUPPORT');
  const { kernel } = task;
  const socket = new NetlinkSocket({
    type, protocol, flags: typeAndFlags, namespace: task.namespaces.net, kernel, portHint: shownPid(task, task.group.tgid), credentials: credentialsOf(task),
  });
  kernel.sockets.record(socket);
  return installFile(task, socket, (typeAndFlags & O_CLOEXEC) !== 0);
}

function sysSocket(task: Task, domain: number, typeAndFlags: number, protocol: number): number {
  if (domain === Af.NETLINK) return makeNetlinkSocket(task, typeAndFlags, protocol);
  const type = checkKind(domain, typeAndFlags, protocol);
  if (type < 0) return type;
  const socket = new UnixSocket(type, typeAndFlags & O_NONBLOCK, credentialsOf(task), task.namespaces.net.abstractSockets, task.kernel.realtimeNs());
  return installFile(task, socket, (typeAndFlags & O_CLOEXEC) !== 0);
}

function sysSocketpair(task: Task, domain: number, typeAndFlags: number, protocol: number, fdsAddr: number): number {
  const type = checkKind(domain, typeAndFlags, protocol);
  if (type < 0) return type;
  const pair = createUnixPair(type, typeAndFlags & O_NONBLOCK, credentialsOf(task), task.namespaces.net.abstractSockets, task.kernel.realtimeNs());
  return installPair(task, pair, (typeAndFlags & O_CLOEXEC) !== 0, fdsAddr);
}

function installPair(task: Task, pair: readonly [FileDescription, FileDescription], closeOnExec: boolean, fdsAddr: number): number {
  const [first, second] = [installFile(task, pair[0], closeOnExec), installFile(task, pair[1], closeOnExec)];
  const isInstalled = first >= 0 && second >= 0;
  if (isInstalled && task.mm.copyOutPartial(fdsAddr, new Uint8Array(Int32Array.of(first, second).buffer)) === 8) return 0;
  for (const made of [first, second]) if (made >= 0) task.fds.close(made);
  return isInstalled ? fail('EFAULT') : fail('EMFILE');
}

function sysBind(task: Task, fdNo: number, at: number, sizeBytes: number): number {
  const socket = socketOf(task, fdNo);
  return typeof socket === 'number' ? socket : socket.bind(readAddress(task, at, sizeBytes), socketCaller(task));
}

function sysListen(task: Task, fdNo: number, backlog: number): number {
  const socket = socketOf(task, fdNo);
  return typeof socket === 'number' ? socket : socket.listen(backlog, socketCaller(task));
}

function sysConnect(task: Task, fdNo: number, at: number, sizeBytes: number): SyscallResult {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, at, sizeBytes);
  const caller = socketCaller(task);
  const result = socket.connect(address, caller);
  if (result !== -Errno.EAGAIN || socket.nonBlocking) return result;
  const deadlineNs = callDeadlineNs(task, () => socket.sendTimeoutNs);
  const queue = isDue(task, deadlineNs) ? null : socket.listenerFor(address, caller);
  return queue ? waitOn(queue, EPOLLOUT, deadlineNs) : result;
}

function sysAccept4(task: Task, fdNo: number, at: number, lengthAt: number, acceptFlags: number): SyscallResult {
  if ((acceptFlags & ~TYPE_FLAGS) !== 0) return fail('EINVAL');
  const listener = socketOf(task, fdNo);
  if (typeof listener === 'number') return listener;
  if (!task.fds.hasRoom(task.group.limits.soft(Rlimit.NOFILE))) return fail('EMFILE');
  const socket = listener.accept(acceptFlags & O_NONBLOCK);
  if (typeof socket === 'number') {
    if (socket !== -Errno.EAGAIN || listener.nonBlocking) return socket;
    const deadlineNs = callDeadlineNs(task, () => listener.receiveTimeoutNs);
    return isDue(task, deadlineNs) ? socket : waitOn(listener.waiters, EPOLLIN, deadlineNs);
  }
  const peer = socket.peerName();
  const made = installFile(task, socket, (acceptFlags & O_CLOEXEC) !== 0);
  if (made < 0 || at === 0) return made;
  try {
    writeAddress(task, at, lengthAt, typeof peer === 'number' ? Uint8Array.of(Af.UNIX, 0) : peer);
  } catch (error) {
    task.fds.close(made);
    throw error;
  }
  return made;
}

function sysShutdown(task: Task, fdNo: number, how: number): number {
  const socket = socketOf(task, fdNo);
  return typeof socket === 'number' ? socket : socket.shutdown(how);
}

function sysGetsockname(task: Task, fdNo: number, at: number, lengthAt: number): number {
  const socket = socketOf(task, fdNo);
  if (typeof socket === 'number') return socket;
  writeAddress(task, at, lengthAt, socket.localName());
  return 0;
}

function sysGetpeername(task: Task, fdNo: number, at: number, lengthAt: number): number {
  const socket = socketOf(task, fdNo);
  const name = typeof socket === 'number' ? socket : socket.peerName();
  if (typeof name === 'number') return name;
  writeAddress(task, at, lengthAt, name);
  return 0;
}

const PARTIAL = { partial: 'AF_UNIX, AF_NETLINK (NETLINK_ROUTE: links and IPv4 addresses of the loopback device; NETLINK_CONNECTOR: events of processes; NETLINK_GENERIC: task statistics); other families answer EAFNOSUPPORT' } as const;
const NAME_ARGS = [fd('sockfd'), outBuf('addr', 'return'), addr('addrlen')] as const;
const KIND_ARGS = [choice('domain', DOMAINS), choice('type', TYPES), int('protocol')] as const;

export const rows: readonly SyscallRow[] = [
  { nr: Nr.socket, name: 'socket', args: KIND_ARGS, groups: ['%net'], support: PARTIAL, man: 'socket(2)', handler: sysSocket },
  { nr: Nr.socketpair, name: 'socketpair', args: [...KIND_ARGS, outBuf('sv', 8)], groups: ['%net'], support: PARTIAL, man: 'socketpair(2)', handler: sysSocketpair },
  { nr: Nr.bind, name: 'bind', args: [fd('sockfd'), inBuf('addr', 'addrlen'), int('addrlen')], groups: ['%net'], support: 'full', man: 'bind(2)', handler: sysBind },
  { nr: Nr.listen, name: 'listen', args: [fd('sockfd'), int('backlog')], groups: ['%net'], support: 'full', man: 'listen(2)', handler: sysListen },
  { nr: Nr.connect, name: 'connect', args: [fd('sockfd'), inBuf('addr', 'addrlen'), int('addrlen')], groups: ['%net'], restart: 'ERESTARTSYS', support: 'full', man: 'connect(2)', handler: sysConnect },
  {
    nr: Nr.accept, name: 'accept', args: NAME_ARGS, groups: ['%net'], restart: 'ERESTARTSYS', support: 'full', man: 'accept(2)',
    handler: (task: Task, fdNo: number, at: number, lengthAt: number) => sysAccept4(task, fdNo, at, lengthAt, 0),
  },
  { nr: Nr.accept4, name: 'accept4', args: [...NAME_ARGS, flags('flags', CREATION_FLAGS)], groups: ['%net'], restart: 'ERESTARTSYS', support: 'full', man: 'accept(2)', handler: sysAccept4 },
  { nr: Nr.shutdown, name: 'shutdown', args: [fd('sockfd'), int('how')], groups: ['%net'], support: 'full', man: 'shutdown(2)', handler: sysShutdown },
  { nr: Nr.getsockname, name: 'getsockname', args: NAME_ARGS, groups: ['%net'], support: 'full', man: 'getsockname(2)', handler: sysGetsockname },
  { nr: Nr.getpeername, name: 'getpeername', args: NAME_ARGS, groups: ['%net'], support: 'full', man: 'getpeername(2)', handler: sysGetpeername },
];
