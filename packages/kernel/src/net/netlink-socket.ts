/**
 * Netlink sockets: datagrams between programs and the kernel (netlink(7)).
 *
 * Owns:   the datagrams it received, its port id, its groups.
 * Order:  a request is carried out when it is sent; its answer is queued before send returns.
 */
import {
  Af, Cap, EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, Errno, Msg, NLMSGHDR, NetlinkOption, NetlinkProtocol, NlmFlag, Nlmsg, O_NONBLOCK, O_RDWR, RtnlGroup, SOCKADDR_NL, hasCapIn,
  type Credentials, type WaitQueue,
} from '@troupe/abi';
import { Socket, newSocketNode, type IncomingMessage, type OutgoingMessage, type SocketCaller, type SocketCredentials, type VfsContext } from '@troupe/vfs';
import type { Task } from '../task/task.js';
import type { NetlinkReceiver, NetworkNamespace } from '../namespace/network-namespace.js';
import type { Kernel } from '../kernel.js';
import { message, requestsIn, u32Bytes, viewOf, type NetlinkRequest } from './netlink-message.js';
import { REQUEST_KINDS, type NetlinkSender } from './netlink-request.js';

/** From the kernel itself. */
const KERNEL: SocketCredentials = { pid: 0, uid: 0, gid: 0 };
const BOOLEAN_OPTIONS: ReadonlySet<number> = new Set([NetlinkOption.BROADCAST_ERROR, NetlinkOption.NO_ENOBUFS, NetlinkOption.CAP_ACK, NetlinkOption.EXT_ACK, NetlinkOption.GET_STRICT_CHK]);

interface Datagram {
  readonly data: Uint8Array;
  readonly fromPort: number;
  readonly group: number;
}

interface NetlinkAddress {
  readonly port: number;
  /** Bits of groups 1 to 32. */
  readonly groups: number;
}

export interface NetlinkSocketInit {
  readonly type: number;
  readonly protocol: number;
  readonly flags: number;
  readonly namespace: NetworkNamespace;
  readonly kernel: Kernel;
  /** Id of the process in its PID namespace: the port it asks for. */
  readonly portHint: number;
  readonly credentials: SocketCredentials;
}

export class NetlinkSocket extends Socket implements NetlinkReceiver {
  readonly namespace: NetworkNamespace;
  readonly ownCredentials: SocketCredentials;
  readonly peerCredentials = null;
  readonly groups = new Set<number>();
  port = 0;
  readonly kernel: Kernel;
  private readonly _portHint: number;
  private readonly _queue: Datagram[] = [];
  private _queuedBytes = 0;
  private _destination: NetlinkAddress = { port: 0, groups: 0 };
  /** Of BOOLEAN_OPTIONS, those that are set. */
  private readonly _options = new Set<number>();

  constructor({ credentials, flags, kernel, namespace, portHint, protocol, type }: NetlinkSocketInit) {
    super(newSocketNode(credentials.uid, credentials.gid, kernel.realtimeNs()), O_RDWR | (flags & O_NONBLOCK), Af.NETLINK, type, protocol);
    this.namespace = namespace;
    this.ownCredentials = credentials;
    this.kernel = kernel;
    this._portHint = portHint;
    namespace.netlinkSockets.add(this);
  }

  bind(bytes: Uint8Array, caller: SocketCaller): number {
    const address = parseAddress(bytes);
    if (typeof address === 'number') return address;
    if (address.groups !== 0 && !this._mayJoin(caller.ctx.creds)) return -Errno.EPERM;
    if (this.port !== 0 && address.port !== 0 && address.port !== this.port) return -Errno.EINVAL;
    if (this.port === 0) {
      const bound = address.port === 0 ? this._bindAny() : this._bindTo(address.port);
      if (bound < 0) return bound;
    }
    for (let group = 1; group <= 32; group++) if ((address.groups >>> (group - 1)) & 1) this.groups.add(group);
    return 0;
  }

  private _bindTo(port: number): number {
    const got = this.kernel.netlinkPorts.allocate(this.protocol, port | 0);
    if (got === undefined) return -Errno.EADDRINUSE;
    if (got !== (port | 0)) {
      this.kernel.netlinkPorts.release(this.protocol, got);
      return -Errno.EADDRINUSE;
    }
    this.port = port >>> 0;
    return 0;
  }

  private _bindAny(): number {
    const got = this.kernel.netlinkPorts.allocate(this.protocol, this._portHint);
    if (got === undefined) return -Errno.EADDRINUSE;
    this.port = got >>> 0;
    return 0;
  }

  listen(): number {
    return -Errno.EOPNOTSUPP;
  }

  accept(): number {
    return -Errno.EOPNOTSUPP;
  }

  shutdown(): number {
    return -Errno.EOPNOTSUPP;
  }

  connect(bytes: Uint8Array): number {
    if (bytes.length >= 2 && viewOf(bytes).getUint16(0, true) === Af.UNSPEC) {
      this._destination = { port: 0, groups: 0 };
      return 0;
    }
    const address = parseAddress(bytes);
    if (typeof address === 'number') return address;
    this._destination = address;
    return this.port === 0 ? this._bindAny() : 0;
  }

  send(message: OutgoingMessage, caller: SocketCaller | null): number {
    return caller === null ? -Errno.EPERM : this._send(message, caller.ctx);
  }

  override write(src: Uint8Array, _offBytes: number, ctx: VfsContext): number {
    return this._send({ data: src, flags: 0, to: null }, ctx);
  }

  private _send({ data, flags, to }: Pick<OutgoingMessage, 'data' | 'flags' | 'to'>, ctx: VfsContext): number {
    if ((flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
    const destination = to === null ? this._destination : parseAddress(to);
    if (typeof destination === 'number') return destination;
    if (data.length > this.sendBufferBytes - NLMSGHDR.sizeBytes * 2) return -Errno.EMSGSIZE;
    if (this.port === 0) {
      const bound = this._bindAny();
      if (bound < 0) return bound;
    }
    if (destination.port !== 0 || destination.groups !== 0) return this._sendToSockets(data, destination, ctx.creds);
    const task = this.kernel.tasks.byTid(ctx.tid);
    return task === undefined ? -Errno.ECONNREFUSED : this._sendToKernel(data, task);
  }

  private _sendToKernel(data: Uint8Array, task: Task): number {
    const { creds } = task;
    const isKnown = REQUEST_KINDS[this.protocol] !== undefined;
    if (this._isOfConnector) this.kernel.processEvents.control(this, data, task);
    else if (!isKnown) return -Errno.ECONNREFUSED;
    else {
      const sender = { socket: this, task, isAdmin: this._isAdmin(creds), isAdminOfAll: hasCapIn(creds, this.kernel.rootUserNamespace, Cap.NET_ADMIN) };
      for (const request of requestsIn(data)) this._handle(request, sender);
    }
    return data.length;
  }

  /** The connector is there in the first namespace only. */
  private get _isOfConnector(): boolean {
    return this.protocol === NetlinkProtocol.CONNECTOR && this.namespace === this.kernel.rootNamespaces.net;
  }

  private _isAdmin(creds: Credentials): boolean {
    return hasCapIn(creds, this.namespace.userNamespace, Cap.NET_ADMIN);
  }

  private _mayJoin(creds: Credentials): boolean {
    return this.protocol !== NetlinkProtocol.CONNECTOR || this._isAdmin(creds);
  }

  private _sendToSockets(data: Uint8Array, { groups, port }: NetlinkAddress, creds: Credentials): number {
    if (!this._isAdmin(creds)) return -Errno.EPERM;
    const others = [...this.namespace.netlinkSockets].filter((socket) => socket !== this && socket.protocol === this.protocol);
    for (let group = 1; group <= 32; group++) {
      if (((groups >>> (group - 1)) & 1) === 0) continue;
      for (const socket of others) if (socket.groups.has(group)) socket.deliver(data.slice(), this.port, group);
    }
    if (port === 0) return data.length;
    const target = others.find((socket) => socket.port === port);
    if (target === undefined) return -Errno.ECONNREFUSED;
    target.deliver(data.slice(), this.port, 0);
    return data.length;
  }

  private _handle(request: NetlinkRequest, sender: NetlinkSender): void {
    if ((request.flags & NlmFlag.REQUEST) === 0) return;
    const own = { ...request, pid: this.port };
    const kind = REQUEST_KINDS[this.protocol]!;
    const answer = request.type < Nlmsg.MIN_TYPE ? [] : kind.handle(own, sender);
    const error = typeof answer === 'number' ? answer : 0;
    if (typeof answer !== 'number') for (const bytes of answer) this.deliver(bytes, 0, 0);
    if (error !== 0 || ((request.flags & NlmFlag.ACK) !== 0 && !kind.isDump(request))) this.deliver(this._acknowledgement(own, error), 0, 0);
  }

  /** NLMSG_ERROR: errors bring the whole request back, unless NETLINK_CAP_ACK says otherwise. */
  private _acknowledgement({ bytes, pid, seq }: NetlinkRequest, error: number): Uint8Array {
    const isCapped = error === 0 || this._options.has(NetlinkOption.CAP_ACK);
    const original = isCapped ? bytes.subarray(0, NLMSGHDR.sizeBytes) : bytes;
    return message({ type: Nlmsg.ERROR, flags: isCapped ? NlmFlag.CAPPED : 0, seq, pid }, u32Bytes(error), original);
  }

  deliver(data: Uint8Array, fromPort: number, group: number): void {
    if (this._queuedBytes + data.length > this.receiveBufferBytes) {
      if (!this._options.has(NetlinkOption.NO_ENOBUFS)) this.pendingError = Errno.ENOBUFS;
    } else {
      this._queue.push({ data, fromPort, group });
      this._queuedBytes += data.length;
    }
    this.waiters.wake(EPOLLIN | EPOLLRDNORM);
  }

  receive(dst: Uint8Array, flags: number): IncomingMessage | number {
    if ((flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
    if (this.pendingError !== 0) return -this.takeError();
    const first = this._queue[0];
    if (first === undefined) return -Errno.EAGAIN;
    const { data, fromPort, group } = first;
    if ((flags & Msg.PEEK) === 0) {
      this._queue.shift();
      this._queuedBytes -= data.length;
    }
    const count = Math.min(dst.length, data.length);
    dst.set(data.subarray(0, count));
    return {
      count, fullLength: data.length, flags: count < data.length ? Msg.TRUNC : 0, from: encodeAddress(fromPort, group === 0 ? 0 : 1 << (group - 1)), rights: [],
      credentials: this.passesCredentials ? KERNEL : null,
    };
  }

  localName(): Uint8Array {
    let bits = 0;
    for (const group of this.groups) if (group <= 32) bits |= 1 << (group - 1);
    return encodeAddress(this.port, bits);
  }

  peerName(): Uint8Array {
    return encodeAddress(this._destination.port, this._destination.groups);
  }

  get isListening(): boolean {
    return false;
  }

  sendQueues(): readonly WaitQueue[] {
    return [this.waiters];
  }

  listenerFor(): null {
    return null;
  }

  override poll(): number {
    return EPOLLOUT | EPOLLWRNORM | (this._queue.length > 0 ? EPOLLIN | EPOLLRDNORM : 0) | (this.pendingError === 0 ? 0 : EPOLLERR);
  }

  override bytesReadable(): number {
    return this._queue[0]?.data.length ?? 0;
  }

  /** An option of SOL_NETLINK. */
  setNetlinkOption(name: number, value: number, creds: Credentials): number {
    if (name === NetlinkOption.ADD_MEMBERSHIP || name === NetlinkOption.DROP_MEMBERSHIP) {
      if (!this._mayJoin(creds)) return -Errno.EPERM;
      if (value < 1 || value > RtnlGroup.MAX) return -Errno.EINVAL;
      if (name === NetlinkOption.ADD_MEMBERSHIP) this.groups.add(value);
      else this.groups.delete(value);
      return 0;
    }
    if (!BOOLEAN_OPTIONS.has(name)) return -Errno.ENOPROTOOPT;
    if (value === 0) this._options.delete(name);
    else this._options.add(name);
    return 0;
  }

  getNetlinkOption(name: number): number {
    return BOOLEAN_OPTIONS.has(name) ? Number(this._options.has(name)) : -Errno.ENOPROTOOPT;
  }

  protected override release(): void {
    this.namespace.netlinkSockets.delete(this);
    this.kernel.processEvents.forget(this);
    this.kernel.taskStats.forget(this);
    if (this.port !== 0) this.kernel.netlinkPorts.release(this.protocol, this.port | 0);
  }
}

/** struct sockaddr_nl, or -EINVAL. */
function parseAddress(bytes: Uint8Array): NetlinkAddress | number {
  const { off, sizeBytes } = SOCKADDR_NL;
  if (bytes.length < sizeBytes || viewOf(bytes).getUint16(off.family, true) !== Af.NETLINK) return -Errno.EINVAL;
  return { port: viewOf(bytes).getUint32(off.pid, true), groups: viewOf(bytes).getUint32(off.groups, true) };
}

function encodeAddress(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_NL.sizeBytes);
  const { off } = SOCKADDR_NL;
  viewOf(bytes).setUint16(off.family, Af.NETLINK, true);
  viewOf(bytes).setUint32(off.pid, port, true);
  viewOf(bytes).setUint32(off.groups, groups, true);
  return bytes;
}
