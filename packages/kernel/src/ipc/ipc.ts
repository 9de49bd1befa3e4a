/**
 * Kernel-wide state of descriptors that talk: terminals, names of local sockets.
 *
 * Owns:    the terminals (pty numbers, devpts), the abstract socket names.
 * Borrows: Vfs.special (registers its openers). Whoever builds the tree mounts `terminals.devpts`.
 */
import { Terminals, UnixNamespace, openFifo } from '@troupe/vfs';
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
}
