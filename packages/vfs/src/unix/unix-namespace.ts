/** Where local sockets are found: the abstract names of a network namespace, and socket inodes (unix(7)). */
import { Errno, S_IFSOCK, W_OK, isSocket } from '@troupe/abi';
import { checkAccess } from '../access.js';
import { makeNodeAt } from '../operations/create.js';
import { Follow } from '../path-walk.js';
import type { Inode } from '../inode.js';
import type { SocketCaller } from '../socket/socket.js';
import type { NegativeErrno } from '../types.js';
import type { UnixAddress } from './unix-address.js';
import type { UnixSocket } from './unix-socket.js';

/** Hears of every local socket that is made. */
export interface UnixSocketObserver {
  onSocket(socket: UnixSocket): void;
}

export class UnixNamespace {
  private readonly _abstract = new Map<string, UnixSocket>();
  private _nextAuto = 0;

  constructor(readonly observer: UnixSocketObserver | null = null) {}

  /** Gives the socket a name. Returns the bound address and, for a path, its inode. */
  bind(socket: UnixSocket, address: UnixAddress, caller: SocketCaller): { address: UnixAddress; inode: Inode | null } | NegativeErrno {
    if (address.kind === 'path') return this._bindPath(socket, address, caller);
    const name = address.kind === 'abstract' ? address.name : this._autoName(socket.type);
    const key = keyOf(socket.type, name);
    if (this._abstract.has(key)) return -Errno.EADDRINUSE;
    this._abstract.set(key, socket);
    return { address: { kind: 'abstract', name }, inode: null };
  }

  private _bindPath(socket: UnixSocket, address: UnixAddress & { kind: 'path' }, caller: SocketCaller): { address: UnixAddress; inode: Inode } | NegativeErrno {
    const node = makeNodeAt(caller.ctx, caller.ctx.cwd, address.path, S_IFSOCK | (socket.inode.mode & 0o777), 0);
    if (typeof node === 'number') return node === -Errno.EEXIST ? -Errno.EADDRINUSE : node;
    node.inode.attachment = socket;
    return { address, inode: node.inode };
  }

  /** Five hexadecimal digits (unix(7), "Autobind feature"). */
  private _autoName(type: number): string {
    for (;;) {
      const name = (this._nextAuto++ & 0xfffff).toString(16).padStart(5, '0');
      if (!this._abstract.has(keyOf(type, name))) return name;
    }
  }

  release(socket: UnixSocket, address: UnixAddress): void {
    if (address.kind !== 'abstract') return;
    const key = keyOf(socket.type, address.name);
    if (this._abstract.get(key) === socket) this._abstract.delete(key);
  }

  /** The socket of a type behind an address: -ECONNREFUSED when nobody is there, -EPROTOTYPE for another type at a path. */
  find(address: UnixAddress, type: number, caller: SocketCaller): UnixSocket | NegativeErrno {
    if (address.kind === 'unnamed') return -Errno.EINVAL;
    if (address.kind === 'abstract') return this._abstract.get(keyOf(type, address.name)) ?? -Errno.ECONNREFUSED;
    const node = caller.vfs.lookup(caller.ctx, caller.ctx.cwd, address.path, Follow.YES);
    if (typeof node === 'number') return node;
    const denied = checkAccess(node.inode, caller.ctx.creds, W_OK);
    if (denied < 0) return denied;
    if (!isSocket(node.inode.mode)) return -Errno.ECONNREFUSED;
    const socket = node.inode.attachment as UnixSocket | null;
    if (socket === null) return -Errno.ECONNREFUSED;
    return socket.type === type ? socket : -Errno.EPROTOTYPE;
  }
}

/** Each socket type has abstract names of its own. */
function keyOf(type: number, name: string): string {
  return `${type}:${name}`;
}
