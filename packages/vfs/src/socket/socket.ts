/**
 * What the socket calls need of a socket, whatever its family (socket(2), socket(7)). Addresses are raw
 * sockaddr bytes. Operations return a value or a negative errno; -EAGAIN means "would block".
 */
import { Errno, So, type WaitQueue } from '@troupe/abi';
import { FileDescription } from '../file-description.js';
import type { PathNode } from '../mount.js';
import type { NegativeErrno, VfsContext } from '../types.js';
import type { Vfs } from '../vfs.js';

/** struct ucred. */
export interface SocketCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who calls, and where path names of sockets are looked up. */
export interface SocketCaller {
  readonly vfs: Vfs;
  readonly ctx: VfsContext;
  readonly credentials: SocketCredentials;
}

export interface OutgoingMessage {
  readonly data: Uint8Array;
  readonly flags: number;
  /** Destination, or null for the connected peer. */
  readonly to: Uint8Array | null;
  /** Files to pass (SCM_RIGHTS); the socket takes its own references once the message is accepted. */
  readonly rights: readonly FileDescription[];
  /** SCM_CREDENTIALS of the sender, else the caller's own. */
  readonly credentials: SocketCredentials;
}

export interface IncomingMessage {
  /** Bytes stored in the destination. */
  readonly count: number;
  /** Length of the whole datagram (MSG_TRUNC). */
  readonly fullLength: number;
  /** MSG_* for msg_flags. */
  readonly flags: number;
  readonly from: Uint8Array | null;
  /** Passed files, with one reference each that now belongs to the receiver. */
  readonly rights: readonly FileDescription[];
  /** Present when the receiver asked for them (SO_PASSCRED). */
  readonly credentials: SocketCredentials | null;
}

/** Largest and default buffer sizes (/proc/sys/net/core/wmem_default, wmem_max). */
export const SOCKET_BUFFER_BYTES = 212992;
const MIN_SEND_BYTES = 4608;
const MIN_RECEIVE_BYTES = 2304;

export abstract class Socket extends FileDescription {
  sendBufferBytes = SOCKET_BUFFER_BYTES;
  receiveBufferBytes = SOCKET_BUFFER_BYTES;
  /** SO_RCVTIMEO, SO_SNDTIMEO; Infinity = none. */
  receiveTimeoutNs = Infinity;
  sendTimeoutNs = Infinity;
  passesCredentials = false;
  /** Reported once by SO_ERROR or the next operation. */
  pendingError = 0;
  /** Options that are stored and given back without effect on local sockets. */
  private readonly _inert = new Map<number, number>();

  constructor(node: PathNode, flags: number, readonly domain: number, readonly type: number, readonly protocol: number) {
    super(node, flags);
  }

  abstract bind(address: Uint8Array, caller: SocketCaller): number;
  abstract listen(backlog: number, caller: SocketCaller): number;
  abstract connect(address: Uint8Array, caller: SocketCaller): number;
  /** A connected socket without references, or an error. */
  abstract accept(flags: number): Socket | NegativeErrno;
  abstract send(message: OutgoingMessage, caller: SocketCaller | null): number;
  abstract receive(dst: Uint8Array, flags: number): IncomingMessage | NegativeErrno;
  abstract shutdown(how: number): number;
  abstract localName(): Uint8Array;
  abstract peerName(): Uint8Array | NegativeErrno;
  abstract get isListening(): boolean;
  /** Where a sender that found no room waits. */
  abstract sendQueues(to: Uint8Array | null, caller: SocketCaller): readonly WaitQueue[];
  /** Where a connect that found the backlog full waits. */
  abstract listenerFor(address: Uint8Array, caller: SocketCaller): WaitQueue | null;
  abstract readonly peerCredentials: SocketCredentials | null;

  override read(dst: Uint8Array): number {
    const message = this.receive(dst, 0);
    if (typeof message === 'number') return message;
    for (const file of message.rights) file.decRef();
    return message.count;
  }

  override write(src: Uint8Array, _offBytes: number, { creds, pid }: VfsContext): number {
    return this.send({ data: src, flags: 0, to: null, rights: [], credentials: { pid, uid: creds.uid, gid: creds.gid } }, null);
  }

  /** Credentials of whoever made the socket: what peers see (SO_PEERCRED). */
  abstract readonly ownCredentials: SocketCredentials;

  takeError(): number {
    const error = this.pendingError;
    this.pendingError = 0;
    return error;
  }

  /** An integer SOL_SOCKET option, or an error. */
  getOption(name: number): number {
    switch (name) {
      case So.TYPE: return this.type;
      case So.DOMAIN: return this.domain;
      case So.PROTOCOL: return this.protocol;
      case So.ERROR: return this.takeError();
      case So.SNDBUF: return this.sendBufferBytes;
      case So.RCVBUF: return this.receiveBufferBytes;
      case So.PASSCRED: return this.passesCredentials ? 1 : 0;
      case So.ACCEPTCONN: return this.isListening ? 1 : 0;
      case So.RCVLOWAT: return this._inert.get(name) ?? 1;
      case So.SNDLOWAT: return 1;
      case So.PEEK_OFF: return -1;
      default: return INERT_OPTIONS.has(name) ? (this._inert.get(name) ?? 0) : -Errno.ENOPROTOOPT;
    }
  }

  setOption(name: number, value: number): number {
    switch (name) {
      case So.SNDBUF:
      case So.SNDBUFFORCE:
        this.sendBufferBytes = bufferSize(value, MIN_SEND_BYTES);
        return 0;
      case So.RCVBUF:
      case So.RCVBUFFORCE:
        this.receiveBufferBytes = bufferSize(value, MIN_RECEIVE_BYTES);
        return 0;
      case So.PASSCRED:
        this.passesCredentials = value !== 0;
        return 0;
      default:
        if (!INERT_OPTIONS.has(name) && name !== So.RCVLOWAT) return -Errno.ENOPROTOOPT;
        this._inert.set(name, value);
        return 0;
    }
  }
}

/** Linux doubles the size asked for, for its bookkeeping (socket(7) SO_SNDBUF). */
function bufferSize(asked: number, minBytes: number): number {
  return Math.max(minBytes, 2 * Math.min(Math.max(0, asked), SOCKET_BUFFER_BYTES));
}

const INERT_OPTIONS: ReadonlySet<number> = new Set([So.DEBUG, So.REUSEADDR, So.REUSEPORT, So.DONTROUTE, So.BROADCAST, So.KEEPALIVE, So.OOBINLINE, So.PRIORITY, So.TIMESTAMP, So.PASSSEC]);

