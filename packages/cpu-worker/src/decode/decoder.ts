import { FORM_BY_KEY, formKey, type Form } from '../interp/forms.js';
import { ISA } from '../isa/table.js';
import type { OperandSpec } from '../isa/operand-spec.js';
import { matches, parseEncoding, type Encoding, type ImmToken } from './encoding.js';
import { planOf, RegisterSource } from './form-plan.js';
import { DecodeResult, Instruction } from './instruction.js';

/**
 * x86-64 decoder driven by the rows (SDM Vol. 2A chapter 2). The rows of an opcode are chosen by a
 * key of prefixes and ModRM bits; the choice is remembered in a flat cache, so that a warm decode
 * is two table look-ups.
 */

/** One encoding in one form, with everything the decoder needs at hand. */
interface Choice {
  readonly encoding: Encoding;
  readonly regForm: Form | undefined;
  readonly memForm: Form | undefined;
  readonly lockedForm: Form | undefined;
  /** Memory operand is accessed, so that a segment prefix counts. */
  readonly takesSegment: boolean;
  readonly popsMemory: boolean;
  readonly immediate: OperandSpec | undefined;
  readonly hasOne: boolean;
}

const ENCODINGS: Encoding[][] = Array.from({ length: 4 * 256 }, () => []);

function choiceOf(encoding: Encoding): Choice {
  const form = (mem: boolean, locked: boolean): Form | undefined => FORM_BY_KEY.get(formKey(encoding.rowNumber, mem, locked));
  const locked = encoding.row.alwaysLocked ?? false;
  return {
    encoding, regForm: form(false, false), memForm: form(true, locked), lockedForm: form(true, true),
    takesSegment: !encoding.operands.some((o) => o.source === 'rm' && o.access === 'n'),
    popsMemory: encoding.row.mnemonic === 'pop',
    immediate: encoding.operands.find((o) => o.source === 'imm'),
    hasOne: !encoding.modrm && encoding.operands.some((o) => o.source === 'one'),
  };
}

for (const [i, row] of ISA.entries()) {
  const e = parseEncoding(row, i);
  for (let r = 0; r < (e.opcodeReg ? 8 : 1); r++) ENCODINGS[e.map * 256 + e.opcode + r]!.push(e);
}
for (const list of ENCODINGS) list.sort((x, y) => y.weight - x.weight);

const HAS_MODRM = ENCODINGS.map((list) => list.some((e) => e.modrm));
const CHOICES = new Map<Encoding, Choice>();
/** Opcode (10 bits) → key (prefixes, ModRM) → choice, null = undefined opcode. */
const CACHE: (Map<number, Choice | null> | undefined)[] = [];

function choose(slot: number, p66: boolean, repeat: number, rexW: boolean, address32: boolean, modrm: number): Choice | null {
  const repeatBits = repeat === 0 ? 0 : repeat === 0xf2 ? 1 : 2;
  const key = modrm | (p66 ? 0x100 : 0) | (rexW ? 0x200 : 0) | (address32 ? 0x400 : 0) | (repeatBits << 11);
  const map = (CACHE[slot] ??= new Map());
  const known = map.get(key);
  if (known !== undefined) return known;
  const encoding = ENCODINGS[slot]!.find((e) => matches(e, { p66, repeat, rexW, address32, modrm }));
  let choice: Choice | null = null;
  if (encoding) {
    choice = CHOICES.get(encoding) ?? choiceOf(encoding);
    CHOICES.set(encoding, choice);
  }
  map.set(key, choice);
  return choice;
}

export class Decoder {
  readonly insn = new Instruction();
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #truncated = false;
  #rex = 0;

  #u8(): number {
    if (this.#at >= this.#end) {
      this.#truncated = true;
      return 0;
    }
    return this.#bytes[this.#at++]!;
  }

  #u16(): number { return this.#u8() | (this.#u8() << 8); }
  #i32(): number { return this.#u16() | (this.#u16() << 16); }

  /** Decodes one instruction of `bytes` at `start`, reading below `end`; the result is in `insn`. */
  decode(bytes: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + 15);
    this.#bytes = bytes;
    this.#at = start;
    this.#end = limit;
    this.#truncated = false;
    const result = this.#instruction();
    this.insn.lenBytes = this.#at - start;
    if (!this.#truncated) return result;
    return limit < end ? DecodeResult.TOO_LONG : DecodeResult.TRUNCATED;
  }

  #instruction(): number {
    const { insn } = this;
    let p66 = false;
    let lock = false;
    insn.repeat = 0;
    insn.segment = 0;
    insn.address32 = false;
    this.#rex = 0;
    let opcode = this.#u8();
    for (;;) {
      if (opcode === 0x66) p66 = true;
      else if (opcode === 0xf2 || opcode === 0xf3) insn.repeat = opcode;
      else if (opcode === 0xf0) lock = true;
      else if (opcode === 0x67) insn.address32 = true;
      else if (opcode === 0x64) insn.segment = 1;
      else if (opcode === 0x65) insn.segment = 2;
      else if (opcode !== 0x2e && opcode !== 0x36 && opcode !== 0x3e && opcode !== 0x26) {
        if ((opcode & 0xf0) !== 0x40) break;
        this.#rex = opcode;
        opcode = this.#u8();
        if (isPrefix(opcode)) {
          this.#rex = 0;
          continue;
        }
        break;
      }
      opcode = this.#u8();
      if (this.#truncated) return DecodeResult.TRUNCATED;
    }
    return this.#opcode(opcode, p66, lock);
  }

  #opcode(first: number, p66: boolean, lock: boolean): number {
    const { insn } = this;
    let slot = first;
    let opcode = first;
    if (first === 0x0f) {
      opcode = this.#u8();
      slot = 256 + opcode;
      if (opcode === 0x38 || opcode === 0x3a) {
        slot = (opcode === 0x38 ? 512 : 768);
        opcode = this.#u8();
        slot += opcode;
      }
    }
    // With REX.B, 90 is xchg r8: its rows also stand at 91.
    if (first === 0x90 && (this.#rex & 1) !== 0) slot = 0x91;
    const modrm = HAS_MODRM[slot] ? this.#u8() : 0;
    if (this.#truncated) return DecodeResult.TRUNCATED;
    const choice = choose(slot, p66, insn.repeat, (this.#rex & 8) !== 0, insn.address32, modrm);
    if (!choice) return DecodeResult.UNDEFINED;
    const isMem = choice.encoding.modrm ? modrm < 0xc0 : choice.regForm === undefined;
    const form = lock ? (isMem ? choice.lockedForm : undefined) : isMem && choice.memForm ? choice.memForm : choice.regForm;
    insn.form = form;
    insn.base = insn.index = -1;
    insn.scaleLog2 = 0;
    insn.disp = 0;
    if (choice.encoding.modrm && modrm < 0xc0) this.#memory(modrm, choice);
    if (!choice.takesSegment) insn.segment = 0;
    this.#immediates(choice);
    if (!form) return DecodeResult.UNDEFINED;
    return this.#registers(form, modrm, opcode);
  }

  /** ModRM and SIB memory operand (SDM Vol. 2A 2.1.5, 2.2.1). */
  #memory(modrm: number, choice: Choice): void {
    const { insn } = this;
    const mod = modrm >> 6;
    const rm = modrm & 7;
    if (rm === 4) {
      const sib = this.#u8();
      const index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
      insn.index = index === 4 ? -1 : index;
      insn.scaleLog2 = insn.index < 0 ? 0 : sib >> 6;
      insn.base = (sib & 7) === 5 && mod === 0 ? -1 : (sib & 7) | ((this.#rex & 1) << 3);
      if ((sib & 7) === 5 && mod === 0) insn.disp = this.#i32();
    } else if (rm === 5 && mod === 0) {
      insn.base = 16;
      insn.disp = this.#i32();
    } else insn.base = rm | ((this.#rex & 1) << 3);
    if (mod === 1) insn.disp = (this.#u8() << 24) >> 24;
    else if (mod === 2) insn.disp = this.#i32();
    // pop with an rsp-based destination uses the value after the increment (SDM Vol. 2B POP).
    if (choice.popsMemory && insn.base === 4) insn.disp += this.insn.form?.operands[0]?.memBits === 16 ? 2 : 8;
  }

  #immediates(choice: Choice): void {
    const { insn } = this;
    const { imms } = choice.encoding;
    insn.immLow = choice.hasOne ? 1 : 0;
    insn.immHigh = insn.imm1 = 0;
    for (let i = 0, count = 0; i < imms.length; i++) {
      const token = imms[i]!;
      if (token === 'cb') insn.rel = (this.#u8() << 24) >> 24;
      else if (token === 'cd') insn.rel = this.#i32();
      else if (count++ > 0) insn.imm1 = this.#u8();
      else this.#immediate(token, choice.immediate);
    }
  }

  #immediate(token: ImmToken, spec: OperandSpec | undefined): void {
    const { insn } = this;
    if (token === 'io' || (token === 'mo' && !insn.address32)) {
      insn.immLow = this.#i32();
      insn.immHigh = this.#i32();
    } else if (token === 'ib') insn.immLow = this.#u8();
    else if (token === 'iw') insn.immLow = this.#u16();
    else insn.immLow = this.#i32();
    if (spec && spec.signBits > 0) this.#signExtend(spec);
  }

  #signExtend(spec: OperandSpec): void {
    const { insn } = this;
    if (spec.signBits === 8) insn.immLow = (insn.immLow << 24) >> 24;
    if (spec.sizeBits === 64) insn.immHigh = insn.immLow >> 31;
    else if (spec.sizeBits < 32) insn.immLow &= (1 << spec.sizeBits) - 1;
  }

  #registers(form: Form, modrm: number, opcode: number): number {
    const { regs } = this.insn;
    const { registers } = planOf(form);
    for (let i = 0; i < registers.length; i++) {
      const { source, isExtended, isByte, file } = registers[i]!;
      let number: number;
      if (source === RegisterSource.REG) number = ((modrm >> 3) & 7) | (isExtended ? (this.#rex & 4) << 1 : 0);
      else if (source === RegisterSource.RM) number = (modrm & 7) | (isExtended ? (this.#rex & 1) << 3 : 0);
      else if (source === RegisterSource.STACK) number = modrm & 7;
      else number = (opcode & 7) | ((this.#rex & 1) << 3);
      if (isByte && this.#rex === 0 && number >= 4) number += 12;
      if (file === 'sreg' && number > 5) return DecodeResult.UNDEFINED;
      regs[i] = number;
    }
    return DecodeResult.OK;
  }
}

function isPrefix(byte: number): boolean {
  switch (byte) {
    case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3: case 0x2e: case 0x36: case 0x3e: case 0x26: case 0x64: case 0x65: return true;
    default: return (byte & 0xf0) === 0x40;
  }
}
