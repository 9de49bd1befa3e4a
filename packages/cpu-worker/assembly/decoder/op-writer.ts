/** Writes op records (src/interp/op-record.ts) of the instruction decoded last. */
import {
  FILE_GPR, FILE_MM, FILE_XMM, OP_BASE, OP_BYTES, OP_DISP, OP_HANDLER, OP_IMM, OP_IMM1, OP_INDEX, OP_LINK, OP_PLACE, OP_REG0, OP_REG1, OP_REG2, OP_SCALE, OP_SEGMENT, OP_WRAP32,
  RC_FILE_SHIFT, SPECIAL_CHAIN, SPECIAL_GUARD, TCB_FSBASE, TCB_GPR, TCB_GSBASE, TCB_PCBASE, TCB_ST, TCB_XMM, TCB_ZERO,
} from '../../dist/assembly/decode-tables';
import { address32, base, disp, form, imm1, immHigh, immLow, index, lenBytes, reg0, reg1, reg2, rel, RIP, scaleLog2, segment } from './decode';
import { handler, isMemory, isMoffs, isRelative, registerCode } from './forms';

const ADDRESSING_NONE: u32 = 0;
const ADDRESSING_BASE: u32 = 1;
const ADDRESSING_INDEX: u32 = 2;
const ADDRESSING_GENERAL: u32 = 3;

function segmentOffset(): u32 {
  return segment == 0 ? TCB_ZERO : segment == 1 ? TCB_FSBASE : TCB_GSBASE;
}

/** TCB offset of a base or index register; TCB.zero when absent, TCB.pcBase for rip. */
function addressRegister(number: i32): u32 {
  if (number < 0) return TCB_ZERO;
  return number == RIP ? TCB_PCBASE : TCB_GPR + (u32(number) << 3);
}

/** TCB offset of a register; ST(i), segment registers: the number itself. High bytes (ah …) are number 16 + n. */
function registerOffset(code: u32, number: u32): u32 {
  const file = code >> RC_FILE_SHIFT;
  if (file == FILE_GPR) return number >= 16 ? TCB_GPR + ((number - 16) << 3) + 1 : TCB_GPR + (number << 3);
  if (file == FILE_XMM) return TCB_XMM + (number << 4);
  return file == FILE_MM ? TCB_ST + (number << 4) : number;
}

/** `pageOffset`: of the instruction in its page. */
export function writeOp(op: usize, pageOffset: u32): void {
  memory.fill(op, 0, OP_BYTES);
  store<u16>(op + OP_PLACE, pageOffset | (lenBytes << 12));
  writeImmediate(op, pageOffset);
  writeRegisters(op);
  // Implicit memory operands (string instructions) have a segment, too.
  store<u16>(op + OP_SEGMENT, segmentOffset());
  const addressing = isMemory(form) ? writeMemory(op, pageOffset) : ADDRESSING_NONE;
  store<u16>(op + OP_HANDLER, handler(form, addressing));
}

function writeImmediate(op: usize, pageOffset: u32): void {
  if (isRelative(form)) store<i64>(op + OP_IMM, i64(pageOffset + lenBytes) + i64(rel));
  else {
    store<i32>(op + OP_IMM, immLow);
    store<i32>(op + OP_IMM + 4, imm1 != 0 ? i32(imm1) : immHigh);
  }
}

function writeRegisters(op: usize): void {
  const code0 = registerCode(form, 0);
  if (code0 == 0) return;
  store<u16>(op + OP_REG0, registerOffset(code0, reg0));
  const code1 = registerCode(form, 1);
  if (code1 == 0) return;
  store<u16>(op + OP_REG1, registerOffset(code1, reg1));
  const code2 = registerCode(form, 2);
  if (code2 != 0) store<u16>(op + OP_REG2, registerOffset(code2, reg2));
}

/** Writes the memory operand; its addressing. */
function writeMemory(op: usize, pageOffset: u32): u32 {
  let baseAt = addressRegister(base);
  let indexAt = addressRegister(index);
  let segmentAt = segmentOffset();
  let scale = scaleLog2;
  let isGeneral = address32 || isMoffs(form);
  if (!isGeneral && segment != 0) {
    // A segment base takes the place of an absent index or base.
    if (base < 0) {
      baseAt = segmentAt;
      segmentAt = TCB_ZERO;
    } else if (index < 0) {
      indexAt = segmentAt;
      scale = 0;
      segmentAt = TCB_ZERO;
    } else isGeneral = true;
  }
  store<u16>(op + OP_BASE, baseAt);
  store<u16>(op + OP_INDEX, indexAt);
  store<u8>(op + OP_SCALE, scale);
  store<u8>(op + OP_WRAP32, address32 ? 1 : 0);
  store<u16>(op + OP_SEGMENT, segmentAt);
  // Cannot leave 32 bits: the page offset is small and added to rip-relative ones only.
  store<i32>(op + OP_DISP, base == RIP ? disp + i32(pageOffset + lenBytes) : disp);
  return isGeneral ? ADDRESSING_GENERAL : indexAt == TCB_ZERO ? ADDRESSING_BASE : ADDRESSING_INDEX;
}

export function writeChain(op: usize, targetOffset: u32, link: u32): void {
  memory.fill(op, 0, OP_BYTES);
  store<u16>(op + OP_HANDLER, SPECIAL_CHAIN);
  store<u16>(op + OP_PLACE, targetOffset & 0xfff);
  store<u32>(op + OP_LINK, link);
  store<u32>(op + OP_IMM, targetOffset);
}

export function writeGuard(op: usize, pageOffset: u32, nextPage: usize, generation: u32): void {
  memory.fill(op, 0, OP_BYTES);
  store<u16>(op + OP_HANDLER, SPECIAL_GUARD);
  store<u16>(op + OP_PLACE, pageOffset);
  store<u32>(op + OP_IMM, u32(nextPage));
  store<u32>(op + OP_IMM1, generation);
}
