/**
 * Kernel-wide state of descriptors that talk: terminals, names of local sockets.
 *
 * Owns:    the terminals (pty numbers, devpts), the abstract socket names; tells the socket table of new sockets.
 * Borrows: Vfs.special (registers its openers). Whoever builds the tree mounts `terminals.devpts`.
 */
import { Terminals, UnixNamespace, openFifo, type UnixSocket, type UnixSocketObserver } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import { KMSG_DEV, openKmsg } from '../log/kmsg-file.js';
import { KernelJobControl } from './kernel-job-control.js';

export class Ipc implements UnixSocketObserver {
  readonly terminals: Terminals;
  /** Names of the first network namespace. */
  readonly unixNames: UnixNamespace;

  constructor(readonly kernel: Kernel) {
    const { special, types } = kernel.vfs;
    this.terminals = new Terminals(special, new KernelJobControl(kernel), kernel.timers, kernel.vfs.environment.realtimeNs);
    special.openFifo = openFifo;
    special.charDevices.set(KMSG_DEV, openKmsg(kernel.syslog));
    this.unixNames = new UnixNamespace(this);
    types.set('devpts', () => this.terminals.devpts);
  }

  onSocket(socket: UnixSocket): void {
    this.kernel.sockets.record(socket);
  }
}
