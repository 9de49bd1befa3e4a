/**
 * A terminal: line discipline, attributes, window size, and its place in job control.
 *
 * Owns:    termios, window size, foreground group, hang-up state.
 * Borrows: the driver (host terminal or pty master) for output; JobControl for signals.
 * Order:   hang-up signals the session before it wakes the readers and writers.
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, Errno, Lflag, Oflag, Restart, Sig, WaitQueue, defaultTermios, type Termios, type WindowSize } from '@troupe/abi';
import type { Clock } from '@troupe/time';
import type { JobControl, TtyCaller } from './job-control.js';
import { LineDiscipline, type LineHost } from './line-discipline.js';
import { MAX_EXPANSION } from './output-processor.js';

/** Where the output of a terminal goes. */
export interface TtyDriver {
  /** Bytes that can be written without waiting. */
  readonly writeRoom: number;
  /** Takes all bytes (echo may exceed the room a little). */
  write(bytes: Uint8Array): void;
  /** Drops output nobody read yet (TCOFLUSH, signals). */
  flush?(): void;
  /** Attributes or flow changed: packet mode tells the master, a host terminal follows. */
  attributesChanged?(old: Termios, next: Termios): void;
  flowChanged?(isStopped: boolean): void;
  inputFlushed?(): void;
  /** The terminal was opened; its last descriptor was closed. */
  opened?(): void;
  closed?(): void;
}

export class Tty implements LineHost {
  readonly waiters = new WaitQueue();
  readonly discipline: LineDiscipline;
  windowSize: WindowSize = { rows: 0, cols: 0, xpixel: 0, ypixel: 0 };
  /** Session it controls, 0 = none. */
  sid = 0;
  /** Foreground process group, 0 = none. */
  foreground = 0;
  isHungUp = false;
  isExclusive = false;
  openCount = 0;
  /** When the last input byte came (VTIME between bytes). */
  lastInputNs = 0;

  /** `name` is the path as /dev shows it; `device` is the dev_t. */
  constructor(readonly name: string, readonly device: number, readonly driver: TtyDriver, readonly jobs: JobControl, readonly clock: Clock) {
    this.discipline = new LineDiscipline(defaultTermios(), this);
  }

  get termios(): Termios {
    return this.discipline.termios;
  }

  setTermios(next: Termios): void {
    const old = this.termios;
    this.discipline.setTermios(next);
    this.driver.attributesChanged?.(old, next);
  }

  /** TIOCSWINSZ: a change sends SIGWINCH to the foreground group. */
  setWindowSize(next: WindowSize): void {
    const old = this.windowSize;
    if (old.rows === next.rows && old.cols === next.cols && old.xpixel === next.xpixel && old.ypixel === next.ypixel) return;
    this.windowSize = next;
    this.signal(Sig.WINCH);
  }

  /** Bytes from the keyboard; returns how many were taken. */
  receive(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.discipline.input.room);
    this.lastInputNs = this.clock.nowNs();
    this.discipline.receive(part);
    return part.length;
  }

  /** The same for bytes that the display shows already. */
  receiveShown(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.discipline.input.room);
    this.lastInputNs = this.clock.nowNs();
    this.discipline.receiveShown(part);
    return part.length;
  }

  /** Bytes of `src` written, -EAGAIN when output is stopped or the display is full. */
  write(src: Uint8Array): number {
    if (this.isHungUp) return -Errno.EIO;
    if (src.length === 0) return 0;
    const isPlain = (this.termios.oflag & Oflag.OPOST) === 0;
    const room = this.discipline.isStopped ? 0 : isPlain ? this.driver.writeRoom : Math.floor(this.driver.writeRoom / MAX_EXPANSION);
    const count = Math.min(src.length, room);
    if (count === 0) return -Errno.EAGAIN;
    const part = src.subarray(0, count);
    this.driver.write(isPlain ? part : Uint8Array.from(this.discipline.process(part)));
    return count;
  }

  poll(minimumBytes: number): number {
    if (this.isHungUp) return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP;
    const { discipline } = this;
    const isReadable = discipline.isCanonical ? discipline.input.hasLine : discipline.input.length >= Math.max(1, minimumBytes);
    const isWritable = !discipline.isStopped && this.driver.writeRoom >= MAX_EXPANSION;
    return (isReadable ? EPOLLIN | EPOLLRDNORM : 0) | (isWritable ? EPOLLOUT | EPOLLWRNORM : 0);
  }

  flushInput(): void {
    this.discipline.input.clear();
    this.driver.inputFlushed?.();
  }

  /** The other side is gone: readers see the end of file, writers EIO, the session a SIGHUP. */
  hangUp(): void {
    if (this.isHungUp) return;
    this.isHungUp = true;
    const { foreground, sid } = this;
    if (sid !== 0) this.jobs.hangUpSession(sid);
    if (foreground !== 0) this._signalAll([Sig.HUP, Sig.CONT]);
    this._dropSession();
    this.waiters.wake(EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR, Infinity);
  }

  /** The session gives the terminal up: its leader exited or asked with TIOCNOTTY. */
  disassociate(): void {
    if (this.foreground !== 0) this._signalAll([Sig.HUP, Sig.CONT]);
    this._dropSession();
  }

  /** Makes it the controlling terminal of the caller's session. */
  adopt(caller: TtyCaller): void {
    this.sid = caller.sid;
    this.foreground = caller.pgid;
    this.jobs.setTerminal(caller.sid, this);
  }

  /** Restarting or failing errno when a background process must not use the terminal (termios(3), job control). */
  checkBackground(tid: number, signo: number): number {
    const caller = this.jobs.caller(tid);
    if (caller === null || caller.terminal !== this || this.foreground === 0 || caller.pgid === this.foreground) return 0;
    if (caller.refuses(signo)) return signo === Sig.TTIN ? -Errno.EIO : 0;
    if (caller.isGroupOrphaned) return -Errno.EIO;
    this.jobs.signalGroup(caller.pgid, signo);
    return -Restart.ERESTARTSYS;
  }

  get stopsBackgroundOutput(): boolean {
    return (this.termios.lflag & Lflag.TOSTOP) !== 0;
  }

  // LineHost -------------------------------------------------------------------------------------

  emit(bytes: readonly number[]): void {
    this.driver.write(Uint8Array.from(bytes));
  }

  signal(signo: number): void {
    if (this.foreground !== 0) this.jobs.signalGroup(this.foreground, signo);
  }

  inputReady(): void {
    this.waiters.wake(EPOLLIN | EPOLLRDNORM);
  }

  flowChanged(isStopped: boolean): void {
    this.driver.flowChanged?.(isStopped);
    if (!isStopped) this.outputReady();
  }

  flushOutput(): void {
    this.driver.flush?.();
  }

  /** The driver has room again. */
  outputReady(): void {
    this.waiters.wake(EPOLLOUT | EPOLLWRNORM);
  }

  private _signalAll(signos: readonly number[]): void {
    for (const signo of signos) this.jobs.signalGroup(this.foreground, signo);
  }

  private _dropSession(): void {
    const { sid } = this;
    this.sid = 0;
    this.foreground = 0;
    if (sid !== 0) this.jobs.setTerminal(sid, null);
  }
}
