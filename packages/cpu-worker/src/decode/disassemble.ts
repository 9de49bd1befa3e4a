import type { OperandSpec } from '../isa/operand-spec.js';
import type { FormedInstruction } from './decoder.js';
import { DecodeResult } from './instruction.js';

/** What the text of an instruction is made of. */
export type Formattable = Readonly<Pick<FormedInstruction, 'form' | 'lenBytes' | 'base' | 'index' | 'scaleLog2' | 'disp' | 'segment' | 'address32' | 'immLow' | 'immHigh' | 'imm1' | 'rel' | 'isMem'>> & { readonly regs: ArrayLike<number> };

const GPR64 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const LOW8 = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH8 = ['ah', 'ch', 'dh', 'bh'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const WIDTH: Record<number, string> = { 8: 'byte', 16: 'word', 32: 'dword', 48: 'fword', 64: 'qword', 80: 'tbyte', 128: 'xmmword' };

export function gprName(number: number, sizeBits: number): string {
  if (number >= 16 && sizeBits === 8) return HIGH8[number - 16]!;
  if (number >= 8) return `r${number}${{ 8: 'b', 16: 'w', 32: 'd' }[sizeBits] ?? ''}`;
  if (sizeBits === 8) return LOW8[number]!;
  const name = GPR64[number]!;
  return sizeBits === 64 ? name : sizeBits === 32 ? `e${name.slice(1)}` : name.slice(1);
}

function hex(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function memoryText(insn: Formattable, spec: OperandSpec, rip: number): string {
  const size = spec.memBits;
  const width = WIDTH[size] ? `${WIDTH[size]} ptr ` : '';
  const segment = insn.segment === 1 ? 'fs:' : insn.segment === 2 ? 'gs:' : '';
  if (insn.base === 16) return `${width}${segment}[${hex(rip + insn.lenBytes + insn.disp)}]`;
  const addressBits = insn.address32 ? 32 : 64;
  const parts: string[] = [];
  if (insn.base >= 0) parts.push(gprName(insn.base, addressBits));
  if (insn.index >= 0) parts.push(`${gprName(insn.index, addressBits)}*${1 << insn.scaleLog2}`);
  if (spec.source === 'moffs') parts.push(hex((BigInt(insn.immHigh >>> 0) << 32n) | BigInt(insn.immLow >>> 0)));
  else if (parts.length === 0) parts.push(hex(insn.disp >>> 0));
  else if (insn.disp !== 0) return `${width}${segment}[${parts.join('+')}${insn.disp < 0 ? '-' : '+'}${hex(Math.abs(insn.disp))}]`;
  return `${width}${segment}[${parts.join('+')}]`;
}

function registerText(spec: OperandSpec, number: number): string {
  switch (spec.file) {
    case 'gpr': return gprName(number, spec.sizeBits);
    case 'st': return `st(${number})`;
    case 'sreg': return SEGMENTS[number] ?? `sreg${number}`;
    default: return `${spec.file}${number}`;
  }
}

function immediateText(insn: Formattable, spec: OperandSpec, first: boolean): string {
  if (!first) return hex(insn.imm1);
  if (spec.sizeBits === 64) return hex((BigInt(insn.immHigh >>> 0) << 32n) | BigInt(insn.immLow >>> 0));
  return hex(insn.immLow >>> 0);
}

/** Intel-syntax text of a decoded instruction. */
export function formatInstruction(insn: Formattable, result: number, rip: number): string {
  if (result !== DecodeResult.OK || !insn.form) return '(bad)';
  let register = 0;
  let imms = 0;
  const operands = insn.form.operands.map((spec) => {
    if (spec.source === 'rel') return hex(rip + insn.lenBytes + insn.rel);
    if (spec.source === 'imm') return immediateText(insn, spec, imms++ === 0);
    if (spec.source === 'one') return '1';
    if (spec.source === 'fixed') return registerText(spec, spec.fixed);
    if (insn.isMem && spec.allowMem) return memoryText(insn, spec, rip);
    return registerText(spec, insn.regs[register++]!);
  });
  const { enc, mnemonic } = insn.form.row;
  const repeat = /^REPE?\b/.test(enc) ? 'rep ' : enc.startsWith('REPNE') ? 'repne ' : '';
  const lock = insn.form.locked && !insn.form.row.alwaysLocked ? 'lock ' : '';
  return `${lock}${repeat}${mnemonic}${operands.length > 0 ? ' ' : ''}${operands.join(', ')}`;
}
