/**
 * All terminals of a kernel: the device openers of /dev/tty, /dev/console, /dev/ptmx and /dev/pts/N.
 *
 * Owns: the pty numbers, the devpts instance, the host terminal.
 */
import { Errno, O_NOCTTY, makeDev } from '@troupe/abi';
import type { TimerQueue } from '@troupe/time';
import type { FileDescription } from '../file-description.js';
import type { PathNode } from '../mount.js';
import { HostTerminal, type HostSink } from '../tty/host-terminal.js';
import type { JobControl } from '../tty/job-control.js';
import { TtyFile } from '../tty/tty-file.js';
import { Tty } from '../tty/tty.js';
import type { NegativeErrno, SpecialFiles, VfsContext } from '../types.js';
import { Devpts, PTMX_DEVICE, ptsDevice } from './devpts.js';
import { PtyMaster } from './pty-master.js';
import { Pty, type PtyOwner } from './pty.js';

const TTY_DEVICE = makeDev(5, 0);
const CONSOLE_DEVICE = makeDev(5, 1);
/** /proc/sys/kernel/pty/max. */
const MAX_PTYS = 4096;

export class Terminals implements PtyOwner {
  readonly devpts: Devpts;
  private readonly _ptys = new Map<number, Pty | 'host'>();
  /** The terminal of the host, if standard input is one. */
  host: Tty | null = null;

  constructor(readonly special: SpecialFiles, readonly jobs: JobControl, readonly timers: TimerQueue, realtimeNs: () => bigint) {
    this.devpts = new Devpts(realtimeNs);
    special.charDevices.set(TTY_DEVICE, (node, flags, ctx) => this._openControlling(node, flags, ctx));
    special.charDevices.set(CONSOLE_DEVICE, (node, flags, ctx) => (this.host ? this.open(this.host, node, flags, ctx) : -Errno.ENXIO));
    special.charDevices.set(PTMX_DEVICE, (node, flags, ctx) => this._openMaster(node, flags, ctx));
  }

  /** The host's terminal takes the next pty number, so that ttyname(3) and ps(1) find it under /dev/pts. */
  createHostTerminal(sink: HostSink, uid: number): Tty {
    const index = this._freeIndex();
    const tty = new Tty(`/dev/pts/${index}`, ptsDevice(index), new HostTerminal(sink), this.jobs, this.timers.clock);
    this._ptys.set(index, 'host');
    this.host = tty;
    this._register(index, uid);
    return tty;
  }

  /** The host's terminal came with an image and is shown by this sink; null when there is none. */
  reattachHostTerminal(sink: HostSink): Tty | null {
    if (this.host !== null) (this.host.driver as HostTerminal).sink = sink;
    return this.host;
  }

  /** Opens a terminal; a session leader without one gets it as controlling terminal unless O_NOCTTY (open(2)). */
  open(tty: Tty, node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    if (tty.isHungUp) return -Errno.EIO;
    if (tty.isExclusive && ctx.creds.euid !== 0) return -Errno.EBUSY;
    const caller = this.jobs.caller(ctx.tid);
    if ((flags & O_NOCTTY) === 0 && caller?.isSessionLeader && caller.terminal === null && tty.sid === 0) tty.adopt(caller);
    return new TtyFile(node, flags, tty, this.timers);
  }

  /** The slave of a master without going through /dev/pts (ioctl_tty(2) TIOCGPTPEER). */
  openSlave({ node, pty }: PtyMaster, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    const slave = this.devpts.nodeOf(node, pty.index);
    return slave === null ? -Errno.EIO : this.open(pty.tty, slave, flags, ctx);
  }

  private _openControlling(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    const terminal = this.jobs.caller(ctx.tid)?.terminal;
    return terminal ? this.open(terminal, node, flags | O_NOCTTY, ctx) : -Errno.ENXIO;
  }

  private _openMaster(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    if (this._ptys.size >= MAX_PTYS) return -Errno.ENOSPC;
    const index = this._freeIndex();
    const pty = new Pty(index, ptsDevice(index), this.jobs, this.timers.clock, this);
    this._ptys.set(index, pty);
    this._register(index, ctx.creds.fsuid);
    return new PtyMaster(node, flags, pty);
  }

  private _register(index: number, uid: number): void {
    this.devpts.add(index, uid);
    this._setOpener(index);
  }

  private _setOpener(index: number): void {
    this.special.charDevices.set(ptsDevice(index), (node, flags, ctx) => this._openPts(index, node, flags, ctx));
  }

  /** The terminals came with an image: their devices open again. */
  setOpeners(): void {
    for (const index of this._ptys.keys()) this._setOpener(index);
  }

  private _openPts(index: number, node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    const pty = this._ptys.get(index);
    if (pty === 'host') return this.open(this.host!, node, flags, ctx);
    return pty === undefined || pty.isLocked ? -Errno.EIO : this.open(pty.tty, node, flags, ctx);
  }

  bothClosed(pty: Pty): void {
    this._ptys.delete(pty.index);
    this.devpts.remove(pty.index);
    this.special.charDevices.delete(ptsDevice(pty.index));
  }

  private _freeIndex(): number {
    let index = 0;
    while (this._ptys.has(index)) index++;
    return index;
  }
}
