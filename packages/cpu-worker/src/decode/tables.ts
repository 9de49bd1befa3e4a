/**
 * Tables of the decoder (assembly/decoder), computed from the rows when it is built. All numbers are
 * little-endian.
 *
 *   SLOTS     u32 for each of the 1,024 opcodes (map * 256 + byte): first candidate | count << 16 |
 *             ModRM follows << 31
 *   CANDIDATES  the encodings of an opcode, the most specific first: u16 mask, u16 value of the selector
 *             bits that must agree, u16 row
 *   ROWS      ROW_BYTES for each row: u16 form with a register, with memory, with memory and lock
 *             (NONE = invalid), u8 RowFlag, u8 immediates (two ImmCode nibbles)
 *   FORMS     FORM_BYTES for each form: u16 handler by addressing (none, base, index, general), three u8
 *             register operands (RegisterCode), u8 FormFlag, u8 FlagEffect and FlagShift, u8 condition of a jump
 *             (else 0xff), u8 StackUse, u8 0
 *   FLAGLESS  u16 for each hot handler: its variant that leaves the flags alone, 0 = none
 *   FUSED_AT  u8 for each hot handler: n = it has fused variants, the n-th block of FUSED
 *   FUSED     blocks of 16 pairs by condition: u16 variant that writes the flags, u16 that does not
 */
import { FLAGLESS, FORM_BY_KEY, formKey, FORMS, FUSED, FUSED_FLAGLESS, HOT_COUNT, type Addressing, type Form } from '../interp/forms.js';
import { ISA } from '../isa/table.js';
import { parseEncoding, type Encoding, type ImmToken } from './encoding.js';
import { planOf } from './form-plan.js';
import { flagEffect, flagShift, jumpCondition } from './fuse.js';
import { FORM_BYTES, FormFlag, ImmCode, NONE, registerCode, ROW_BYTES, RowFlag, Selector, stackUse } from './table-codes.js';

export interface DecodeTables {
  readonly slots: Uint32Array;
  readonly candidates: Uint16Array;
  readonly rows: Uint8Array;
  readonly forms: Uint8Array;
  readonly flagless: Uint16Array;
  readonly fusedAt: Uint8Array;
  readonly fused: Uint16Array;
  /** Forms that stand for undefined and for overlong instructions. */
  readonly undefinedForm: number;
  readonly overlongForm: number;
}

const OPCODES = 4 * 256;

function formNumber(form: Form | undefined): number {
  return form ? FORMS.indexOf(form) : NONE;
}

/** Bits of the selector that an encoding asks for. */
function selection(e: Encoding): { mask: number; value: number } {
  let mask = 0;
  let value = 0;
  const need = (bits: number, wanted: number): void => {
    mask |= bits;
    value |= wanted;
  };
  const yesNo = (bit: number, need3: 'yes' | 'no' | 'any'): void => {
    if (need3 !== 'any') need(bit, need3 === 'yes' ? bit : 0);
  };
  yesNo(Selector.REX_W, e.rexW);
  yesNo(Selector.ADDRESS32, e.address32);
  // 66 as operand size does not exclude REX.W, which overrides it.
  yesNo(e.p66 === 'no' && e.repeat === 'any' ? Selector.SIZE16 : Selector.P66, e.p66);
  if (e.repeat === 'none') need(Selector.F2 | Selector.F3, 0);
  else if (e.repeat !== 'any') need(Selector[e.repeat], Selector[e.repeat]);
  if (!e.modrm) return { mask, value };
  if (e.fixedModrm >= 0) need(e.fixedMask, e.fixedModrm & e.fixedMask);
  if (e.digit >= 0) need(0x38, e.digit << 3);
  if (e.allowReg !== e.allowMem) need(Selector.REGISTER, e.allowReg ? Selector.REGISTER : 0);
  return { mask, value };
}

function slotTables(encodings: readonly Encoding[]): Pick<DecodeTables, 'slots' | 'candidates'> {
  const byOpcode: Encoding[][] = Array.from({ length: OPCODES }, () => []);
  for (const e of encodings) {
    for (let r = 0; r < (e.opcodeReg ? 8 : 1); r++) byOpcode[e.map * 256 + e.opcode + r]!.push(e);
  }
  const slots = new Uint32Array(OPCODES);
  const candidates: number[] = [];
  for (const [opcode, list] of byOpcode.entries()) {
    slots[opcode] = (candidates.length / 3) | (list.length << 16) | (list.some((e) => e.modrm) ? 0x8000_0000 : 0);
    for (const e of list.sort((x, y) => y.weight - x.weight)) {
      const { mask, value } = selection(e);
      candidates.push(mask, value, e.rowNumber);
    }
  }
  return { slots, candidates: Uint16Array.from(candidates) };
}

const IMM_CODE: Record<ImmToken, number> = { ib: ImmCode.BYTE, iw: ImmCode.WORD, id: ImmCode.DWORD, io: ImmCode.QWORD, cb: ImmCode.REL8, cd: ImmCode.REL32, mo: ImmCode.OFFSET };

function rowFlags(e: Encoding): number {
  const immediate = e.operands.find((o) => o.source === 'imm');
  const flags: number[] = [];
  if (e.modrm) flags.push(RowFlag.MODRM);
  // Memory that is accessed has a segment.
  if (!e.operands.some((o) => o.source === 'rm' && o.access === 'n')) flags.push(RowFlag.SEGMENT);
  if (e.row.mnemonic === 'pop') flags.push(e.operands[0]!.memBits === 16 ? RowFlag.POPS16 : RowFlag.POPS);
  if (!e.modrm && e.operands.some((o) => o.source === 'one')) flags.push(RowFlag.ONE);
  if (immediate && immediate.signBits > 0) {
    if (immediate.signBits === 8) flags.push(RowFlag.SIGNED8);
    if (immediate.sizeBits === 64) flags.push(RowFlag.WIDE);
    else if (immediate.sizeBits === 16) flags.push(RowFlag.CUT16);
  }
  return flags.reduce((all, flag) => all | flag, 0);
}

function rowTable(encodings: readonly Encoding[]): Uint8Array {
  const table = new Uint8Array(encodings.length * ROW_BYTES);
  const view = new DataView(table.buffer);
  for (const e of encodings) {
    const at = e.rowNumber * ROW_BYTES;
    const form = (mem: boolean, locked: boolean): number => formNumber(FORM_BY_KEY.get(formKey(e.rowNumber, mem, locked)));
    view.setUint16(at, form(false, false), true);
    view.setUint16(at + 2, form(true, e.row.alwaysLocked ?? false), true);
    view.setUint16(at + 4, form(true, true), true);
    view.setUint8(at + 6, rowFlags(e));
    view.setUint8(at + 7, e.imms.reduce((codes, token, i) => codes | (IMM_CODE[token] << (4 * i)), 0));
  }
  return table;
}

const ADDRESSINGS: readonly Addressing[] = ['none', 'base', 'index', 'general'];

function formFlags(form: Form): number {
  let flags = 0;
  if (form.mem) flags |= FormFlag.MEMORY;
  if (planOf(form).isRelative) flags |= FormFlag.RELATIVE;
  if (planOf(form).isMoffs) flags |= FormFlag.MOFFS;
  if (form.row.ends) flags |= FormFlag.ENDS;
  if (form.row.mnemonic === 'jmp' && form.operands[0]!.source === 'rel') flags |= FormFlag.DIRECT_JUMP;
  return flags;
}

function formTable(): Uint8Array {
  const table = new Uint8Array(FORMS.length * FORM_BYTES);
  const view = new DataView(table.buffer);
  for (const [number, form] of FORMS.entries()) {
    const at = number * FORM_BYTES;
    for (const [i, addressing] of ADDRESSINGS.entries()) view.setUint16(at + 2 * i, form.handlers[addressing] ?? (form.mem ? form.handlers.general! : NONE), true);
    table.set(planOf(form).registers.map(registerCode), at + 8);
    table.set([formFlags(form), flagEffect(form) | flagShift(form), jumpCondition(form) & 0xff, stackUse(form.row.mnemonic)], at + 11);
  }
  return table;
}

function variantTables(): Pick<DecodeTables, 'flagless' | 'fusedAt' | 'fused'> {
  const flagless = new Uint16Array(HOT_COUNT);
  for (const [handler, variant] of FLAGLESS) flagless[handler] = variant;
  const handlers = [...new Set([...FUSED.keys()].map((key) => key >> 4))];
  const fusedAt = new Uint8Array(HOT_COUNT);
  const fused = new Uint16Array((handlers.length + 1) * 32);
  for (const [i, handler] of handlers.entries()) {
    fusedAt[handler] = i + 1;
    for (let cc = 0; cc < 16; cc++) {
      fused[(i + 1) * 32 + cc * 2] = FUSED.get(handler * 16 + cc) ?? 0;
      fused[(i + 1) * 32 + cc * 2 + 1] = FUSED_FLAGLESS.get(handler * 16 + cc) ?? 0;
    }
  }
  return { flagless, fusedAt, fused };
}

/** Computes the tables. */
export function makeDecodeTables(): DecodeTables {
  const encodings = ISA.map((row, index) => parseEncoding(row, index));
  const formOf = (mnemonic: string): number => FORMS.findIndex((form) => form.row.mnemonic === mnemonic);
  return {
    ...slotTables(encodings), ...variantTables(), rows: rowTable(encodings), forms: formTable(),
    // An undefined-opcode exception; a privileged instruction, a #GP (SDM Vol. 2A 2.3.11).
    undefinedForm: formOf('ud2'), overlongForm: formOf('hlt'),
  };
}
