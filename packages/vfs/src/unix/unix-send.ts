/** Sending over local sockets (unix(7), send(2)). */
import { EPOLLIN, EPOLLRDNORM, Errno, Msg } from '@troupe/abi';
import type { OutgoingMessage, SocketCaller } from '../socket/socket.js';
import type { NegativeErrno } from '../types.js';
import { messageCostBytes } from './message-queue.js';
import { parseUnixAddress } from './unix-address.js';
import type { UnixSocket } from './unix-socket.js';

/** Longest piece of a stream that is queued as one. */
const STREAM_PIECE_BYTES = 32768;

/** Streams: as many bytes as the buffer has room for. Passed files go with the first byte. */
export function sendStream(socket: UnixSocket, message: OutgoingMessage): number {
  if ((message.flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
  if (message.to !== null) return socket.wasConnected ? -Errno.EISCONN : -Errno.EOPNOTSUPP;
  if (!socket.wasConnected) return -Errno.ENOTCONN;
  const { peer } = socket;
  if (socket.isWriteShut || peer === null || peer.isReadShut) return -Errno.EPIPE;
  if (message.data.length === 0) return 0;
  let done = 0;
  while (done < message.data.length && socket.sentBytes < socket.sendBufferBytes) {
    const end = Math.min(message.data.length, done + STREAM_PIECE_BYTES);
    deliver(socket, peer, message, done, end);
    done = end;
  }
  return done === 0 ? -Errno.EAGAIN : done;
}

/** Datagrams and sequenced packets: all or nothing. */
export function sendDatagram(socket: UnixSocket, message: OutgoingMessage, caller: SocketCaller | null): number {
  if ((message.flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
  if (socket.isWriteShut) return -Errno.EPIPE;
  if (message.data.length > socket.sendBufferBytes - 32) return -Errno.EMSGSIZE;
  const target = socket.isDatagram ? datagramTarget(socket, message, caller) : packetTarget(socket, message);
  if (typeof target === 'number') return target;
  if (target.isReadShut) return -Errno.EPIPE;
  const isForeign = target !== socket && target.peer !== socket;
  if (isForeign && target.isQueueFull) return -Errno.EAGAIN;
  if (socket.sentBytes >= socket.sendBufferBytes) return -Errno.EAGAIN;
  deliver(socket, target, message, 0, message.data.length);
  return message.data.length;
}

function packetTarget(socket: UnixSocket, message: OutgoingMessage): UnixSocket | NegativeErrno {
  if (!socket.wasConnected) return -Errno.ENOTCONN;
  if (message.to !== null && message.to.length > 0 && socket.peer === null) return -Errno.EPIPE;
  return socket.peer ?? -Errno.EPIPE;
}

function datagramTarget(socket: UnixSocket, message: OutgoingMessage, caller: SocketCaller | null): UnixSocket | NegativeErrno {
  if (message.to === null || caller === null) {
    if (socket.peer === null) return -Errno.ENOTCONN;
    if (!socket.peer.isReleased) return socket.peer;
    socket.peer = null;
    return -Errno.ECONNREFUSED;
  }
  const address = parseUnixAddress(message.to);
  if (typeof address === 'number') return address;
  const target = socket.names.find(address, socket.type, caller);
  if (typeof target === 'number') return target;
  return target.peer !== null && target.peer !== socket ? -Errno.EPERM : target;
}

/** Queues the bytes from `start` to `end` as one message; passed files go with the first. */
function deliver(socket: UnixSocket, target: UnixSocket, message: OutgoingMessage, start: number, end: number): void {
  const rights = start === 0 ? message.rights : [];
  for (const file of rights) file.incRef();
  socket.sentBytes += messageCostBytes(end - start);
  target.queue.push({ data: message.data.slice(start, end), consumedBytes: 0, rights, credentials: message.credentials, from: socket.address, sender: socket });
  target.waiters.wake(EPOLLIN | EPOLLRDNORM);
}
