/**
 * Our decoder against iced-x86: length and mnemonic of the encodings that the generator makes, and
 * of random bytes.
 */
import { Decoder } from '@troupe/cpu-worker/decode/decoder.js';
import { DecodeResult } from '@troupe/cpu-worker/decode/instruction.js';
import type { Row } from '@troupe/cpu-worker/isa/row.js';
import { CaseIn } from '../support/oracle/layout.js';
import { icedDecode } from './disassembly.js';
import { Generator } from './gen/generator.js';
import { Random } from './gen/random.js';
import type { Template } from './gen/template.js';

export interface AuditFinding {
  readonly bytes: string;
  readonly ours: string;
  readonly iced: string;
}

const IP = 0x2000_0000;
const MAX_INSTRUCTION_BYTES = 15;
const PREFIX_WORDS = /^(?:(?:lock|rep|repe|repne|xacquire|xrelease|notrack|bnd|hint-taken|hint-not-taken|data16|addr32|[c-g]s) )+/;

/** Mnemonic of an iced text, without prefixes; iced names the REX.W forms of pcmpestr apart. */
export function icedMnemonic(text: string): string {
  return text.replace(PREFIX_WORDS, '').split(' ')[0]!.replace(/^(pcmpestr[im])64$/, '$1');
}

interface Decoded {
  readonly row: Row | undefined;
  readonly length: number;
}

const decoder = new Decoder();

function decode(bytes: Uint8Array): Decoded {
  const ok = decoder.decode(bytes, 0, bytes.length) === DecodeResult.OK;
  return ok ? { row: decoder.insn.form!.row, length: decoder.insn.lenBytes } : { row: undefined, length: 0 };
}

function finding(bytes: Uint8Array, ours: Decoded, iced: { length: number; text: string }): AuditFinding {
  return {
    bytes: Buffer.from(bytes.subarray(0, Math.max(ours.length, iced.length, 1))).toString('hex'),
    ours: ours.row ? `${ours.row.mnemonic} (${ours.row.enc}), ${ours.length} bytes` : '(bad)',
    iced: `${iced.text}, ${iced.length} bytes`,
  };
}

/** Each generated encoding must decode to its row, with iced's length and mnemonic. */
export function auditRow(generator: Generator, t: Template, cases: number): AuditFinding[] {
  const batch = generator.batch(t, 0, cases);
  const findings: AuditFinding[] = [];
  for (let i = 0; i < cases; i++) {
    const at = batch.at(i);
    const start = at + CaseIn.off.code;
    const bytes = batch.bytes.subarray(start, start + batch.view.getUint32(at + CaseIn.off.codeSize, true));
    const ours = decode(bytes);
    const iced = icedDecode(bytes, batch.view.getUint32(at + CaseIn.off.codeAddr, true));
    const bothInvalid = ours.length === 0 && iced.length === 0;
    const agree = ours.row === t.row && ours.length === bytes.length && iced.length === ours.length && icedMnemonic(iced.text) === t.row.mnemonic;
    if (!agree && !bothInvalid) findings.push(finding(bytes, ours, iced));
  }
  return findings;
}

const LEADING = [0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x64, 0x2e, 0x48, 0x41, 0x4f, 0x40];

function randomCode(random: Random): Uint8Array {
  const bytes = new Uint8Array(MAX_INSTRUCTION_BYTES);
  let at = 0;
  while (at < 4 && random.percent(40)) bytes[at++] = random.pick(LEADING);
  if (random.percent(50)) {
    bytes[at++] = 0x0f;
    if (random.percent(30)) bytes[at++] = random.pick([0x38, 0x3a]);
  }
  while (at < bytes.length) bytes[at++] = random.u32() & 0xff;
  return bytes;
}

/**
 * Random bytes: what both decode must agree in length and mnemonic; what only iced decodes must be
 * an instruction that no row implements; what only we decode is an error.
 */
export function auditRandomBytes(seed: number, count: number, implemented: ReadonlySet<string>): AuditFinding[] {
  const random = new Random(seed);
  const findings: AuditFinding[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = randomCode(random);
    const ours = decode(bytes);
    const iced = icedDecode(bytes, IP);
    if (ours.row ? iced.length !== ours.length || icedMnemonic(iced.text) !== ours.row.mnemonic : iced.length > 0 && implemented.has(icedMnemonic(iced.text))) findings.push(finding(bytes, ours, iced));
  }
  return findings;
}
