/**
 * Decodes one instruction (SDM Vol. 2A chapter 2). The encodings of an opcode are tried in turn, the
 * most specific first, against a selector of prefixes and ModRM bits.
 */
import {
  CANDIDATES, FILE_SREG, INSN_ADDRESS32, INSN_BASE, INSN_DISP, INSN_FORM, INSN_IMM1, INSN_IMM_HIGH, INSN_IMM_LOW, INSN_INDEX, INSN_IS_MEM, INSN_LEN_BYTES, INSN_REG0, INSN_REG1, INSN_REG2,
  INSN_REL, INSN_SCALE_LOG2, INSN_SEGMENT, INSN_STACK_USE, IMM_BYTE, IMM_DWORD, IMM_OFFSET, IMM_QWORD, IMM_REL32, IMM_REL8, IMM_WORD, NONE, RC_BYTE, RC_EXTENDED, RC_FILE_SHIFT, RC_REG, RC_RM, RC_SOURCE,
  RC_STACK, RF_CUT16, RF_MODRM, RF_ONE, RF_POPS, RF_POPS16, RF_SEGMENT, RF_SIGNED8, RF_WIDE, RESULT_OK, RESULT_TOO_LONG, RESULT_TRUNCATED, RESULT_UNDEFINED, ROW_BYTES, ROWS,
  SEL_ADDRESS32, SEL_F2, SEL_F3, SEL_P66, SEL_REGISTER, SEL_REX_W, SEL_SIZE16, SLOTS,
} from '../../dist/assembly/decode-tables';
import { isMemory, registerCode, stackUse } from './forms';

const MAX_BYTES: usize = 15;
const MAX_REGISTERS: u32 = 3;
const CANDIDATE_BYTES: usize = 6;
const RSP: i32 = 4;
/** Number of rip as a base. */
export const RIP: i32 = 16;

// The instruction decoded last; src/decode/instruction.ts says what the fields are.
export let form: u32 = 0;
export let lenBytes: u32 = 0;
export let reg0: u32 = 0;
export let reg1: u32 = 0;
export let reg2: u32 = 0;
export let base: i32 = -1;
export let index: i32 = -1;
export let scaleLog2: u32 = 0;
export let disp: i32 = 0;
export let segment: u32 = 0;
export let address32: bool = false;
export let immLow: i32 = 0;
export let immHigh: i32 = 0;
export let imm1: u32 = 0;
export let rel: i32 = 0;
let repeat: u32 = 0;
/** First byte after the prefixes. */
let opcodeByte: u32 = 0;

/** Writes the instruction for the host: an INSTRUCTION record. */
export function storeInstruction(record: usize): void {
  store<u32>(record + INSN_FORM, form);
  store<u32>(record + INSN_LEN_BYTES, lenBytes);
  store<u32>(record + INSN_REG0, reg0);
  store<u32>(record + INSN_REG1, reg1);
  store<u32>(record + INSN_REG2, reg2);
  store<i32>(record + INSN_BASE, base);
  store<i32>(record + INSN_INDEX, index);
  store<u32>(record + INSN_SCALE_LOG2, scaleLog2);
  store<i32>(record + INSN_DISP, disp);
  store<u32>(record + INSN_SEGMENT, segment);
  store<u32>(record + INSN_ADDRESS32, u32(address32));
  store<i32>(record + INSN_IMM_LOW, immLow);
  store<i32>(record + INSN_IMM_HIGH, immHigh);
  store<u32>(record + INSN_IMM1, imm1);
  store<i32>(record + INSN_REL, rel);
  const isValid = form != NONE;
  store<u32>(record + INSN_IS_MEM, isValid ? u32(isMemory(form)) : 0);
  store<u32>(record + INSN_STACK_USE, isValid ? stackUse(form) : 0);
}

let at: usize = 0;
let limit: usize = 0;
let truncated: bool = false;
let rex: u32 = 0;

/** Makes the instruction another one, of one byte: an exception in place of bytes that are no instruction. */
export function replace(otherForm: u32): void {
  form = otherForm;
  lenBytes = 1;
}

function byte(): u32 {
  if (at >= limit) {
    truncated = true;
    return 0;
  }
  return load<u8>(at++);
}

function word(): u32 { return byte() | (byte() << 8); }
function dword(): i32 { return i32(word() | (word() << 16)); }
function signedByte(): i32 { return i32(byte() << 24) >> 24; }

/** Decodes the bytes from `start`, reading below `end`: a Result; the instruction is in the globals. */
export function decode(start: usize, end: usize): u32 {
  const longest = start + MAX_BYTES;
  at = start;
  limit = min(end, longest);
  truncated = false;
  const result = prefixes();
  lenBytes = u32(at - start);
  if (!truncated) return result;
  return limit == longest ? RESULT_TOO_LONG : RESULT_TRUNCATED;
}

/** For a string instruction with a repeat prefix: opcode | prefix << 8 | address32 << 16; else 0. */
export function repeatedString(): u32 {
  const isString = (opcodeByte >= 0xa4 && opcodeByte <= 0xa7) || (opcodeByte >= 0xaa && opcodeByte <= 0xaf);
  return repeat != 0 && isString ? (u32(address32) << 16) | (repeat << 8) | opcodeByte : 0;
}

function isPrefix(value: u32): bool {
  switch (value) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3: return true;
    default: return (value & 0xf0) == 0x40;
  }
}

function prefixes(): u32 {
  let selector: u32 = 0;
  let lock = false;
  repeat = 0;
  segment = 0;
  address32 = false;
  rex = 0;
  let opcode = byte();
  while (isPrefix(opcode)) {
    // Only a REX that is the last prefix counts.
    rex = 0;
    if ((opcode & 0xf0) == 0x40) rex = opcode;
    else if (opcode == 0x66) selector |= SEL_P66;
    else if (opcode >= 0xf2) repeat = opcode;
    else if (opcode == 0xf0) lock = true;
    else if (opcode == 0x67) address32 = true;
    else if (opcode == 0x64) segment = 1;
    else if (opcode == 0x65) segment = 2;
    opcode = byte();
    if (truncated) return RESULT_TRUNCATED;
  }
  if ((rex & 8) != 0) selector |= SEL_REX_W;
  else if ((selector & SEL_P66) != 0) selector |= SEL_SIZE16;
  if (address32) selector |= SEL_ADDRESS32;
  if (repeat != 0) selector |= repeat == 0xf2 ? SEL_F2 : SEL_F3;
  opcodeByte = opcode;
  return afterPrefixes(opcode, selector, lock);
}

function afterPrefixes(first: u32, prefixBits: u32, lock: bool): u32 {
  let slot = first;
  let opcode = first;
  if (first == 0x0f) {
    opcode = byte();
    slot = 256 + opcode;
    if (opcode == 0x38 || opcode == 0x3a) {
      slot = opcode == 0x38 ? 512 : 768;
      opcode = byte();
      slot += opcode;
    }
  }
  // With REX.B, 90 is xchg r8: its rows also stand at 91.
  if (first == 0x90 && (rex & 1) != 0) slot = 0x91;
  const candidates = load<u32>(SLOTS + (usize(slot) << 2));
  const modrm = i32(candidates) < 0 ? byte() : 0;
  if (truncated) return RESULT_TRUNCATED;
  const row = choose(candidates, prefixBits | modrm | (modrm >= 0xc0 ? SEL_REGISTER : 0));
  return row == 0 ? RESULT_UNDEFINED : operands(row, modrm, opcode, lock);
}

/** Address of the row that fits, 0 = none. */
function choose(candidates: u32, selector: u32): usize {
  let candidate = CANDIDATES + usize(candidates & 0xffff) * CANDIDATE_BYTES;
  const end = candidate + usize((candidates >> 16) & 0x7fff) * CANDIDATE_BYTES;
  for (; candidate < end; candidate += CANDIDATE_BYTES) {
    if ((selector & load<u16>(candidate)) == load<u16>(candidate, 2)) return ROWS + usize(load<u16>(candidate, 4)) * ROW_BYTES;
  }
  return 0;
}

function operands(row: usize, modrm: u32, opcode: u32, lock: bool): u32 {
  const flags = u32(load<u8>(row, 6));
  const inModrm = (flags & RF_MODRM) != 0;
  const registerForm = u32(load<u16>(row));
  const memoryForm = u32(load<u16>(row, 2));
  const isMem = inModrm ? modrm < 0xc0 : registerForm == NONE;
  if (lock) form = isMem ? u32(load<u16>(row, 4)) : NONE;
  else form = isMem && memoryForm != NONE ? memoryForm : registerForm;
  base = -1;
  index = -1;
  scaleLog2 = 0;
  disp = 0;
  if (inModrm && modrm < 0xc0) memory(modrm, flags);
  if ((flags & RF_SEGMENT) == 0) segment = 0;
  immediates(load<u8>(row, 7), flags);
  return form == NONE ? RESULT_UNDEFINED : registers(modrm, opcode);
}

/** ModRM and SIB memory operand (SDM Vol. 2A 2.1.5, 2.2.1). */
function memory(modrm: u32, flags: u32): void {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (rm == 4) {
    const sib = byte();
    const number = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (number != 4) {
      index = i32(number);
      scaleLog2 = sib >> 6;
    }
    if ((sib & 7) == 5 && mod == 0) disp = dword();
    else base = i32((sib & 7) | ((rex & 1) << 3));
  } else if (rm == 5 && mod == 0) {
    base = RIP;
    disp = dword();
  } else base = i32(rm | ((rex & 1) << 3));
  if (mod == 1) disp = signedByte();
  else if (mod == 2) disp = dword();
  // pop with an rsp-based destination uses the value after the increment (SDM Vol. 2B POP).
  if ((flags & (RF_POPS | RF_POPS16)) != 0 && base == RSP) disp += (flags & RF_POPS16) != 0 ? 2 : 8;
}

function immediates(codes: u32, flags: u32): void {
  immLow = (flags & RF_ONE) != 0 ? 1 : 0;
  immHigh = 0;
  imm1 = 0;
  for (let isFirst = true; codes != 0; codes >>= 4) {
    const code = codes & 15;
    if (code == IMM_REL8) rel = signedByte();
    else if (code == IMM_REL32) rel = dword();
    else if (isFirst) {
      immediate(code, flags);
      isFirst = false;
    } else imm1 = byte();
  }
}

function immediate(code: u32, flags: u32): void {
  if (code == IMM_QWORD || (code == IMM_OFFSET && !address32)) {
    immLow = dword();
    immHigh = dword();
  } else if (code == IMM_BYTE) immLow = i32(byte());
  else if (code == IMM_WORD) immLow = i32(word());
  else immLow = dword();
  if ((flags & RF_SIGNED8) != 0) immLow = immLow << 24 >> 24;
  if ((flags & RF_WIDE) != 0) immHigh = immLow >> 31;
  else if ((flags & RF_CUT16) != 0) immLow &= 0xffff;
}

function registers(modrm: u32, opcode: u32): u32 {
  for (let i: u32 = 0; i < MAX_REGISTERS; i++) {
    const code = registerCode(form, i);
    if (code == 0) break;
    const source = code & RC_SOURCE;
    const isExtended = (code & RC_EXTENDED) != 0;
    let number: u32;
    if (source == RC_REG) number = ((modrm >> 3) & 7) | (isExtended ? (rex & 4) << 1 : 0);
    else if (source == RC_RM) number = (modrm & 7) | (isExtended ? (rex & 1) << 3 : 0);
    else if (source == RC_STACK) number = modrm & 7;
    else number = (opcode & 7) | ((rex & 1) << 3);
    // Without REX, numbers 4–7 of byte registers are ah ch dh bh, which the op record calls 16 + n.
    if ((code & RC_BYTE) != 0 && rex == 0 && number >= 4) number += 12;
    if (code >> RC_FILE_SHIFT == FILE_SREG && number > 5) return RESULT_UNDEFINED;
    if (i == 0) reg0 = number;
    else if (i == 1) reg1 = number;
    else reg2 = number;
  }
  return RESULT_OK;
}
