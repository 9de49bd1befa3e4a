/**
 * One encoded instruction: bytes, and what its operands came to be. Register numbers, addressing
 * form, redundant prefixes and immediates are drawn at random; every choice is a legal encoding of
 * the row (except a LOCK prefix where it must raise #UD, drawn rarely).
 */
import { MAX_CODE_BYTES } from '../../support/oracle/layout.js';
import type { Random } from './random.js';
import type { Template } from './template.js';

export const NO_REG = -1;

export interface MemoryForm {
  /** Register numbers, NO_REG when absent. */
  base: number;
  index: number;
  scale: number;
  dispBytes: number;
  ripRelative: boolean;
  /** Position of the displacement in the code. */
  dispAt: number;
}

export class Encoding {
  readonly bytes = new Uint8Array(MAX_CODE_BYTES);
  /** The bytes stay as they are: state must suit them. */
  isFixed = false;
  size = 0;
  address32 = false;
  /** 0x64, 0x65 or 0. */
  segment = 0;
  lock = false;
  rex = 0;
  repeat = 0;
  reg = 0;
  rm = 0;
  opcodeReg = 0;
  isMemory = false;
  relAt = -1;
  relBytes = 0;
  moffsAt = -1;
  immAt = -1;
  immBytes = 0;
  /** Memory operands are this register and a displacement; NO_REG = any form. */
  fixedBase = NO_REG;
  readonly memory: MemoryForm = { base: NO_REG, index: NO_REG, scale: 1, dispBytes: 0, ripRelative: false, dispAt: 0 };

  /** The number at a position, sign-extended. */
  number(at: number, count: number): bigint {
    let value = 0n;
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[at + i]!);
    return BigInt.asIntN(8 * count, value);
  }

  /** Memory operands are at an address that no register says. */
  get isAbsolute(): boolean {
    const { base, index } = this.memory;
    return this.moffsAt >= 0 || (this.isMemory && base === NO_REG && index === NO_REG);
  }

  reset(): void {
    this.isFixed = false;
    this.size = 0;
    this.address32 = false;
    this.segment = 0;
    this.lock = false;
    this.rex = 0;
    this.repeat = 0;
    this.isMemory = false;
    this.relAt = -1;
    this.moffsAt = -1;
    this.immAt = -1;
  }

  put(byte: number): void {
    this.bytes[this.size++] = byte;
  }

  putZeros(count: number): void {
    for (let i = 0; i < count; i++) this.put(0);
  }

  /** Writes a little-endian number of `count` ≤ 8 bytes at a position. */
  patch(at: number, count: number, value: bigint): void {
    if (this.isFixed) return;
    for (let i = 0; i < count; i++) this.bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
}

/** 90+r with register 0 is nop, another row. */
const NOP = 0x90;

const REX_W = 8;
const REX_R = 4;
const REX_X = 2;
const REX_B = 1;

function choosePrefixes(e: Encoding, t: Template, random: Random): void {
  const usesMemory = e.isMemory || t.moffs || t.repeat !== -1;
  if (usesMemory && random.percent(8)) e.segment = random.percent(50) ? 0x64 : 0x65;
  if (t.addressBits === 32) e.address32 = true;
  else if (t.addressBits === 0 && usesMemory) e.address32 = random.percent(6);
  if (e.isMemory) e.lock = t.row.lock === true ? random.percent(35) : random.u32() % 2000 === 0;
  else e.lock = random.u32() % 2000 === 0;
  if (t.repeat > 0) e.repeat = t.repeat;
}

function operandSizePrefix(t: Template, random: Random): boolean {
  if (t.size === 'o16') return true;
  const free = t.size === 'any' && t.mandatory === -1 && t.relBytes === 0 && t.operands.every((o) => o.sizeBits <= 8);
  return free && random.percent(4);
}

/** REX bits from the chosen registers; `W` by the row's size token. */
function chooseRex(e: Encoding, t: Template, random: Random): void {
  const wide = t.size === 'W1' || (t.size === 'o64' && random.percent(10)) || (t.size === 'any' && t.relBytes === 0 && t.mandatory >= 0 && t.operands.every((o) => o.file !== 'gpr') && random.percent(8));
  let rex = wide ? REX_W : 0;
  if (t.modrm === 8 && e.reg >= 8) rex |= REX_R;
  if (t.opcodeReg && e.opcodeReg >= 8) rex |= REX_B;
  if (t.modrm >= 0 && !e.isMemory && e.rm >= 8) rex |= REX_B;
  if (e.isMemory && e.memory.base >= 8) rex |= REX_B;
  if (e.isMemory && e.memory.index >= 8) rex |= REX_X;
  e.rex = rex !== 0 || random.percent(12) ? 0x40 | rex : 0;
}

/** Repeat prefixes mean nothing to one-byte opcodes other than nop and the string instructions (`rep ret`, `bnd jmp`); AMD processors let them choose between loope and loopne. */
function ignoresRepeat(t: Template): boolean {
  const [first] = t.opcode;
  return t.mandatory === -1 && t.repeat === -1 && first !== 0x0f && first !== NOP && !/^(ins|outs|loop)/.test(t.row.mnemonic);
}

/** Legacy prefixes come in any order before REX. */
function putPrefixes(e: Encoding, t: Template, random: Random): void {
  const list: number[] = [];
  if (operandSizePrefix(t, random)) list.push(0x66);
  if (e.address32) list.push(0x67);
  if (e.segment) list.push(e.segment);
  else if (random.percent(2)) list.push(random.pick([0x2e, 0x3e, 0x26, 0x36]));
  if (e.lock) list.push(0xf0);
  if (e.repeat) list.push(e.repeat);
  if (t.mandatory > 0) list.push(t.mandatory);
  if (ignoresRepeat(t) && random.percent(2)) list.push(random.pick([0xf2, 0xf3]));
  const turn = random.below(list.length || 1);
  for (let i = 0; i < list.length; i++) e.put(list[(i + turn) % list.length]!);
  if (e.rex) e.put(e.rex);
}

function chooseMemory(e: Encoding, random: Random): void {
  const m = e.memory;
  m.base = NO_REG;
  m.index = NO_REG;
  m.scale = 1;
  m.ripRelative = false;
  m.dispBytes = 4;
  if (e.fixedBase !== NO_REG) {
    m.base = e.fixedBase;
    return;
  }
  const draw = random.below(100);
  if (draw < 10) {
    m.ripRelative = true;
    return;
  }
  if (draw < 15) return;
  if (draw < 80) m.base = random.below(16);
  if (draw >= 45) {
    m.index = random.below(16);
    if (m.index === 4) m.index = NO_REG;
    m.scale = 1 << random.below(4);
  }
  if (m.base !== NO_REG) m.dispBytes = random.pick((m.base & 7) === 5 ? [1, 4] : [0, 0, 1, 4]);
}

const SCALE_BITS: Record<number, number> = { 1: 0, 2: 0x40, 4: 0x80, 8: 0xc0 };
const MOD_OF_DISP: Record<number, number> = { 0: 0, 1: 0x40, 4: 0x80 };

function putMemory(e: Encoding, regField: number, random: Random): void {
  const m = e.memory;
  const reg = (regField & 7) << 3;
  if (m.ripRelative) {
    e.put(reg | 5);
  } else if (m.base !== NO_REG && m.index === NO_REG && (m.base & 7) !== 4 && random.percent(90)) {
    e.put(MOD_OF_DISP[m.dispBytes]! | reg | (m.base & 7));
  } else {
    const mod = m.base === NO_REG ? 0 : MOD_OF_DISP[m.dispBytes]!;
    const index = m.index === NO_REG ? 4 : m.index & 7;
    e.put(mod | reg | 4);
    e.put((m.index === NO_REG && random.percent(50) ? 0 : SCALE_BITS[m.scale]!) | (index << 3) | (m.base === NO_REG ? 5 : m.base & 7));
  }
  m.dispAt = e.size;
  e.putZeros(m.dispBytes);
}

const EDGE_BYTES = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const EDGE_DWORDS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

function putImmediate(e: Encoding, count: number, random: Random): void {
  if (e.immAt < 0) {
    e.immAt = e.size;
    e.immBytes = count;
  }
  if (count === 1) {
    e.put(random.percent(50) ? random.pick(EDGE_BYTES) : random.u32() & 0xff);
    return;
  }
  for (let i = 0; i < count; i += 4) {
    const value = random.percent(50) ? random.pick(EDGE_DWORDS) : random.u32();
    for (let k = 0; k < Math.min(4, count - i); k++) e.put((value >>> (8 * k)) & 0xff);
  }
}

function chooseRegisters(e: Encoding, t: Template, random: Random): void {
  const regSpec = t.operands.find((o) => o.role === 'reg');
  e.reg = regSpec?.file === 'mm' ? random.below(8) : regSpec?.file === 'sreg' ? random.below(6) : random.below(16);
  e.rm = t.rm?.file === 'mm' ? random.below(8) : random.below(16);
  if (t.rm?.file !== 'mm' && random.percent(8)) e.rm = e.reg;
  const stack = t.operands.some((o) => o.role === 'opcode' && o.file === 'st');
  e.opcodeReg = stack ? random.below(8) : random.below(16);
  if (t.opcode[0] === NOP && e.opcodeReg === 0) e.opcodeReg = 8;
}

/** Draws an encoding of the row into `e`; displacement, code offset and moffs are left zero. */
export function encode(e: Encoding, t: Template, random: Random): void {
  encodeForm(e, t, random, t.modrm >= 0 && t.rmMemory && (!t.rmRegister || random.percent(50)));
}

/** The same with a register as ModRM operand. */
export function encodeRegisters(e: Encoding, t: Template, random: Random): void {
  encodeForm(e, t, random, false);
}

function encodeForm(e: Encoding, t: Template, random: Random, isMemory: boolean): void {
  e.reset();
  e.isMemory = isMemory;
  chooseRegisters(e, t, random);
  if (e.isMemory) chooseMemory(e, random);
  choosePrefixes(e, t, random);
  chooseRex(e, t, random);
  putPrefixes(e, t, random);
  const last = t.opcode.length - 1;
  t.opcode.forEach((byte, i) => e.put(i === last && t.opcodeReg ? byte | (e.opcodeReg & 7) : byte));
  if (t.modrm >= 0) {
    const field = t.modrm === 8 ? e.reg : t.modrm;
    if (e.isMemory) putMemory(e, field, random);
    else e.put(0xc0 | ((field & 7) << 3) | (e.rm & 7));
  }
  if (t.moffs) {
    e.moffsAt = e.size;
    e.putZeros(e.address32 ? 4 : 8);
  }
  for (const count of t.immBytes) putImmediate(e, count, random);
  if (t.relBytes) {
    e.relAt = e.size;
    e.relBytes = t.relBytes;
    e.putZeros(t.relBytes);
  }
}
