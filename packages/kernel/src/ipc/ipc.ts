/**
 * Kernel-wide state of descriptors that talk: terminals, names of local sockets.
 *
 * Owns:    the terminals (pty numbers, devpts), the abstract socket names.
 * Borrows: Vfs.special (registers its openers), the mount table (mounts devpts on /dev/pts).
 */
import { rootCredentials } from '@troupe/abi';
import { Follow, Terminals, UnixNamespace, openFifo, type VfsContext } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { KernelJobControl } from './kernel-job-control.js';

const DEVPTS_PATH = '/dev/pts';

export class Ipc {
  readonly terminals: Terminals;
  readonly unixNames = new UnixNamespace();

  constructor(readonly kernel: Kernel) {
    const { special, types } = kernel.vfs;
    this.terminals = new Terminals(special, new KernelJobControl(kernel), kernel.timers, () => kernel.realtimeNs());
    special.openFifo = openFifo;
    types.set('devpts', () => this.terminals.devpts);
    this.#mountDevpts();
  }

  /** Trees without /dev/pts have no terminals by name. */
  #mountDevpts(): void {
    const { vfs } = this.kernel;
    const ctx: VfsContext = { creds: rootCredentials(), root: vfs.root, cwd: vfs.root, umask: 0, pid: 0, tid: 0, realtimeNs: () => this.kernel.realtimeNs() };
    const at = vfs.lookup(ctx, vfs.root, DEVPTS_PATH, Follow.YES);
    if (typeof at !== 'number' && at.inode.isDirectory) vfs.mounts.mount(this.terminals.devpts, at, 0, 'devpts');
  }
}
