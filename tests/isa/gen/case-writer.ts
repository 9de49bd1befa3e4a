/**
 * Writes one case into a batch: encoding, register and memory state, memory operand addresses.
 * Shapes (shapes.ts) adjust the state so that the instruction does something.
 */
import type { Batch } from '../../support/oracle/batch.js';
import { CaseIn, DATA_ADDR, DATA_BYTES, Fx, HIGH_OFFSET, PATCH_BYTES, PATCHES, Patch } from '../../support/oracle/layout.js';
import { type Encoding, NO_REG } from './encoding.js';
import type { Random } from './random.js';
import { targetAddress } from './target.js';
import type { Template } from './template.js';
import { putValues, type ValueKind } from './values.js';

const MASK64 = (1n << 64n) - 1n;
export const RSP = 4;

export class CaseWriter {
  at = 0;
  /** Length of the instruction under test, without what follows it. */
  instructionBytes = 0;
  /** Linear address of the explicit memory operand. */
  target = 0n;
  #patches = 0;

  constructor(readonly batch: Batch, readonly random: Random, readonly e: Encoding) {}

  get view(): DataView {
    return this.batch.view;
  }

  /** Memory contents were chosen already. */
  get isPatched(): boolean {
    return this.#patches > 0;
  }

  gpr(reg: number): bigint {
    return this.view.getBigUint64(this.at + CaseIn.off.gpr + 8 * reg, true);
  }

  setGpr(reg: number, value: bigint): void {
    this.view.setBigUint64(this.at + CaseIn.off.gpr + 8 * reg, value & MASK64, true);
  }

  setGprLow(reg: number, value: number): void {
    this.view.setUint32(this.at + CaseIn.off.gpr + 8 * reg, value >>> 0, true);
  }

  get rflags(): number {
    return this.view.getUint32(this.at + CaseIn.off.rflags, true);
  }

  set rflags(value: number) {
    this.view.setUint32(this.at + CaseIn.off.rflags, value, true);
  }

  /** Guest address of the code. */
  get codeAddr(): number {
    return this.view.getUint32(this.at + CaseIn.off.codeAddr, true) + this.highOffset;
  }

  /** HIGH_OFFSET when the case runs above 4 GiB, else 0. */
  get highOffset(): number {
    return this.view.getUint32(this.at + CaseIn.off.highCode, true) * HIGH_OFFSET;
  }

  segmentBase(): bigint {
    if (this.e.segment === 0) return 0n;
    return this.view.getBigUint64(this.at + (this.e.segment === 0x64 ? CaseIn.off.fsBase : CaseIn.off.gsBase), true);
  }

  /** Byte offset in the batch of the bytes of a fresh memory patch at guest address `address`, or -1 when it is not in the data pages (low or high). */
  patch(address: bigint | number, sizeBytes: number): number {
    const low = Number(address) < HIGH_OFFSET ? Number(address) : Number(address) - HIGH_OFFSET;
    const offset = low - DATA_ADDR;
    if (!(offset >= 0 && offset < DATA_BYTES) || this.#patches === PATCHES) return -1;
    const record = this.at + CaseIn.off.patches + this.#patches++ * Patch.sizeBytes;
    this.view.setUint32(record + Patch.off.offset, offset, true);
    this.view.setUint32(record + Patch.off.size, Math.min(sizeBytes, PATCH_BYTES, DATA_BYTES - offset), true);
    return record + Patch.off.bytes;
  }

  patchValue(address: bigint | number, value: bigint): void {
    const at = this.patch(address, 8);
    if (at >= 0) this.view.setBigUint64(at, value & MASK64, true);
  }

  patchValues(address: bigint | number, sizeBytes: number, kind: ValueKind): void {
    const at = this.patch(address, sizeBytes);
    if (at >= 0) putValues(this.view, at, Math.min(sizeBytes, PATCH_BYTES), kind, this.random);
  }

  fx(field: keyof typeof Fx): number {
    return this.at + CaseIn.off.fx + Fx[field];
  }

  begin(): void {
    this.at = this.batch.add();
    this.#patches = 0;
    this.target = 0n;
  }

  place(codeAddr: number, high: boolean): void {
    this.view.setUint32(this.at + CaseIn.off.codeAddr, codeAddr, true);
    this.view.setUint32(this.at + CaseIn.off.highCode, high ? 1 : 0, true);
  }

  /** Chooses the address of the ModRM memory operand and sets displacement and registers to match. */
  placeMemory(t: Template): void {
    const { e, random } = this;
    const m = e.memory;
    if (e.isFixed && e.isAbsolute) return;
    // With a segment base, hosts differ in whether the offset must be canonical by itself.
    const low = m.ripRelative || m.base === NO_REG || e.address32 || e.segment !== 0;
    this.target = targetAddress(random, Math.max(1, t.rm!.memBits >> 3), t.rm!.aligned, low);
    if (m.ripRelative && !e.address32) this.target += BigInt(this.highOffset);
    const offset = this.target - this.segmentBase();
    if (m.ripRelative) {
      const next = BigInt(this.codeAddr + this.instructionBytes);
      e.patch(m.dispAt, 4, (offset - next) & 0xffff_ffffn);
    } else if (m.base === NO_REG && m.index === NO_REG) {
      e.patch(m.dispAt, 4, offset & 0xffff_ffffn);
    } else {
      this.#solve(offset & MASK64);
    }
  }

  /** base + index * scale + disp = offset, modulo the address size. */
  #solve(offset: bigint): void {
    const { e, random } = this;
    const m = e.memory;
    const bits = e.address32 ? 32 : 64;
    let disp = e.isFixed ? e.number(m.dispAt, m.dispBytes) : this.#randomDisplacement();
    const single = m.base === NO_REG ? m.scale : m.base === m.index ? m.scale + 1 : 0;
    if (m.index !== NO_REG && single > 0) {
      const rest = BigInt.asUintN(bits, offset - disp);
      const remainder = rest % BigInt(single);
      const value = rest / BigInt(single);
      const fits = !e.isFixed && (m.dispBytes === 4 || (m.dispBytes === 1 && disp + remainder <= 127n));
      if (fits) disp = BigInt.asIntN(8 * m.dispBytes, disp + remainder);
      else this.target -= remainder;
      this.#setAddressReg(m.index, value);
    } else {
      let index = 0n;
      if (m.index !== NO_REG) {
        index = random.percent(60) ? BigInt.asIntN(7, BigInt(random.u32())) : this.gpr(m.index);
        this.#setAddressReg(m.index, index);
      }
      this.#setAddressReg(m.base, BigInt.asUintN(bits, offset - disp - index * BigInt(m.scale)));
    }
    if (m.dispBytes) e.patch(m.dispAt, m.dispBytes, disp);
  }

  #randomDisplacement(): bigint {
    const { random, e: { memory: { dispBytes } } } = this;
    if (dispBytes === 0) return 0n;
    const disp = BigInt.asIntN(8 * dispBytes, BigInt(random.u32()));
    return dispBytes === 4 && random.percent(60) ? BigInt.asIntN(12, disp) : disp;
  }

  #setAddressReg(reg: number, value: bigint): void {
    if (this.e.address32) this.setGprLow(reg, Number(value & 0xffff_ffffn));
    else this.setGpr(reg, value);
  }

  /** Chooses the address of a moffs operand. */
  placeMoffs(t: Template): void {
    const { e, random } = this;
    if (e.isFixed) return;
    const bytes = t.operands.find((o) => o.role === 'moffs')!.memBits >> 3;
    this.target = targetAddress(random, bytes, false, e.address32 || e.segment !== 0);
    e.patch(e.moffsAt, e.address32 ? 4 : 8, (this.target - this.segmentBase()) & MASK64);
  }

  /** An address in the case's own code slot that holds int3. */
  landing(): bigint {
    const before = 1 + this.random.below(12);
    return BigInt(this.random.percent(50) ? this.codeAddr - before : this.codeAddr + this.e.size + this.random.below(8));
  }

  /** Code offset to an int3 of the own slot, or (4-byte offsets) to an address that cannot be executed. */
  placeRel(): void {
    const { e, random } = this;
    let offset = this.landing() - BigInt(this.codeAddr + e.size);
    if (e.relBytes === 4 && random.percent(10)) offset = BigInt(DATA_ADDR + this.highOffset + random.below(DATA_BYTES)) - BigInt(this.codeAddr);
    e.patch(e.relAt, e.relBytes, offset);
  }

  finish(): void {
    this.view.setUint32(this.at + CaseIn.off.codeSize, this.e.size, true);
    this.batch.bytes.set(this.e.bytes.subarray(0, this.e.size), this.at + CaseIn.off.code);
  }
}
