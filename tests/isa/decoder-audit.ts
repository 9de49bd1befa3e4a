/**
 * Our decoder against iced-x86: length and mnemonic of the encodings that the generator makes, and
 * of random bytes.
 */
import { Decoder } from '@troupe/cpu-worker/decode/decoder.js';
import { formatInstruction } from '@troupe/cpu-worker/decode/disassemble.js';
import { DecodeResult } from '@troupe/cpu-worker/decode/instruction.js';
import type { Row } from '@troupe/cpu-worker/isa/row.js';
import { CaseIn } from '../support/oracle/layout.js';
import { icedDecode, type IcedInstruction } from './disassembly.js';
import type { Generator } from './gen/generator.js';
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

/** iced texts that are the same instruction as ours under another name. */
const OTHER_NAMES: readonly (readonly [ours: RegExp, iced: RegExp])[] = [
  [/^sal$/, /^shl /],
  [/^xlatb$/, /^xlat /],
  [/^prefetchw$/, /^prefetch/],
  [/^nop$/, /^(prefetchit[01]|cldemote|rdssp[dq]|endbr32|xchg [er]?ax,[er]?ax)\b/],
  [/^insd$/, /insw /],
  [/^outsd$/, /outsw /],
  [/^wbinvd$/, /^wbnoinvd/],
  // iced takes F3 90 for pause even with REX.B, which processors execute as xchg.
  [/^xchg$/, /^pause$/],
];

/** What no row implements although the mnemonic occurs: far transfers, control registers, fs and gs on the stack, register forms of prefetch hints. */
const NOT_IMPLEMENTED = /\b(far|[cd]r\d+)\b|^(data16 )?(push|pop) [fg]s$|^nop /;

/** Encodings that iced rejects and we decode, to raise #UD when executed: mov to cs. */
const RAISES_UNDEFINED = /^mov \(8E/;

function sameInstruction(row: Row, icedText: string): boolean {
  return icedMnemonic(icedText) === row.mnemonic || OTHER_NAMES.some(([ours, iced]) => ours.test(row.mnemonic) && iced.test(icedText));
}

/** Operands that one side leaves out or writes in another size: implicit string and x87 operands, hints, 16-bit push, pop to the stack, in and out, segments of ud0 and ud1. */
const TEXT_DIFFERS = /^(ud[01]|push|pop|in|out|f\w+|(movs|stos|lods|cmps|scas|ins|outs)[bwdq]|xlatb|sal|nop|prefetch\w*|loop\w*|j[er]cxz|maskmov\w+)$/;

/** iced prints only the low half of some 64-bit numbers. */
function low32(value: bigint): string {
  return BigInt.asUintN(32, value).toString();
}

/** Both notations without sizes, blanks and prefixes, numbers in one form. */
function plainText(text: string): string {
  return text
    .toLowerCase()
    .replace(PREFIX_WORDS, '')
    .replace(/\*1\b/g, '')
    .replace(/\b(short|\w+ ptr) /g, '')
    .replace(/(\[-)?\b(?:0x([0-9a-f]+)|([0-9][0-9a-f]*)h|(\d))\b/g, (_, negative: string | undefined, c: string | undefined, masm: string | undefined, digit: string | undefined) => {
      const value = BigInt(`0x${c ?? masm ?? digit}`);
      return negative ? `[${low32(-value)}` : low32(value);
    })
    .replace(/,\s*/g, ',')
    .replace(/^(pcmpestr[im])64 /, '$1 ');
}

function textsAgree(ours: Decoded, iced: IcedInstruction): boolean {
  return !ours.row || TEXT_DIFFERS.test(ours.row.mnemonic) || icedMnemonic(iced.text) !== ours.row.mnemonic || plainText(ours.text.replace(/^(p?blendv.*), xmm0$/, '$1')) === plainText(iced.text);
}

interface Decoded {
  readonly row: Row | undefined;
  readonly length: number;
  readonly text: string;
}

const decoder = new Decoder();

function decode(bytes: Uint8Array, ip: number): Decoded {
  const result = decoder.decode(bytes, 0, bytes.length);
  if (result !== DecodeResult.OK) return { row: undefined, length: 0, text: '(bad)' };
  return { row: decoder.insn.form!.row, length: decoder.insn.lenBytes, text: formatInstruction(decoder.insn, result, ip) };
}

function finding(bytes: Uint8Array, ours: Decoded, iced: { length: number; text: string }): AuditFinding {
  return {
    bytes: Buffer.from(bytes.subarray(0, Math.max(ours.length, iced.length, 1))).toString('hex'),
    ours: ours.row ? `${ours.text} (${ours.row.enc}), ${ours.length} bytes` : '(bad)',
    iced: `${iced.text}, ${iced.length} bytes`,
  };
}

/** Both decode the same instruction, or neither decodes one. */
function isAgreed(ours: Decoded, iced: IcedInstruction): boolean {
  if (!ours.row) return iced.length === 0;
  if (iced.length === 0) return RAISES_UNDEFINED.test(`${ours.row.mnemonic} (${ours.row.enc}`);
  return iced.length === ours.length && sameInstruction(ours.row, iced.text);
}

/** Each generated encoding must decode to its row, with iced's length, mnemonic and operands. */
export function auditRow(generator: Generator, t: Template, cases: number): AuditFinding[] {
  const batch = generator.batch(t, 0, cases);
  const findings: AuditFinding[] = [];
  for (let i = 0; i < cases; i++) {
    const at = batch.at(i);
    const start = at + CaseIn.off.code;
    const bytes = batch.bytes.subarray(start, start + batch.view.getUint32(at + CaseIn.off.codeSize, true));
    const ip = batch.view.getUint32(at + CaseIn.off.codeAddr, true);
    const ours = decode(bytes, ip);
    const iced = icedDecode(bytes, ip);
    const bothInvalid = ours.length === 0 && iced.length === 0;
    // The hint rows of 0F 18 include encodings that more specific rows name.
    const isRow = ours.row === t.row || t.row.mnemonic === 'nop';
    const agree = isRow && ours.length === bytes.length && isAgreed(ours, iced) && textsAgree(ours, iced);
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
    const ours = decode(bytes, IP);
    const iced = icedDecode(bytes, IP);
    if (!isAgreed(ours, iced) && (ours.row || (implemented.has(icedMnemonic(iced.text)) && !NOT_IMPLEMENTED.test(iced.text)))) findings.push(finding(bytes, ours, iced));
  }
  return findings;
}
