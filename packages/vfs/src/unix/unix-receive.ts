/** Receiving from local sockets (unix(7), recv(2)). */
import { Errno, Msg } from '@troupe/abi';
import type { IncomingMessage } from '../socket/socket.js';
import type { NegativeErrno } from '../types.js';
import { encodeUnixAddress } from './unix-address.js';
import type { UnixMessage } from './message-queue.js';
import type { UnixSocket } from './unix-socket.js';

const END: IncomingMessage = { count: 0, fullLength: 0, flags: 0, from: null, rights: [], credentials: null };

/** Nothing is queued: the end, an error, or wait. */
function whenEmpty(socket: UnixSocket): IncomingMessage | NegativeErrno {
  if (socket.pendingError !== 0) return -socket.takeError();
  if (socket.isReadShut) return END;
  if (!socket.isDatagram && !socket.wasConnected) return socket.isStream ? -Errno.EINVAL : -Errno.ENOTCONN;
  return -Errno.EAGAIN;
}

/** A peek hands out further references; otherwise the references of the message move to the receiver. */
function takeRights(message: UnixMessage, isPeek: boolean): UnixMessage['rights'] {
  const { rights } = message;
  if (isPeek) for (const file of rights) file.incRef();
  else message.rights = [];
  return rights;
}

export function receiveDatagram(socket: UnixSocket, dst: Uint8Array, flags: number): IncomingMessage | NegativeErrno {
  if ((flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
  const message = socket.queue.first;
  if (!message) return whenEmpty(socket);
  const count = Math.min(dst.length, message.data.length);
  dst.set(message.data.subarray(0, count));
  const isPeek = (flags & Msg.PEEK) !== 0;
  const rights = takeRights(message, isPeek);
  if (!isPeek) {
    socket.queue.shift();
    socket.onDatagramTaken();
  }
  return {
    count, fullLength: message.data.length, flags: count < message.data.length ? Msg.TRUNC : 0,
    from: nameOf(message), rights, credentials: socket.passesCredentials ? message.credentials : null,
  };
}

/** Bytes of consecutive messages; never glues messages across passed files or different senders' credentials. */
export function receiveStream(socket: UnixSocket, dst: Uint8Array, flags: number): IncomingMessage | NegativeErrno {
  if ((flags & Msg.OOB) !== 0) return -Errno.EINVAL;
  const first = socket.queue.first;
  if (!first) return whenEmpty(socket);
  const isPeek = (flags & Msg.PEEK) !== 0;
  let count = 0;
  let rights: UnixMessage['rights'] = [];
  for (let peeked = 0; count < dst.length && rights.length === 0; peeked++) {
    const message = socket.queue.at(isPeek ? peeked : 0);
    if (!message || (socket.passesCredentials && !isSameSender(message, first))) break;
    const part = message.data.subarray(message.consumedBytes, message.consumedBytes + dst.length - count);
    dst.set(part, count);
    count += part.length;
    rights = takeRights(message, isPeek);
    if (!isPeek) socket.queue.consume(part.length);
  }
  return { count, fullLength: count, flags: 0, from: nameOf(first), rights, credentials: socket.passesCredentials ? first.credentials : null };
}

/** Senders without a name give none. */
function nameOf({ from }: UnixMessage): Uint8Array | null {
  return from.kind === 'unnamed' ? null : encodeUnixAddress(from);
}

function isSameSender(a: UnixMessage, b: UnixMessage): boolean {
  return a.credentials.pid === b.credentials.pid && a.credentials.uid === b.credentials.uid && a.credentials.gid === b.credentials.gid;
}
