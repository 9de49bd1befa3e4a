/** Sending over local sockets (unix(7), send(2)). */
import { EPOLLIN, EPOLLRDNORM, Errno, Msg } from '@troupe/abi';
import type { OutgoingMessage, SocketCaller } from '../socket/socket.js';
import type { NegativeErrno } from '../types.js';
import { parseUnixAddress } from './unix-address.js';
import type { UnixSocket } from './unix-socket.js';

/** Streams: as many bytes as the buffer has room for. Passed files go with the first byte. */
export function sendStream(socket: UnixSocket, message: OutgoingMessage): number {
  if ((message.flags & Msg.OOB) !== 0) return -Errno.EOPNOTSUPP;
  if (message.to !== null) return socket.wasConnected ? -Errno.EISCONN : -Errno.EOPNOTSUPP;
  if (!socket.wasConnected) return -Errno.ENOTCONN;
  const { peer } = socket;
  if (socket.isWriteShut || peer === null || peer.isReadShut) return -Errno.EPIPE;
  if (message.data.length === 0) return 0;
  const count = Math.min(message.data.length, socket.sendBufferBytes - socket.sentBytes);
  if (count <= 0) return -Errno.EAGAIN;
  deliver(socket, peer, message, count);
  return count;
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
  if (socket.sentBytes > 0 && socket.sentBytes + message.data.length > socket.sendBufferBytes) return -Errno.EAGAIN;
  deliver(socket, target, message, message.data.length);
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

function deliver(socket: UnixSocket, target: UnixSocket, message: OutgoingMessage, count: number): void {
  for (const file of message.rights) file.incRef();
  socket.sentBytes += count;
  target.queue.push({ data: message.data.slice(0, count), consumedBytes: 0, rights: message.rights, credentials: message.credentials, from: socket.address, sender: socket });
  target.waiters.wake(EPOLLIN | EPOLLRDNORM);
}
