/** One entry of an interest list: a descriptor number with its file, the events asked for, and the user's data. */
import { EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLONESHOT, type Waiter } from '@troupe/abi';
import type { FileDescription, ReleaseListener } from '../file-description.js';
import type { Epoll, EpollEvent } from './epoll.js';

/** Bits of `events` that are events; the others are input flags. */
const EVENT_BITS = 0x0fff_ffff;

export class EpollItem implements Waiter, ReleaseListener {
  private _requested: number;
  private _isDisabled = false;
  dataLow: number;
  dataHigh: number;

  constructor(readonly epoll: Epoll, readonly fd: number, readonly file: FileDescription, event: EpollEvent) {
    this._requested = event.events;
    this.dataLow = event.dataLow;
    this.dataHigh = event.dataHigh;
  }

  /** Events that wake: those asked for, and errors and hang-up always. */
  get events(): number {
    return (this._requested & EVENT_BITS) | EPOLLERR | EPOLLHUP;
  }

  /** EPOLLEXCLUSIVE lets one or more instances be woken (epoll_ctl(2)); here all are. */
  get isExclusive(): boolean {
    return (this._requested & EPOLLEXCLUSIVE) !== 0;
  }

  get isEdgeTriggered(): boolean {
    return (this._requested & EPOLLET) !== 0;
  }

  get isOneShot(): boolean {
    return (this._requested & EPOLLONESHOT) !== 0;
  }

  attach(): void {
    this.file.waiters.add(this);
    (this.file.releaseListeners ??= new Set()).add(this);
  }

  detach(): void {
    this.file.waiters.remove(this);
    this.file.releaseListeners?.delete(this);
  }

  change(event: EpollEvent): void {
    this._requested = event.events;
    this._isDisabled = false;
    this.dataLow = event.dataLow;
    this.dataHigh = event.dataHigh;
  }

  /** EPOLLONESHOT fired: silent until EPOLL_CTL_MOD. */
  disable(): void {
    this._isDisabled = true;
  }

  readyEvents(): number {
    return this._isDisabled ? 0 : this.file.poll() & this.events;
  }

  onWake(): void {
    if (!this._isDisabled) this.epoll.markReady(this);
  }

  onFileReleased(): void {
    this.epoll.drop(this);
  }

  /** A line of /proc/pid/fdinfo of the instance. */
  fdInfo(): string {
    const data = (BigInt(this.dataHigh >>> 0) << 32n) | BigInt(this.dataLow >>> 0);
    const events = (this._isDisabled ? this._requested & ~EVENT_BITS : this._requested | EPOLLERR | EPOLLHUP) >>> 0;
    const { ino } = this.file.inode;
    return `tfd: ${String(this.fd).padStart(8)} events: ${events.toString(16).padStart(8)} data: ${data.toString(16).padStart(16)}  pos:${this.file.offBytes} ino:${ino.toString(16)} sdev:${this.file.inode.fs.dev.toString(16)}\n`;
  }
}
