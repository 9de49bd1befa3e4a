import { parseOperands, type OperandSpec } from '../isa/operand-spec.js';
import type { Row } from '../isa/row.js';

/** Immediate field of an encoding. */
export type ImmToken = 'ib' | 'iw' | 'id' | 'io' | 'cb' | 'cd' | 'mo';
const IMM_TOKENS = new Set(['ib', 'iw', 'id', 'io', 'cb', 'cd', 'mo']);

export type Repeat = 'any' | 'none' | 'F2' | 'F3';

/** An encoding string (isa/row.ts), parsed. */
export interface Encoding {
  readonly row: Row;
  readonly rowNumber: number;
  readonly operands: readonly OperandSpec[];
  /** 0 one byte, 1 0F, 2 0F 38, 3 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** Register in the low 3 bits of the opcode byte. */
  readonly opcodeReg: boolean;
  /** 66 prefix: required, forbidden, or ignored. */
  readonly p66: 'yes' | 'no' | 'any';
  readonly repeat: Repeat;
  readonly rexW: 'yes' | 'no' | 'any';
  readonly address32: 'yes' | 'no' | 'any';
  readonly modrm: boolean;
  /** /digit, or -1. */
  readonly digit: number;
  /** ModRM byte is fixed (0F 01 F9), or -1; with `+i` the low 3 bits are free. */
  readonly fixedModrm: number;
  readonly fixedMask: number;
  readonly allowReg: boolean;
  readonly allowMem: boolean;
  readonly imms: readonly ImmToken[];
  /** Number of constraints: the most specific matching row wins. */
  readonly weight: number;
}

interface Draft {
  map: number;
  bytes: number[];
  opcodeReg: boolean;
  stackReg: boolean;
  p66: Encoding['p66'];
  repeat: Repeat;
  rexW: Encoding['rexW'];
  address32: Encoding['address32'];
  digit: number;
  slash: boolean;
  imms: ImmToken[];
}

const PREFIX: Record<string, (d: Draft) => void> = {
  NP: (d) => { d.p66 = 'no'; d.repeat = 'none'; },
  o16: (d) => { d.p66 = 'yes'; d.rexW = 'no'; },
  o32: (d) => { d.p66 = 'no'; d.rexW = 'no'; },
  'REX.W': (d) => { d.rexW = 'yes'; },
  W0: (d) => { d.rexW = 'no'; },
  o64: (d) => { d.p66 = 'no'; },
  f64: () => {},
  REP: (d) => { d.repeat = 'F3'; },
  REPE: (d) => { d.repeat = 'F3'; },
  REPNE: (d) => { d.repeat = 'F2'; },
  NOREP: (d) => { d.repeat = 'none'; },
  a32: (d) => { d.address32 = 'yes'; },
  a64: (d) => { d.address32 = 'no'; },
};

function mandatory(d: Draft, token: string): boolean {
  if (d.bytes.length > 0) return false;
  if (token === '66') { d.p66 = 'yes'; if (d.repeat === 'any') d.repeat = 'none'; }
  else if (token === 'F2' || token === 'F3') d.repeat = token;
  else return false;
  return true;
}

function takeToken(d: Draft, token: string, encoding: string): void {
  const prefix = PREFIX[token];
  if (prefix) return prefix(d);
  if (mandatory(d, token)) return;
  if (token === '/r') { d.slash = true; return; }
  if (/^\/[0-7]$/.test(token)) { d.slash = true; d.digit = Number(token[1]); return; }
  if (IMM_TOKENS.has(token)) { d.imms.push(token as ImmToken); return; }
  const match = /^([0-9A-F]{2})(\+[ri])?$/.exec(token);
  if (!match) throw new Error(`encoding ${encoding}: unknown token ${token}`);
  d.bytes.push(Number.parseInt(match[1]!, 16));
  if (match[2] === '+r') d.opcodeReg = true;
  if (match[2] === '+i') d.stackReg = true;
}

/** Splits escape bytes off: [map, opcode, byte after the opcode or -1]. */
function splitOpcode(bytes: readonly number[]): [number, number, number] {
  const [first = 0, second = 0, third = 0] = bytes;
  if (first !== 0x0f) return [0, first, bytes[1] ?? -1];
  if (second === 0x38 && bytes.length > 2) return [2, third, bytes[3] ?? -1];
  if (second === 0x3a && bytes.length > 2) return [3, third, bytes[3] ?? -1];
  return [1, second, bytes[2] ?? -1];
}

export function parseEncoding(row: Row, rowNumber: number): Encoding {
  const d: Draft = { map: 0, bytes: [], opcodeReg: false, stackReg: false, p66: 'any', repeat: 'any', rexW: 'any', address32: 'any', digit: -1, slash: false, imms: [] };
  for (const token of row.enc.split(' ')) takeToken(d, token, row.enc);
  // A mandatory F2/F3 prefix goes with any operand size unless the row says so; 66 as operand size does not exclude REX.W.
  const [map, opcode, after] = splitOpcode(d.bytes);
  const operands = parseOperands(row);
  const rm = operands.find((o) => o.source === 'rm');
  const modrm = d.slash || after >= 0;
  const fixed = after >= 0;
  const constraints = [d.p66 !== 'any', d.repeat !== 'any', d.rexW !== 'any', d.address32 !== 'any', d.digit >= 0, fixed, fixed && !d.stackReg];
  return {
    row, rowNumber, operands, map, opcode, opcodeReg: d.opcodeReg, p66: d.p66, repeat: d.repeat, rexW: d.rexW, address32: d.address32,
    modrm, digit: d.digit, fixedModrm: after, fixedMask: d.stackReg ? 0xf8 : 0xff,
    allowReg: rm ? rm.allowReg : true, allowMem: rm ? rm.allowMem : !fixed, imms: d.imms,
    // A register in the opcode is the weakest match: 90 is nop before it is xchg.
    weight: constraints.filter(Boolean).length - (d.opcodeReg ? 10 : 0),
  };
}
