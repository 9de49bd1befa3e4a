import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { Addressing } from '../interp/forms.js';
import { Special } from '../interp/forms.js';
import { registerOffset } from '../interp/interp-operand.js';
import { OP } from '../interp/op-record.js';
import { planOf, type FormPlan } from './form-plan.js';
import type { Instruction } from './instruction.js';

/** Writes op records (interp/op-record.ts). */

const SEGMENT_OFFSET = [TCB.off.zero, TCB.off.fsBase, TCB.off.gsBase];

function baseOffset(number: number): number {
  if (number < 0) return TCB.off.zero;
  return number === 16 ? TCB.off.pcBase : TCB.off.gpr + number * 8;
}

export class OpWriter {
  constructor(readonly shared: SharedMemory) {}

  /** `pageOffset`: of the instruction in its page. */
  write(op: number, insn: Instruction, pageOffset: number): void {
    const { u16, u32 } = this.shared;
    const form = insn.form!;
    u16[(op + OP.place) >>> 1] = pageOffset | (insn.lenBytes << 12);
    u32[(op + OP.link) >>> 2] = 0;
    // Implicit memory operands (string instructions) have a segment, too.
    u16[(op + OP.segment) >>> 1] = SEGMENT_OFFSET[insn.segment]!;
    const plan = planOf(form);
    this.#immediate(op, insn, plan, pageOffset);
    this.#registers(op, insn, plan);
    // For implicit memory operands; `#memory` may fold it into the address.
    u16[(op + OP.segment) >>> 1] = SEGMENT_OFFSET[insn.segment]!;
    // Implicit memory operands (string instructions) have a segment as well.
    u16[(op + OP.segment) >>> 1] = SEGMENT_OFFSET[insn.segment]!;
    const addressing = form.mem ? this.#memory(op, insn, plan, pageOffset) : 'none';
    u16[(op + OP.handler) >>> 1] = form.handlers[addressing]!;
  }

  #registers(op: number, insn: Instruction, { registers }: FormPlan): void {
    for (let i = 0; i < registers.length; i++) this.shared.u16[(op + OP.reg[i]!) >>> 1] = registerOffset(registers[i]!.file, insn.regs[i]!);
  }

  #immediate(op: number, insn: Instruction, plan: FormPlan, pageOffset: number): void {
    const { u32 } = this.shared;
    const at = (op + OP.imm) >>> 2;
    if (plan.isRelative) {
      const target = pageOffset + insn.lenBytes + insn.rel;
      u32[at] = target >>> 0;
      u32[at + 1] = target < 0 ? 0xffffffff : 0;
      return;
    }
    u32[at] = insn.immLow >>> 0;
    u32[at + 1] = (insn.imm1 !== 0 ? insn.imm1 : insn.immHigh) >>> 0;
  }

  #memory(op: number, insn: Instruction, { isMoffs }: FormPlan, pageOffset: number): Addressing {
    const { u8, u16, u32 } = this.shared;
    let { base, index, disp } = insn;
    let scale = insn.scaleLog2;
    if (base === 16) disp += pageOffset + insn.lenBytes;
    let baseAt = baseOffset(base);
    let indexAt = baseOffset(index);
    let segmentAt = SEGMENT_OFFSET[insn.segment]!;
    let general = insn.address32 || isMoffs;
    if (!general && insn.segment !== 0) {
      // A segment base takes the place of an absent index or base.
      if (index < 0) { indexAt = segmentAt; scale = 0; segmentAt = TCB.off.zero; index = 0; }
      else if (base < 0) { baseAt = segmentAt; segmentAt = TCB.off.zero; base = 0; }
      else general = true;
      if (!general && base < 0) { baseAt = indexAt; indexAt = TCB.off.zero; index = -1; }
    }
    u16[(op + OP.base) >>> 1] = baseAt;
    u16[(op + OP.index) >>> 1] = indexAt;
    u8[op + OP.scale] = scale;
    u8[op + OP.wrap32] = insn.address32 ? 1 : 0;
    u16[(op + OP.segment) >>> 1] = segmentAt;
    // disp32 of moffs-free operands; a sum that leaves 32 bits cannot occur: |disp| < 2^31 and the page offset is added only for rip.
    u32[(op + OP.disp) >>> 2] = disp >>> 0;
    const wanted: Addressing = general ? 'general' : indexAt === TCB.off.zero ? 'base' : 'index';
    const { handlers } = insn.form!;
    return handlers[wanted] === undefined ? 'general' : wanted;
  }

  writeChain(op: number, targetOffset: number, link: number): void {
    const { u16, u32 } = this.shared;
    u16[(op + OP.handler) >>> 1] = Special.CHAIN;
    u16[(op + OP.place) >>> 1] = targetOffset & 0xfff;
    u32[(op + OP.link) >>> 2] = link;
    u32[(op + OP.imm) >>> 2] = targetOffset >>> 0;
    u32[(op + OP.imm + 4) >>> 2] = 0;
  }

  writeGuard(op: number, pageOffset: number, nextPage: number, generation: number): void {
    const { u16, u32 } = this.shared;
    u16[(op + OP.handler) >>> 1] = Special.GUARD;
    u16[(op + OP.place) >>> 1] = pageOffset;
    u32[(op + OP.imm) >>> 2] = nextPage;
    u32[(op + OP.imm1) >>> 2] = generation;
  }
}
