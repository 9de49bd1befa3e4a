/**
 * Local sockets: streams, datagrams and sequenced packets (unix(7)).
 *
 * Owns:   its receive queue, its pending connections, its side of the shutdown state.
 * Order:  a message is queued before the receiver's waiters are woken; closing tells the peer after the
 *         queue was emptied, so that the peer sees the final state.
 */
import { Af, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM, Errno, O_NONBLOCK, O_RDWR, Shut, SOMAXCONN, Sock, type WaitQueue } from '@troupe/abi';
import { newSocketNode } from '../anonymous.js';
import { Socket, type IncomingMessage, type OutgoingMessage, type SocketCaller, type SocketCredentials } from '../socket/socket.js';
import type { Inode } from '../inode.js';
import type { NegativeErrno } from '../types.js';
import { MessageQueue, type MessageSender } from './message-queue.js';
import { UNNAMED, encodeUnixAddress, parseUnixAddress, type UnixAddress } from './unix-address.js';
import type { UnixNamespace } from './unix-namespace.js';
import { receiveDatagram, receiveStream } from './unix-receive.js';
import { sendDatagram, sendStream } from './unix-send.js';

const ALL = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR;

export class UnixSocket extends Socket implements MessageSender {
  readonly queue = new MessageQueue();
  address: UnixAddress = UNNAMED;
  peer: UnixSocket | null = null;
  peerCredentials: SocketCredentials | null = null;
  isReadShut = false;
  isWriteShut = false;
  isReleased = false;
  /** Was connected once: a stream never goes back. */
  wasConnected = false;
  /** What messages of this socket in the queues of others cost of its buffer. */
  sentBytes = 0;
  private readonly _pending: UnixSocket[] = [];
  /** Datagram sockets connected to this one. */
  private readonly _senders = new Set<UnixSocket>();
  private _backlog = -1;
  private _boundInode: Inode | null = null;

  constructor(type: number, flags: number, readonly ownCredentials: SocketCredentials, readonly names: UnixNamespace, nowNs: bigint) {
    super(newSocketNode(ownCredentials.uid, ownCredentials.gid, nowNs), O_RDWR | (flags & O_NONBLOCK), Af.UNIX, type, 0);
    names.observer?.onSocket(this);
  }

  get isStream(): boolean {
    return this.type === Sock.STREAM;
  }

  get isDatagram(): boolean {
    return this.type === Sock.DGRAM;
  }

  get isListening(): boolean {
    return this._backlog >= 0;
  }

  /** A sender waits for room of its own, and for the queue of the receiver of a datagram. */
  sendQueues(to: Uint8Array | null, caller: SocketCaller): readonly WaitQueue[] {
    const target = to === null ? this.peer : this._targetOf(to, caller);
    return target === null || !this.isDatagram ? [this.waiters] : [this.waiters, target.waiters];
  }

  private _targetOf(bytes: Uint8Array, caller: SocketCaller): UnixSocket | null {
    const address = parseUnixAddress(bytes);
    const target = typeof address === 'number' ? address : this.names.find(address, this.type, caller);
    return typeof target === 'number' ? null : target;
  }

  /** A datagram left the queue: senders that found it full try again. */
  onDatagramTaken(): void {
    this.waiters.wake(EPOLLOUT);
    for (const sender of this._senders) if (sender.isWritable) sender.waiters.wake(EPOLLOUT | EPOLLWRNORM);
  }

  bind(bytes: Uint8Array, caller: SocketCaller): number {
    const address = parseUnixAddress(bytes);
    if (typeof address === 'number') return address;
    if (this.address.kind !== 'unnamed') return -Errno.EINVAL;
    const bound = this.names.bind(this, address, caller);
    if (typeof bound === 'number') return bound;
    this.address = bound.address;
    this._boundInode = bound.inode;
    return 0;
  }

  listen(backlog: number, caller: SocketCaller): number {
    if (this.isDatagram) return -Errno.EOPNOTSUPP;
    if (this.address.kind === 'unnamed' || this.wasConnected) return -Errno.EINVAL;
    this._backlog = backlog < 0 ? SOMAXCONN : Math.min(backlog, SOMAXCONN);
    this.peerCredentials = caller.credentials;
    this.waiters.wake(EPOLLOUT, Infinity);
    return 0;
  }

  connect(bytes: Uint8Array, caller: SocketCaller): number {
    if (this.isDatagram && bytes.length >= 2 && bytes[0] === Af.UNSPEC && bytes[1] === 0) return this._disconnect();
    const address = parseUnixAddress(bytes);
    if (typeof address === 'number') return address;
    const target = this.names.find(address, this.type, caller);
    if (typeof target === 'number') return target;
    return this.isDatagram ? this._connectDatagram(target) : this._connectStream(target, caller);
  }

  /** The queue of the listener a connect that found the backlog full waits on. */
  listenerFor(bytes: Uint8Array, caller: SocketCaller): WaitQueue | null {
    return this._targetOf(bytes, caller)?.waiters ?? null;
  }

  accept(flags: number): UnixSocket | NegativeErrno {
    if (this.isDatagram) return -Errno.EOPNOTSUPP;
    if (!this.isListening) return -Errno.EINVAL;
    const socket = this._pending.shift();
    if (!socket) return this.isReadShut ? -Errno.EINVAL : -Errno.EAGAIN;
    socket.flags = O_RDWR | (flags & O_NONBLOCK);
    this.waiters.wake(EPOLLOUT);
    return socket;
  }

  send(message: OutgoingMessage, caller: SocketCaller | null): number {
    return this.isStream ? sendStream(this, message) : sendDatagram(this, message, caller);
  }

  receive(dst: Uint8Array, flags: number): IncomingMessage | NegativeErrno {
    return this.isStream ? receiveStream(this, dst, flags) : receiveDatagram(this, dst, flags);
  }

  shutdown(how: number): number {
    if (how !== Shut.RD && how !== Shut.WR && how !== Shut.RDWR) return -Errno.EINVAL;
    const stopsReading = how !== Shut.WR;
    const stopsWriting = how !== Shut.RD;
    this._shut(stopsReading, stopsWriting);
    if (!this.isDatagram && this.peer !== null) this.peer._shut(stopsWriting, stopsReading);
    return 0;
  }

  localName(): Uint8Array {
    return encodeUnixAddress(this.address);
  }

  peerName(): Uint8Array | NegativeErrno {
    return this.peer === null ? -Errno.ENOTCONN : encodeUnixAddress(this.peer.address);
  }

  override poll(): number {
    if (this.isListening) return this._pending.length > 0 ? EPOLLIN | EPOLLRDNORM : 0;
    const isUnconnectedStream = !this.isDatagram && !this.wasConnected;
    let mask = this.queue.count > 0 || this.isReadShut ? EPOLLIN | EPOLLRDNORM : 0;
    if (this.isReadShut) mask |= EPOLLRDHUP;
    if ((this.isReadShut && this.isWriteShut) || isUnconnectedStream) mask |= EPOLLHUP;
    if (this.pendingError !== 0) mask |= EPOLLERR;
    if (this.isWritable) mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return mask;
  }

  /** A quarter of the buffer may be in flight, as Linux counts (unix_writable). */
  get isWritable(): boolean {
    const isReceiverFull = this.isDatagram && this.peer !== null && this.peer.peer !== this && this.peer.isQueueFull;
    return this.sentBytes * 4 <= this.sendBufferBytes && !isReceiverFull;
  }

  /** Datagrams wait at most this many per receiver (/proc/sys/net/unix/max_dgram_qlen). */
  get isQueueFull(): boolean {
    return this.queue.count > 10;
  }

  override bytesReadable(): number {
    if (this.isListening) return -Errno.EINVAL;
    return this.isStream ? this.queue.lengthBytes : (this.queue.first?.data.length ?? 0);
  }

  onMessageTaken(costBytes: number): void {
    this.sentBytes -= costBytes;
    if (this.isWritable) this.waiters.wake(EPOLLOUT | EPOLLWRNORM);
  }

  /** Connects two sockets to each other (socketpair(2), accept(2)). */
  join(other: UnixSocket): void {
    this.peer = other;
    other.peer = this;
    this.wasConnected = true;
    other.wasConnected = true;
  }

  protected override release(): void {
    this.isReleased = true;
    this.names.release(this, this.address);
    if (this._boundInode?.attachment === this) this._boundInode.attachment = null;
    const hadUnread = this.queue.count > 0;
    this.queue.clear();
    for (const socket of this._pending) {
      socket._wasAccepted = false;
      socket.incRef().decRef();
    }
    this.waiters.wake(ALL, Infinity);
    if (this.isDatagram) this.peer?.removeSender(this);
    else this._leavePeer(hadUnread);
  }

  /** The peer of a stream sees the end of file; ECONNRESET when data was lost (unix(7)). */
  private _leavePeer(hadUnread: boolean): void {
    const { peer } = this;
    if (peer === null) return;
    if (hadUnread || !this._wasAccepted) peer.pendingError = Errno.ECONNRESET;
    peer.peer = null;
    peer._shut(true, true);
    this.peer = null;
  }

  /** False for a connection that was still in the backlog when its listener went away. */
  private _wasAccepted = true;

  private _disconnect(): number {
    this.peer?.removeSender(this);
    this.peer = null;
    return 0;
  }

  private _connectDatagram(target: UnixSocket): number {
    if (target.peer !== null && target.peer !== this) return -Errno.EPERM;
    this.peer?.removeSender(this);
    this.peer = target;
    target._senders.add(this);
    return 0;
  }

  removeSender(sender: UnixSocket): void {
    this._senders.delete(sender);
  }

  private _connectStream(target: UnixSocket, caller: SocketCaller): number {
    if (!target.isListening || target.isReadShut) return -Errno.ECONNREFUSED;
    if (target._pending.length > target._backlog) return -Errno.EAGAIN;
    if (this.wasConnected) return -Errno.EISCONN;
    if (this.isListening) return -Errno.EINVAL;
    const server = new UnixSocket(this.type, 0, target.ownCredentials, this.names, caller.ctx.realtimeNs());
    server.address = target.address;
    server.passesCredentials = target.passesCredentials;
    server.join(this);
    server.peerCredentials = caller.credentials;
    this.peerCredentials = target.peerCredentials;
    target._pending.push(server);
    target.waiters.wake(EPOLLIN | EPOLLRDNORM);
    this.waiters.wake(EPOLLOUT, Infinity);
    return 0;
  }

  private _shut(stopsReading: boolean, stopsWriting: boolean): void {
    if (stopsReading) this.isReadShut = true;
    if (stopsWriting) this.isWriteShut = true;
    this.waiters.wake(ALL, Infinity);
  }
}

/** socketpair(2): two connected sockets without references. */
export function createUnixPair(type: number, flags: number, credentials: SocketCredentials, names: UnixNamespace, nowNs: bigint): [UnixSocket, UnixSocket] {
  const first = new UnixSocket(type, flags, credentials, names, nowNs);
  const second = new UnixSocket(type, flags, credentials, names, nowNs);
  first.join(second);
  first.peerCredentials = credentials;
  second.peerCredentials = credentials;
  return [first, second];
}
