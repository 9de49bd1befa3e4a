/**
 * What the generator must know to encode a row: read from the row's encoding and operand strings
 * (notation: packages/cpu-worker/src/isa/row.ts). Independent of the decoder's own reading of the
 * strings, so that a misreading there shows up as a mismatch.
 */
import type { Row } from '@troupe/cpu-worker/isa/row.js';

export type OperandRole = 'reg' | 'rm' | 'opcode' | 'imm' | 'rel' | 'moffs' | 'fixed';
export type RegisterFile = 'gpr' | 'xmm' | 'mm' | 'st' | 'sreg' | 'none';

export interface OperandSpec {
  readonly text: string;
  readonly access: string;
  readonly role: OperandRole;
  readonly file: RegisterFile;
  /** Size of the register or immediate; of the memory operand: `memBits`. */
  readonly sizeBits: number;
  readonly memBits: number;
  readonly aligned: boolean;
}

export interface Template {
  readonly row: Row;
  /** `mnemonic enc ops`: names the row in reports. */
  readonly name: string;
  /** Mandatory prefix; 0 = `NP`; -1 = not stated. */
  readonly mandatory: number;
  readonly size: 'any' | 'o16' | 'o32' | 'W1' | 'W0' | 'o64';
  /** F3, F2, 0 = none allowed, -1 = not stated. */
  readonly repeat: number;
  readonly addressBits: 0 | 32 | 64;
  readonly opcode: readonly number[];
  /** Register number in the low bits of the last opcode byte. */
  readonly opcodeReg: boolean;
  /** -1 = no ModRM, 8 = /r, 0–7 = /digit. */
  readonly modrm: number;
  /** Sizes in bytes of the immediates, in order. */
  readonly immBytes: readonly number[];
  readonly relBytes: number;
  readonly moffs: boolean;
  readonly operands: readonly OperandSpec[];
  readonly rm: OperandSpec | undefined;
  readonly rmRegister: boolean;
  readonly rmMemory: boolean;
  /** Condition codes whose flags the row defines: cases end in an instruction that reads one (suffix.ts). */
  readonly readBack?: readonly number[];
  /** Rows from which up to three more instructions are drawn (suffix.ts). */
  readonly chain?: readonly Template[];
}

const IMMEDIATE_BYTES: Record<string, number> = { ib: 1, iw: 2, id: 4, io: 8 };
const OFFSET_BYTES: Record<string, number> = { cb: 1, cd: 4 };
const REPEAT: Record<string, number> = { REP: 0xf3, REPE: 0xf3, REPNE: 0xf2, NOREP: 0 };
const SIZES: Record<string, Template['size']> = { o16: 'o16', o32: 'o32', o64: 'o64', f64: 'o64', 'REX.W': 'W1', W0: 'W0' };
/** Bytes accessed through `m` operands that have no size of their own. */
const UNSIZED_MEMORY_BITS: Record<string, number> = { fxsave: 4096, fxrstor: 4096, fxsave64: 4096, fxrstor64: 4096, fnsave: 864, frstor: 864, fnstenv: 224, fldenv: 224, xsave: 4608, xrstor: 4608 };

function operandSpec(text: string, mnemonic: string): OperandSpec {
  const [access = 'r', kind = ''] = text.includes(':') ? text.split(':') : ['r', text];
  const base = { text, access, aligned: false, memBits: 0, sizeBits: 0 };
  const sized = /^(rmr|rm|r|o)(8|16|32|64)$/.exec(kind);
  if (sized) {
    const bits = Number(sized[2]);
    const role = sized[1] === 'r' ? 'reg' : sized[1] === 'o' ? 'opcode' : 'rm';
    return { ...base, role, file: 'gpr', sizeBits: bits, memBits: sized[1] === 'rm' ? bits : 0 };
  }
  const vector = /^(xmm|mm)(r?)(?:\/m(\d+)(u?))?$/.exec(kind);
  if (vector) {
    const file = vector[1] as 'xmm' | 'mm';
    const memBits = Number(vector[3] ?? 0);
    const role = vector[2] === 'r' || memBits > 0 ? 'rm' : 'reg';
    return { ...base, role, file, sizeBits: file === 'xmm' ? 128 : 64, memBits, aligned: memBits === 128 && vector[4] !== 'u' };
  }
  const wide = /^(r(?:32|64))\/m(\d+)$/.exec(kind);
  if (wide) return { ...base, role: 'rm', file: 'gpr', sizeBits: Number(wide[1]!.slice(1)), memBits: Number(wide[2]) };
  const memory = /^m(\d*)(a|u)?$/.exec(kind);
  if (memory) {
    const bits = memory[1] === '' ? (UNSIZED_MEMORY_BITS[mnemonic] ?? 64) : Number(memory[1]);
    return { ...base, role: 'rm', file: 'none', sizeBits: bits, memBits: bits, aligned: memory[2] === 'a' };
  }
  const immediate = /^imm(\d+)s?$/.exec(kind);
  if (immediate) return { ...base, role: 'imm', file: 'none', sizeBits: Number(immediate[1]) };
  if (kind.startsWith('rel')) return { ...base, role: 'rel', file: 'none' };
  const moffs = /^moffs(\d+)$/.exec(kind);
  if (moffs) return { ...base, role: 'moffs', file: 'none', memBits: Number(moffs[1]) };
  if (kind === 'sti') return { ...base, role: 'opcode', file: 'st', sizeBits: 80 };
  if (kind === 'sreg') return { ...base, role: 'reg', file: 'sreg', sizeBits: 16 };
  return { ...base, role: 'fixed', file: kind === 'st0' ? 'st' : kind === 'xmm0' ? 'xmm' : 'gpr' };
}

interface Encoding {
  mandatory: number;
  size: Template['size'];
  repeat: number;
  addressBits: 0 | 32 | 64;
  opcode: number[];
  opcodeReg: boolean;
  modrm: number;
  immBytes: number[];
  relBytes: number;
  moffs: boolean;
}

function readToken(e: Encoding, token: string, more: boolean): void {
  if (e.opcode.length === 0 && more && /^(66|F2|F3)$/.test(token)) e.mandatory = parseInt(token, 16);
  else if (token === 'NP') e.mandatory = 0;
  else if (token in SIZES) e.size = SIZES[token]!;
  else if (token in REPEAT) e.repeat = REPEAT[token]!;
  else if (token === 'a32' || token === 'a64') e.addressBits = token === 'a32' ? 32 : 64;
  else if (token in IMMEDIATE_BYTES) e.immBytes.push(IMMEDIATE_BYTES[token]!);
  else if (token in OFFSET_BYTES) e.relBytes = OFFSET_BYTES[token]!;
  else if (token === 'mo') e.moffs = true;
  else if (token === '/r') e.modrm = 8;
  else if (/^\/[0-7]$/.test(token)) e.modrm = Number(token[1]);
  else if (/^[0-9A-F]{2}(\+[ri])?$/.test(token)) {
    e.opcode.push(parseInt(token.slice(0, 2), 16));
    e.opcodeReg ||= token.length > 2;
  } else throw new Error(`encoding token '${token}'`);
}

/** Reads a row; throws when its strings are not in the notation. */
export function templateOf(row: Row): Template {
  const e: Encoding = { mandatory: -1, size: 'any', repeat: -1, addressBits: 0, opcode: [], opcodeReg: false, modrm: -1, immBytes: [], relBytes: 0, moffs: false };
  const tokens = row.enc.trim().split(/\s+/);
  tokens.forEach((token, i) => readToken(e, token, i + 1 < tokens.length));
  const operands = row.ops.trim() === '' ? [] : row.ops.trim().split(/\s+/).map((text) => operandSpec(text, row.mnemonic));
  const rm = operands.find((o) => o.role === 'rm');
  return {
    row,
    name: `${row.mnemonic} | ${row.enc} | ${row.ops}`,
    ...e,
    operands,
    rm,
    rmRegister: rm ? rm.file !== 'none' : true,
    rmMemory: rm !== undefined && rm.memBits > 0,
  };
}
