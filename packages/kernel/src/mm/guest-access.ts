/**
 * Kernel access to guest memory, through the same flat tables as the cores: a present page costs two
 * loads. Missing pages are faulted in; what the guest may not access is EFAULT.
 */
import { ADDEND_BIAS, Errno, ErrnoError, PAGE_SIZE, zeroMemory } from '@troupe/abi';
import { AddressSpace } from './address-space.js';
import { Access, faultIn, forceIn } from './fault.js';
import type { GuestMemory } from './guest-memory.js';
import { LOW_END } from './layout.js';

/** Copies of this size are checked against the mappings before host memory is taken for them. */
const BIG_COPY_BYTES = 65536;
const MAX_COPY_BYTES = 2 ** 30;

export class GuestAccess extends AddressSpace implements GuestMemory {
  /** Linear address of a guest byte, or 0 when the guest may not access it. */
  private _linear(addr: number, access: number): number {
    if (addr < LOW_END && addr >= 0) {
      const base = access === Access.WRITE ? this.writeWord : this.readWord;
      const entry = this.system.shared.u32[base + (addr >>> 12)]!;
      if (entry !== 0) return (entry + addr + ADDEND_BIAS) >>> 0;
    }
    if (!(addr >= 0)) return 0;
    const frame = faultIn(this, addr, access);
    return frame > 0 ? frame + (addr % PAGE_SIZE) : 0;
  }

  /** Linear address of a scalar that does not cross a page; throws EFAULT. */
  private _scalar(addr: number, access: number): number {
    const linear = this._linear(addr, access);
    if (linear === 0) throw new ErrnoError(Errno.EFAULT);
    return linear;
  }

  copyInPartial(addr: number, dst: Uint8Array): number {
    const { u8 } = this.system.shared;
    for (let done = 0; done < dst.length; ) {
      const linear = this._linear(addr + done, Access.READ);
      if (linear === 0) return done;
      const run = Math.min(dst.length - done, PAGE_SIZE - (linear % PAGE_SIZE));
      if (run < 32) for (let i = 0; i < run; i++) dst[done + i] = u8[linear + i]!;
      else dst.set(u8.subarray(linear, linear + run), done);
      done += run;
    }
    return dst.length;
  }

  copyOutPartial(addr: number, src: Uint8Array): number {
    const { u8 } = this.system.shared;
    for (let done = 0; done < src.length; ) {
      const linear = this._linear(addr + done, Access.WRITE);
      if (linear === 0) return done;
      const run = Math.min(src.length - done, PAGE_SIZE - (linear % PAGE_SIZE));
      if (run < 32) for (let i = 0; i < run; i++) u8[linear + i] = src[done + i]!;
      else u8.set(run === src.length ? src : src.subarray(done, done + run), linear);
      done += run;
    }
    return src.length;
  }

  /** Copies from the shared memory itself, at most a page; false when the guest may not write all of it. */
  moveOut(addr: number, from: number, sizeBytes: number): boolean {
    return this._move(addr, from, sizeBytes, Access.WRITE);
  }

  /** Copies into the shared memory itself, at most a page; false when the guest may not read all of it. */
  moveIn(addr: number, to: number, sizeBytes: number): boolean {
    return this._move(addr, to, sizeBytes, Access.READ);
  }

  private _move(addr: number, own: number, sizeBytes: number, access: typeof Access.READ | typeof Access.WRITE): boolean {
    const first = this._linear(addr, access);
    const last = first === 0 ? 0 : this._linear(addr + sizeBytes - 1, access);
    if (last === 0) return false;
    const head = Math.min(sizeBytes, PAGE_SIZE - (first % PAGE_SIZE));
    this._copy(first, own, head, access);
    if (head < sizeBytes) this._copy(last - (last % PAGE_SIZE), own + head, sizeBytes - head, access);
    return true;
  }

  private _copy(guest: number, own: number, sizeBytes: number, access: typeof Access.READ | typeof Access.WRITE): void {
    const [to, from] = access === Access.WRITE ? [guest, own] : [own, guest];
    this.system.shared.u8.copyWithin(to, from, from + sizeBytes);
  }

  /** Moves bytes page by page for a tracer, past the protection; the bytes moved. */
  forceTransfer(addr: number, bytes: Uint8Array, access: typeof Access.READ | typeof Access.WRITE): number {
    const { u8 } = this.system.shared;
    for (let done = 0; done < bytes.length; ) {
      const frame = addr + done >= 0 ? forceIn(this, addr + done, access) : 0;
      if (frame <= 0) return done;
      const linear = frame + ((addr + done) % PAGE_SIZE);
      const run = Math.min(bytes.length - done, PAGE_SIZE - (linear % PAGE_SIZE));
      if (access === Access.WRITE) u8.set(bytes.subarray(done, done + run), linear);
      else bytes.set(u8.subarray(linear, linear + run), done);
      done += run;
    }
    return bytes.length;
  }

  copyIn(addr: number, sizeBytes: number): Uint8Array {
    if (sizeBytes > BIG_COPY_BYTES && !this.vmas.covers(addr, addr + sizeBytes)) throw new ErrnoError(Errno.EFAULT);
    if (!(sizeBytes >= 0 && sizeBytes <= MAX_COPY_BYTES)) throw new ErrnoError(Errno.ENOMEM);
    const bytes = new Uint8Array(sizeBytes);
    this.copyInto(addr, bytes);
    return bytes;
  }

  copyInto(addr: number, dst: Uint8Array): void {
    if (this.copyInPartial(addr, dst) !== dst.length) throw new ErrnoError(Errno.EFAULT);
  }

  copyOut(addr: number, src: Uint8Array): void {
    if (this.copyOutPartial(addr, src) !== src.length) throw new ErrnoError(Errno.EFAULT);
  }

  zeroOut(addr: number, sizeBytes: number): void {
    for (let done = 0; done < sizeBytes; ) {
      const linear = this._scalar(addr + done, Access.WRITE);
      const run = Math.min(sizeBytes - done, PAGE_SIZE - (linear % PAGE_SIZE));
      zeroMemory(this.system.shared, linear, linear + run);
      done += run;
    }
  }

  copyInString(addr: number, maxBytes: number): string {
    const { u8 } = this.system.shared;
    let text = '';
    for (let done = 0; done < maxBytes; ) {
      const linear = this._scalar(addr + done, Access.READ);
      const end = linear + Math.min(maxBytes - done, PAGE_SIZE - (linear % PAGE_SIZE));
      let at = linear;
      while (at < end && u8[at] !== 0) at++;
      text += latin1(u8, linear, at);
      if (at < end) return text;
      done += at - linear;
    }
    throw new ErrnoError(Errno.ENAMETOOLONG);
  }

  readU8(addr: number): number {
    return this.system.shared.u8[this._scalar(addr, Access.READ)]!;
  }

  readU16(addr: number): number {
    if (addr % PAGE_SIZE > PAGE_SIZE - 2) return this.readU8(addr) | (this.readU8(addr + 1) << 8);
    return this.system.shared.view.getUint16(this._scalar(addr, Access.READ), true);
  }

  readU32(addr: number): number {
    if (addr % PAGE_SIZE > PAGE_SIZE - 4) return (this.readU16(addr) | (this.readU16(addr + 2) << 16)) >>> 0;
    return this.system.shared.view.getUint32(this._scalar(addr, Access.READ), true);
  }

  readI32(addr: number): number {
    return this.readU32(addr) | 0;
  }

  readU64(addr: number): bigint {
    if (addr % PAGE_SIZE > PAGE_SIZE - 8) return BigInt(this.readU32(addr)) | (BigInt(this.readU32(addr + 4)) << 32n);
    return this.system.shared.view.getBigUint64(this._scalar(addr, Access.READ), true);
  }

  readUlong(addr: number): number {
    if (addr % PAGE_SIZE > PAGE_SIZE - 8) return this.readU32(addr) + this.readU32(addr + 4) * LOW_END;
    const linear = this._scalar(addr, Access.READ);
    const { view } = this.system.shared;
    return view.getUint32(linear, true) + view.getUint32(linear + 4, true) * LOW_END;
  }

  writeU8(addr: number, value: number): void {
    this.system.shared.u8[this._scalar(addr, Access.WRITE)] = value;
  }

  writeU16(addr: number, value: number): void {
    if (addr % PAGE_SIZE <= PAGE_SIZE - 2) return this.system.shared.view.setUint16(this._scalar(addr, Access.WRITE), value, true);
    this._scalar(addr + 1, Access.WRITE);
    this.writeU8(addr, value);
    this.writeU8(addr + 1, value >>> 8);
  }

  writeU32(addr: number, value: number): void {
    if (addr % PAGE_SIZE <= PAGE_SIZE - 4) return this.system.shared.view.setUint32(this._scalar(addr, Access.WRITE), value, true);
    this._scalar(addr + 3, Access.WRITE);
    this.writeU16(addr, value);
    this.writeU16(addr + 2, value >>> 16);
  }

  writeU64(addr: number, value: bigint): void {
    if (addr % PAGE_SIZE <= PAGE_SIZE - 8) return this.system.shared.view.setBigUint64(this._scalar(addr, Access.WRITE), BigInt.asUintN(64, value), true);
    this._scalar(addr + 7, Access.WRITE);
    this.writeU32(addr, Number(value & 0xffff_ffffn));
    this.writeU32(addr + 4, Number((value >> 32n) & 0xffff_ffffn));
  }

  writeUlong(addr: number, value: number): void {
    this.writeU64(addr, BigInt(value));
  }

  wordAddr(addr: number, write: boolean): number {
    return this._scalar(addr, write ? Access.WRITE : Access.READ);
  }
}

/** Bytes of the shared memory as a string. */
function latin1(u8: Uint8Array, from: number, to: number): string {
  if (to - from >= 24) return Buffer.from(u8.buffer as unknown as ArrayBuffer, from, to - from).toString('latin1');
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(u8[i]!);
  return text;
}
