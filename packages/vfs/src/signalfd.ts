/** Signals read as descriptors (signalfd(2)). */
import { EPOLLIN, Errno, O_RDWR, struct, type SigInfo, type SigSet } from '@troupe/abi';
import { newAnonymousNode } from './anonymous.js';
import { FileDescription } from './file-description.js';
import type { VfsContext } from './types.js';

/** struct signalfd_siginfo: 128 bytes. */
export const SIGNALFD_SIGINFO = struct('signalfd_siginfo', {
  signo: 'u32', errno: 'i32', code: 'i32', pid: 'u32', uid: 'u32', fd: 'i32', tid: 'u32', band: 'u32', overrun: 'u32', trapno: 'u32',
  status: 'i32', int: 'i32', ptr: 'u64', utime: 'u64', stime: 'u64', addr: 'u64', addrLsb: 'u16', pad2: 'u16', syscall: 'i32', callAddr: 'u64', arch: 'u32',
}, 128);

/** The pending signals of the kernel's tasks. A signal that becomes pending wakes the file (SignalFile.onSignal). */
export interface SignalSource {
  /** Removes the next pending signal of the set from the thread or its process, or null. */
  dequeueSignal(tid: number, mask: SigSet): SigInfo | null;
  /** True when a signal of the set is pending for the thread or its process. */
  hasPendingSignal(tid: number, mask: SigSet): boolean;
  /** Calls `file.onSignal()` whenever a signal becomes pending, until removed. */
  addSignalFile(file: SignalFile): void;
  removeSignalFile(file: SignalFile): void;
}

export class SignalFile extends FileDescription {
  constructor(public mask: SigSet, readonly source: SignalSource, readonly tid: number, flags: number) {
    super(newAnonymousNode('[signalfd]'), O_RDWR | flags);
    source.addSignalFile(this);
  }

  /** A signal became pending for some task. */
  onSignal(signo: number): void {
    if (((this.mask >> BigInt(signo - 1)) & 1n) !== 0n) this.waiters.wake(EPOLLIN);
  }

  /** signalfd(2) on an existing descriptor. */
  setMask(mask: SigSet): void {
    this.mask = mask;
    if (this.poll() !== 0) this.waiters.wake(EPOLLIN);
  }

  override read(dst: Uint8Array, _offBytes: number, ctx: VfsContext): number {
    const size = SIGNALFD_SIGINFO.sizeBytes;
    if (dst.length < size) return -Errno.EINVAL;
    let at = 0;
    while (at + size <= dst.length) {
      const info = this.source.dequeueSignal(ctx.tid, this.mask);
      if (info === null) break;
      dst.set(encodeSignal(info), at);
      at += size;
    }
    return at === 0 ? -Errno.EAGAIN : at;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override poll(): number {
    return this.source.hasPendingSignal(this.tid, this.mask) ? EPOLLIN : 0;
  }

  override fdInfo(): string {
    return `sigmask:\t${this.mask.toString(16).padStart(16, '0')}\n`;
  }

  protected override release(): void {
    this.source.removeSignalFile(this);
  }
}

function encodeSignal(info: SigInfo): Uint8Array {
  const bytes = new Uint8Array(SIGNALFD_SIGINFO.sizeBytes);
  const view = new DataView(bytes.buffer);
  const { off } = SIGNALFD_SIGINFO;
  view.setUint32(off.signo, info.signo, true);
  view.setInt32(off.errno, info.errno ?? 0, true);
  view.setInt32(off.code, info.code, true);
  view.setUint32(off.pid, info.pid ?? 0, true);
  view.setUint32(off.uid, info.uid ?? 0, true);
  view.setInt32(off.fd, info.fd ?? 0, true);
  view.setUint32(off.tid, info.timerId ?? 0, true);
  view.setUint32(off.band, info.band ?? 0, true);
  view.setUint32(off.overrun, info.overrun ?? 0, true);
  view.setUint32(off.trapno, info.trapNo ?? 0, true);
  view.setInt32(off.status, info.status ?? 0, true);
  view.setInt32(off.int, Number(BigInt.asIntN(32, info.value ?? 0n)), true);
  view.setBigUint64(off.ptr, BigInt.asUintN(64, info.value ?? 0n), true);
  view.setBigUint64(off.utime, BigInt(info.utimeTicks ?? 0), true);
  view.setBigUint64(off.stime, BigInt(info.stimeTicks ?? 0), true);
  view.setBigUint64(off.addr, BigInt.asUintN(64, info.addr ?? 0n), true);
  view.setInt32(off.syscall, info.syscall ?? 0, true);
  view.setUint32(off.arch, info.arch ?? 0, true);
  return bytes;
}
