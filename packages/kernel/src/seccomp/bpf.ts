/**
 * Classic BPF programs of seccomp filters: validation as Linux does it (net/core/filter.c
 * bpf_check_classic, kernel/seccomp.c seccomp_check_filter), and the interpreter.
 */
import { BPF_MAXINSNS, BPF_MEMWORDS, Errno, SECCOMP_DATA_BYTES } from '@troupe/abi';

/** struct sock_filter. */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  /** Unsigned. */
  readonly k: number;
}

export const SOCK_FILTER_BYTES = 8;

const Class = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7 } as const;
const Alu = { ADD: 0, SUB: 0x10, MUL: 0x20, DIV: 0x30, OR: 0x40, AND: 0x50, LSH: 0x60, RSH: 0x70, NEG: 0x80, XOR: 0xa0 } as const;
const Jump = { JA: 0, JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40 } as const;
/** Source operand X instead of k. */
const X = 8;
const LD_ABS = 0x20;
const LD_LEN = 0x80;
const LDX_LEN = 0x81;
const LD_MEM = 0x60;
const LDX_MEM = 0x61;
const RET_A = 0x16;
const TXA = 0x80;

const binary = (operation: number): number[] => [Class.ALU | operation, Class.ALU | operation | X];
const ALLOWED = new Set<number>([
  LD_ABS, LD_LEN, LDX_LEN, 0x00, 0x01, LD_MEM, LDX_MEM, Class.ST, Class.STX, Class.RET, RET_A, Class.ALU | Alu.NEG, Class.MISC, Class.MISC | TXA, Class.JMP | Jump.JA,
  ...[Alu.ADD, Alu.SUB, Alu.MUL, Alu.DIV, Alu.AND, Alu.OR, Alu.XOR, Alu.LSH, Alu.RSH].flatMap(binary),
  ...[Jump.JEQ, Jump.JGT, Jump.JGE, Jump.JSET].flatMap((operation) => [Class.JMP | operation, Class.JMP | operation | X]),
]);

export function decodeProgram(bytes: Uint8Array): BpfInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / SOCK_FILTER_BYTES }, (_, n) => ({
    code: view.getUint16(n * 8, true), jt: bytes[n * 8 + 2]!, jf: bytes[n * 8 + 3]!, k: view.getUint32(n * 8 + 4, true),
  }));
}

export function encodeProgram(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * SOCK_FILTER_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, n) => {
    view.setUint16(n * 8, code, true);
    bytes[n * 8 + 2] = jt;
    bytes[n * 8 + 3] = jf;
    view.setUint32(n * 8 + 4, k, true);
  });
  return bytes;
}

/** 0, or -EINVAL. */
export function checkProgram(program: readonly BpfInstruction[]): number {
  if (program.length === 0 || program.length > BPF_MAXINSNS) return -Errno.EINVAL;
  const isValid = program.every((insn, pc) => isAllowed(insn, program.length - pc - 1)) && (program.at(-1)!.code & 7) === Class.RET && readsOnlyStored(program);
  return isValid ? 0 : -Errno.EINVAL;
}

/** `after`: instructions that follow. */
function isAllowed({ code, jt, jf, k }: BpfInstruction, after: number): boolean {
  if (!ALLOWED.has(code)) return false;
  switch (code & 7) {
    case Class.LD:
      return code === LD_ABS ? k < SECCOMP_DATA_BYTES && k % 4 === 0 : code !== LD_MEM || k < BPF_MEMWORDS;
    case Class.LDX:
      return code !== LDX_MEM || k < BPF_MEMWORDS;
    case Class.ST:
    case Class.STX:
      return k < BPF_MEMWORDS;
    case Class.ALU:
      return isAllowedAlu(code, k);
    case Class.JMP:
      return code === Class.JMP ? k < after : jt < after && jf < after;
    default:
      return true;
  }
}

function isAllowedAlu(code: number, k: number): boolean {
  const operation = code & 0xf0;
  if ((code & X) !== 0) return true;
  if (operation === Alu.DIV) return k !== 0;
  return (operation !== Alu.LSH && operation !== Alu.RSH) || k < 32;
}

/** No word of the scratch memory is read on a path that has not stored it (check_load_and_stores). */
function readsOnlyStored(program: readonly BpfInstruction[]): boolean {
  const atEntry = new Uint16Array(program.length).fill(0xffff);
  let stored = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    stored &= atEntry[pc]!;
    if (code === Class.ST || code === Class.STX) stored |= 1 << k;
    else if (code === LD_MEM || code === LDX_MEM) {
      if ((stored & (1 << k)) === 0) return false;
    } else if ((code & 7) === Class.JMP) {
      for (const offset of code === Class.JMP ? [k] : [jt, jf]) atEntry[pc + 1 + offset]! &= stored;
      stored = 0xffff;
    }
  }
  return true;
}

function compute(operation: number, a: number, b: number): number {
  switch (operation) {
    case Alu.ADD: return (a + b) >>> 0;
    case Alu.SUB: return (a - b) >>> 0;
    case Alu.MUL: return Math.imul(a, b) >>> 0;
    case Alu.DIV: return Math.floor(a / b);
    case Alu.AND: return (a & b) >>> 0;
    case Alu.OR: return (a | b) >>> 0;
    case Alu.XOR: return (a ^ b) >>> 0;
    case Alu.LSH: return (a << (b & 31)) >>> 0;
    default: return a >>> (b & 31);
  }
}

function holds(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case Jump.JEQ: return a === b;
    case Jump.JGT: return a > b;
    case Jump.JGE: return a >= b;
    default: return (a & b) !== 0;
  }
}

/** What the program returns for the struct seccomp_data in `data`, as a signed number. Preconditions: checkProgram gave 0. */
export function runProgram(program: readonly BpfInstruction[], data: DataView): number {
  const memory = new Uint32Array(BPF_MEMWORDS);
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    switch (code & 7) {
      case Class.LD:
        a = code === LD_ABS ? data.getUint32(k, true) : code === LD_LEN ? SECCOMP_DATA_BYTES : code === LD_MEM ? memory[k]! : k;
        break;
      case Class.LDX:
        x = code === LDX_LEN ? SECCOMP_DATA_BYTES : code === LDX_MEM ? memory[k]! : k;
        break;
      case Class.ST:
        memory[k] = a;
        break;
      case Class.STX:
        memory[k] = x;
        break;
      case Class.ALU: {
        const b = (code & X) !== 0 ? x : k;
        // Division by a zero X ends the program with 0 (net/core/filter.c bpf_convert_filter).
        if ((code & 0xf0) === Alu.DIV && b === 0) return 0;
        a = (code & 0xf0) === Alu.NEG ? -a >>> 0 : compute(code & 0xf0, a, b);
        break;
      }
      case Class.JMP:
        if (code === Class.JMP) pc += k;
        else pc += holds(code & 0xf0, a, (code & X) !== 0 ? x : k) ? jt : jf;
        break;
      case Class.RET:
        return (code === RET_A ? a : k) | 0;
      default:
        if (code === (Class.MISC | TXA)) a = x;
        else x = a;
    }
  }
}
