/**
 * Compares two CaseOut records (host CPU, emulator) as far as the row defines the result.
 */
import type { Row } from '@troupe/cpu-worker/isa/row.js';
import { CaseOut, Fx, INLINE_DIFF_BYTES } from '../support/oracle/layout.js';
import { type Difference, GPR_NAMES, type Outcome } from './outcome.js';
import { differencesOf, type VendorDifference } from './vendor-differences.js';

const FLAG_OF_LETTER: Record<string, number> = { o: 0x800, d: 0x400, s: 0x80, z: 0x40, a: 0x10, p: 4, c: 1 };
/** OF DF SF ZF AF PF CF, and NT AC ID, which popf can set. */
const COMPARED_FLAGS = 0x244cd5;
/** Write, user, fetch: PRESENT is the kernel's to know. */
const PF_ERROR_MASK = 0x16;
const GP = 13;
const PF = 14;
const PAGE_BYTES = 4096;

export interface CompareRule {
  readonly flagMask: number;
  readonly toleranceUlp: number;
  /** Memory written by the instruction holds host-specific words (FIP, FDP, FOP): compare its extent only. */
  readonly memoryExtentOnly: boolean;
  /** State images are accessed in an order of the host's own: the fault is in one of their pages. */
  readonly faultInImage: boolean;
  /** What this host's maker does otherwise in the row. */
  readonly vendorDifferences: readonly VendorDifference[];
}

/** `undefinedFlags`: 'ignored' as the row says, or 'compared' to learn what this host does. */
export function compareRule(row: Row, undefinedFlags: 'ignored' | 'compared' = 'ignored'): CompareRule {
  let flagMask = COMPARED_FLAGS;
  for (const letter of undefinedFlags === 'ignored' ? (row.flags?.undef ?? '') : '') flagMask &= ~FLAG_OF_LETTER[letter]!;
  return { flagMask, toleranceUlp: row.toleranceUlp ?? 0, memoryExtentOnly: /^(fnstenv|fnsave|fxsave)/.test(row.mnemonic), faultInImage: /^(fnstenv|fldenv|fnsave|frstor|fxsave|fxrstor)/.test(row.mnemonic), vendorDifferences: differencesOf(row) };
}

/** Programs leave AF as logic and shift instructions do: undefined. */
export const PROGRAM_RULE: CompareRule = { flagMask: COMPARED_FLAGS & ~FLAG_OF_LETTER['a']!, toleranceUlp: 0, memoryExtentOnly: false, faultInImage: false, vendorDifferences: [] };

const { off } = CaseOut;
const hex = (value: number | bigint): string => value.toString(16);

function bytesHex(view: DataView, at: number, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += view.getUint8(at + i).toString(16).padStart(2, '0');
  return text;
}

class Comparison {
  readonly differences: Difference[] = [];
  readonly a: DataView;
  readonly b: DataView;
  readonly at: number;

  constructor(readonly outcome: Outcome) {
    this.a = outcome.host;
    this.b = outcome.emulator;
    this.at = outcome.at;
  }

  #differ(field: string, host: bigint, emulator: bigint, text = `host ${hex(host)}, emulator ${hex(emulator)}`): void {
    this.differences.push({ field, host, emulator, text: `${field}: ${text}` });
  }

  u64(field: string, offset: number): void {
    const x = this.a.getBigUint64(this.at + offset, true);
    const y = this.b.getBigUint64(this.at + offset, true);
    if (x !== y) this.#differ(field, x, y);
  }

  near(field: string, offset: number, distance: number): void {
    const gap = Number(this.a.getBigUint64(this.at + offset, true) - this.b.getBigUint64(this.at + offset, true));
    if (Math.abs(gap) > distance) this.u64(field, offset);
  }

  u32(field: string, offset: number, mask = -1): void {
    const x = (this.a.getUint32(this.at + offset, true) & mask) >>> 0;
    const y = (this.b.getUint32(this.at + offset, true) & mask) >>> 0;
    if (x !== y) this.#differ(field, BigInt(x), BigInt(y), `host ${hex(x)}, emulator ${hex(y)} (xor ${hex((x ^ y) >>> 0)})`);
  }

  u16(field: string, offset: number): void {
    const x = this.a.getUint16(this.at + offset, true);
    const y = this.b.getUint16(this.at + offset, true);
    if (x !== y) this.#differ(field, BigInt(x), BigInt(y));
  }

  /** `count` bytes, multiple of 2; values and text are little endian. */
  bytes(field: string, offset: number, count: number): void {
    for (let i = 0; i < count; i += 2) {
      if (this.a.getUint16(this.at + offset + i, true) === this.b.getUint16(this.at + offset + i, true)) continue;
      const [host, emulator] = [bytesHex(this.a, this.at + offset, count), bytesHex(this.b, this.at + offset, count)];
      this.#differ(field, littleEndian(host), littleEndian(emulator), `host ${host}, emulator ${emulator}`);
      return;
    }
  }
}

function littleEndian(bytes: string): bigint {
  return BigInt(`0x${Buffer.from(bytes, 'hex').reverse().toString('hex')}`);
}

/** 80-bit values as sign-magnitude integers differ by at most `ulp`. */
function near(c: Comparison, offset: number, ulp: number): boolean {
  const value = (view: DataView, at: number): bigint => ((BigInt(view.getUint16(at + 8, true)) & 0x7fffn) << 63n) + (view.getBigUint64(at, true) & 0x7fff_ffff_ffff_ffffn);
  const sign = (view: DataView, at: number): number => view.getUint16(at + 8, true) >> 15;
  const distance = value(c.a, c.at + offset) - value(c.b, c.at + offset);
  return sign(c.a, c.at + offset) === sign(c.b, c.at + offset) && distance <= BigInt(ulp) && distance >= -BigInt(ulp);
}

function compareX87(c: Comparison, rule: CompareRule): void {
  const fx = off.fx;
  c.u16('fcw', fx + Fx.fcw);
  if (rule.toleranceUlp === 0) c.u16('fsw', fx + Fx.fsw);
  c.u16('ftw', fx + Fx.ftw);
  for (let i = 0; i < 8; i++) {
    const at = fx + Fx.st + 16 * i;
    if (rule.toleranceUlp === 0 || !near(c, at, rule.toleranceUlp)) c.bytes(`st${i}`, at, 10);
  }
}

function compareMemory(c: Comparison, rule: CompareRule): void {
  const before = c.differences.length;
  c.u32('first changed byte', off.diffStart);
  c.u32('end of changed bytes', off.diffEnd);
  if (rule.memoryExtentOnly || c.differences.length > before) return;
  const size = c.a.getUint32(c.at + off.diffEnd, true) - c.a.getUint32(c.at + off.diffStart, true);
  if (size <= INLINE_DIFF_BYTES) c.bytes('memory', off.diff, size + (size & 1));
  else c.u32('memory hash', off.diffHash);
}

/** Differences between the host's record and the emulator's that nothing explains; empty when they agree. */
export function compareCase(rule: CompareRule, outcome: Outcome): Difference[] {
  const all = allDifferences(rule, outcome);
  if (all.length === 0 || rule.vendorDifferences.length === 0) return all;
  return all.filter((difference) => !rule.vendorDifferences.some((known) => known.explains(difference, outcome)));
}

function allDifferences(rule: CompareRule, outcome: Outcome): Difference[] {
  const c = new Comparison(outcome);
  c.u32('vector', off.vector);
  const vector = outcome.hostVector;
  if (vector === PF) {
    c.u32('error code', off.error, PF_ERROR_MASK);
    if (rule.faultInImage) c.near('fault address', off.faultAddr, PAGE_BYTES);
    else c.u64('fault address', off.faultAddr);
  }
  if (vector === GP) c.u32('error code', off.error);
  c.u64('rip', off.rip);
  c.u32('rflags', off.rflags, rule.flagMask);
  for (let i = 0; i < 16; i++) c.u64(GPR_NAMES[i]!, off.gpr + 8 * i);
  c.u64('fsbase', off.fsBase);
  c.u64('gsbase', off.gsBase);
  c.u32('mxcsr', off.fx + Fx.mxcsr);
  for (let i = 0; i < 16; i++) c.bytes(`xmm${i}`, off.fx + Fx.xmm + 16 * i, 16);
  compareX87(c, rule);
  compareMemory(c, rule);
  return c.differences;
}
