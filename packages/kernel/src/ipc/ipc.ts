/**
 * Kernel-wide state of descriptors that talk: terminals, names of local sockets.
 *
 * Owns:    the terminals (pty numbers, devpts), the abstract socket names.
 * Borrows: Vfs.special (registers its openers).
 */
import { Errno } from '@troupe/abi';
import { Follow, Terminals, UnixNamespace, openFifo, type VfsContext } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { KernelJobControl } from './kernel-job-control.js';

export class Ipc {
  readonly terminals: Terminals;
  readonly unixNames = new UnixNamespace();

  constructor(readonly kernel: Kernel) {
    const { special, types } = kernel.vfs;
    this.terminals = new Terminals(special, new KernelJobControl(kernel), kernel.timers, () => kernel.realtimeNs());
    special.openFifo = openFifo;
    types.set('devpts', () => this.terminals.devpts);
  }

  /** Mounts devpts on an existing directory, usually /dev/pts. */
  mountDevpts(ctx: VfsContext, path: string): number {
    const at = this.kernel.vfs.lookup(ctx, ctx.root, path, Follow.YES);
    if (typeof at === 'number') return at;
    if (!at.inode.isDirectory) return -Errno.ENOTDIR;
    this.kernel.vfs.mounts.mount(this.terminals.devpts, at, 0, 'devpts');
    return 0;
  }
}
