import type { Access } from './operand.js';
import type { Row } from './row.js';

/** Register files an operand may name. */
export type RegisterFile = 'gpr' | 'xmm' | 'mm' | 'st' | 'sreg';

/** Where the decoder finds the operand. */
export type OperandSource = 'reg' | 'rm' | 'opcode' | 'fixed' | 'imm' | 'rel' | 'moffs' | 'one';

/** An operand of a row, parsed from its text (isa/row.ts lists the kinds). */
export interface OperandSpec {
  readonly text: string;
  readonly access: Access;
  readonly source: OperandSource;
  readonly file: RegisterFile;
  /** Register size in bits (or the size of the immediate). */
  readonly sizeBits: number;
  /** Size of the memory variant in bits. */
  readonly memBits: number;
  readonly allowReg: boolean;
  readonly allowMem: boolean;
  readonly aligned: boolean;
  /** Immediate is sign-extended from this many bits to `sizeBits`; 0 = zero-extended. */
  readonly signBits: number;
  /** Register number when source is `fixed`. */
  readonly fixed: number;
}

const FIXED_BASE = ['a', 'c', 'd', 'b', 'sp', 'bp', 'si', 'di'];

function fixedGpr(text: string): { fixed: number; sizeBits: number } | undefined {
  const match = /^(?:([acdb])l|(r|e)?([acdb]x|sp|bp|si|di))$/.exec(text);
  if (!match) return undefined;
  const base = match[1] ?? match[3]!.replace('x', '');
  const sizeBits = match[1] ? 8 : match[2] === 'r' ? 64 : match[2] === 'e' ? 32 : 16;
  return { fixed: FIXED_BASE.indexOf(base), sizeBits };
}

const BLANK: Omit<OperandSpec, 'text' | 'access' | 'source'> = { file: 'gpr', sizeBits: 0, memBits: 0, allowReg: false, allowMem: false, aligned: false, signBits: 0, fixed: 0 };

function parseKind(kind: string, row: Row): Omit<OperandSpec, 'text' | 'access'> {
  const number = Number(/\d+/.exec(kind)?.[0] ?? 0);
  const gpr = fixedGpr(kind);
  if (gpr) return { ...BLANK, source: 'fixed', ...gpr, allowReg: true };
  if (/^r\d+$/.test(kind)) return { ...BLANK, source: 'reg', sizeBits: number, allowReg: true };
  if (/^rm\d+$/.test(kind)) return { ...BLANK, source: 'rm', sizeBits: number, memBits: number, allowReg: true, allowMem: true };
  // A register with a narrower memory variant: r32/m8 (pextrb), r32/m16.
  const wideReg = /^r(\d+)\/m(\d+)$/.exec(kind);
  if (wideReg) return { ...BLANK, source: 'rm', sizeBits: Number(wideReg[1]), memBits: Number(wideReg[2]), allowReg: true, allowMem: true };
  if (/^rmr\d+$/.test(kind)) return { ...BLANK, source: 'rm', sizeBits: number, allowReg: true };
  if (/^o\d+$/.test(kind)) return { ...BLANK, source: 'opcode', sizeBits: number, allowReg: true };
  if (/^m\d*$/.test(kind)) return { ...BLANK, source: 'rm', sizeBits: number, memBits: number, allowMem: true };
  // Memory that must be aligned to 16 bytes: m128a (movdqa-like stores without a register variant, movntdq).
  if (/^m\d+a$/.test(kind)) return { ...BLANK, source: 'rm', sizeBits: number, memBits: number, allowMem: true, aligned: true };
  if (/^moffs\d+$/.test(kind)) return { ...BLANK, source: 'moffs', sizeBits: number, memBits: number, allowMem: true };
  if (/^rel\d+$/.test(kind)) return { ...BLANK, source: 'rel', sizeBits: 64 };
  if (/^imm\d+$/.test(kind)) return { ...BLANK, source: 'imm', sizeBits: number };
  if (/^imm\d+s$/.test(kind)) return { ...BLANK, source: 'imm', sizeBits: firstSize(row), signBits: number };
  if (kind === 'one') return { ...BLANK, source: 'one', sizeBits: 8 };
  if (kind === 'sreg') return { ...BLANK, source: 'reg', file: 'sreg', sizeBits: 16, allowReg: true };
  if (kind === 'st0') return { ...BLANK, source: 'fixed', file: 'st', sizeBits: 80, allowReg: true };
  if (kind === 'sti') return { ...BLANK, source: 'opcode', file: 'st', sizeBits: 80, allowReg: true };
  return parseVector(kind, number, row);
}

function parseVector(kind: string, number: number, row: Row): Omit<OperandSpec, 'text' | 'access'> {
  const match = /^(xmm|mm)(0|r)?(?:\/m(\d+)(u)?)?$/.exec(kind);
  if (!match) throw new Error(`row ${row.mnemonic}: unknown operand ${kind} (${number})`);
  const file = match[1] as 'xmm' | 'mm';
  const sizeBits = file === 'xmm' ? 128 : 64;
  const memBits = Number(match[3] ?? 0);
  if (match[2] === '0') return { ...BLANK, source: 'fixed', file, sizeBits, allowReg: true };
  const source = match[2] === 'r' || memBits > 0 ? 'rm' : 'reg';
  return { ...BLANK, source, file, sizeBits, memBits, allowReg: true, allowMem: memBits > 0, aligned: memBits === 128 && !match[4] };
}

function firstSize(row: Row): number {
  const first = row.ops.split(' ')[0]!.split(':')[1]!;
  if (/imm\d+s/.test(first)) return 64;
  return parseKind(first, row).sizeBits;
}

/** Operands of a row in order. */
export function parseOperands(row: Row): OperandSpec[] {
  if (row.ops === '') return [];
  return row.ops.split(' ').map((text) => {
    const [access, kind] = text.split(':');
    if (kind === undefined || !['r', 'w', 'rw', 'n'].includes(access!)) throw new Error(`row ${row.mnemonic}: bad operand ${text}`);
    return { text: kind, access: access as Access, ...parseKind(kind, row) };
  });
}
