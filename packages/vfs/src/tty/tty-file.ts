/** An open terminal (tty(4)). Reads follow VMIN and VTIME (termios(3), canonical and noncanonical mode). */
import { Cc, EPOLLIN, Errno, Sig, type WaitQueue } from '@troupe/abi';
import type { Expiry, TimerHandle, TimerQueue } from '@troupe/time';
import { FileDescription } from '../file-description.js';
import type { PathNode } from '../mount.js';
import type { IoctlCaller, VfsContext } from '../types.js';
import { ttyIoctl } from './tty-ioctl.js';
import type { Tty } from './tty.js';

/** VTIME counts tenths of a second. */
const NS_PER_VTIME = 100_000_000;

export class TtyFile extends FileDescription implements Expiry {
  override readonly waiters: WaitQueue;
  private _timer: TimerHandle | undefined;
  /** End of the VTIME wait of the read in progress; Infinity = no such read. */
  private _deadlineNs = Infinity;

  constructor(node: PathNode, flags: number, readonly tty: Tty, readonly timers: TimerQueue) {
    super(node, flags);
    this.waiters = tty.waiters;
    tty.openCount++;
    tty.driver.opened?.();
  }

  override read(dst: Uint8Array, _offBytes: number, ctx: VfsContext): number {
    const { tty } = this;
    if (tty.isHungUp) return 0;
    const refusal = tty.checkBackground(ctx.tid, Sig.TTIN);
    if (refusal !== 0) return refusal;
    if (dst.length === 0) return 0;
    const count = tty.discipline.isCanonical ? this._readLine(dst) : this._readRaw(dst);
    if (count >= 0) this._endTimedRead();
    return count;
  }

  override write(src: Uint8Array, _offBytes: number, ctx: VfsContext): number {
    const refusal = this.tty.stopsBackgroundOutput ? this.tty.checkBackground(ctx.tid, Sig.TTOU) : 0;
    return refusal !== 0 ? refusal : this.tty.write(src);
  }

  override poll(): number {
    const { cc } = this.tty.termios;
    return this.tty.poll(cc[Cc.VTIME] === 0 ? cc[Cc.VMIN]! : 1);
  }

  override bytesReadable(): number {
    return this.tty.isHungUp ? -Errno.EIO : this.tty.discipline.input.countReadable(this.tty.discipline.isCanonical);
  }

  override ioctl(request: number, arg: number, caller: IoctlCaller): number {
    return ttyIoctl(this.tty, 'slave', request, arg, caller);
  }

  onExpire(): void {
    this._timer = undefined;
    this.waiters.wake(EPOLLIN, Infinity);
  }

  protected override release(): void {
    this._endTimedRead();
    if (--this.tty.openCount === 0) this.tty.driver.closed?.();
  }

  private _readLine(dst: Uint8Array): number {
    const { input } = this.tty.discipline;
    return input.hasLine ? input.takeLine(dst) : -Errno.EAGAIN;
  }

  private _readRaw(dst: Uint8Array): number {
    const { input } = this.tty.discipline;
    const { cc } = this.tty.termios;
    const waitNs = cc[Cc.VTIME]! * NS_PER_VTIME;
    const needed = this.nonBlocking ? 1 : Math.min(Math.max(1, cc[Cc.VMIN]!), dst.length);
    if (input.length >= needed) return input.take(dst);
    if (cc[Cc.VMIN] === 0 && waitNs === 0) return input.take(dst);
    if (waitNs === 0 || this.nonBlocking || (cc[Cc.VMIN] !== 0 && input.length === 0)) return -Errno.EAGAIN;
    return this._timedOut(waitNs, cc[Cc.VMIN] !== 0) ? input.take(dst) : -Errno.EAGAIN;
  }

  /** VTIME counts from the start of the read, or from the last byte when VMIN asks for more. */
  private _timedOut(waitNs: number, isBetweenBytes: boolean): boolean {
    const nowNs = this.timers.clock.nowNs();
    if (isBetweenBytes) this._deadlineNs = this.tty.lastInputNs + waitNs;
    else if (this._deadlineNs === Infinity) this._deadlineNs = nowNs + waitNs;
    if (nowNs >= this._deadlineNs) return true;
    this.timers.cancel(this._timer);
    this._timer = this.timers.arm(this._deadlineNs, this);
    return false;
  }

  private _endTimedRead(): void {
    this._deadlineNs = Infinity;
    this.timers.cancel(this._timer);
    this._timer = undefined;
  }
}
