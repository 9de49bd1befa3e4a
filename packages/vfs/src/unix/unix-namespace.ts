/** Where local sockets are found: the abstract names of a kernel, and socket inodes (unix(7)). */
import { Errno, S_IFSOCK, W_OK, isSocket } from '@troupe/abi';
import { checkAccess } from '../access.js';
import { makeNodeAt } from '../operations/create.js';
import { Follow } from '../path-walk.js';
import type { Inode } from '../inode.js';
import type { SocketCaller } from '../socket/socket.js';
import type { NegativeErrno } from '../types.js';
import { UNNAMED, type UnixAddress } from './unix-address.js';
import type { UnixSocket } from './unix-socket.js';

export class UnixNamespace {
  readonly #abstract = new Map<string, UnixSocket>();
  #nextAuto = 0;

  get abstractNames(): IterableIterator<string> {
    return this.#abstract.keys();
  }

  /** Gives the socket a name. Returns the bound address and, for a path, its inode. */
  bind(socket: UnixSocket, address: UnixAddress, caller: SocketCaller): { address: UnixAddress; inode: Inode | null } | NegativeErrno {
    if (address.kind === 'path') return this.#bindPath(socket, address, caller);
    const name = address.kind === 'abstract' ? address.name : this.#autoName();
    if (this.#abstract.has(name)) return -Errno.EADDRINUSE;
    this.#abstract.set(name, socket);
    return { address: { kind: 'abstract', name }, inode: null };
  }

  #bindPath(socket: UnixSocket, address: UnixAddress & { kind: 'path' }, caller: SocketCaller): { address: UnixAddress; inode: Inode } | NegativeErrno {
    const node = makeNodeAt(caller.ctx, caller.ctx.cwd, address.path, S_IFSOCK | (socket.inode.mode & 0o777), 0);
    if (typeof node === 'number') return node === -Errno.EEXIST ? -Errno.EADDRINUSE : node;
    node.inode.attachment = socket;
    return { address, inode: node.inode };
  }

  /** Five hexadecimal digits (unix(7), "Autobind feature"). */
  #autoName(): string {
    for (;;) {
      const name = (this.#nextAuto++ & 0xfffff).toString(16).padStart(5, '0');
      if (!this.#abstract.has(name)) return name;
    }
  }

  release(socket: UnixSocket, address: UnixAddress): void {
    if (address.kind === 'abstract' && this.#abstract.get(address.name) === socket) this.#abstract.delete(address.name);
  }

  /** The socket behind an address; -ECONNREFUSED when nobody is there. */
  find(address: UnixAddress, caller: SocketCaller): UnixSocket | NegativeErrno {
    if (address === UNNAMED || address.kind === 'unnamed') return -Errno.EINVAL;
    if (address.kind === 'abstract') return this.#abstract.get(address.name) ?? -Errno.ECONNREFUSED;
    const node = caller.vfs.lookup(caller.ctx, caller.ctx.cwd, address.path, Follow.YES);
    if (typeof node === 'number') return node;
    const denied = checkAccess(node.inode, caller.ctx.creds, W_OK);
    if (denied < 0) return denied;
    if (!isSocket(node.inode.mode)) return -Errno.ECONNREFUSED;
    return (node.inode.attachment as UnixSocket | null) ?? -Errno.ECONNREFUSED;
  }
}
