/**
 * Random initial state of a case: general registers, flags, segment bases, x87 and SSE state.
 */
import { CaseIn, DATA_ADDR, Fx } from '../../support/oracle/layout.js';
import { type CaseWriter, RSP } from './case-writer.js';
import { dataAddress } from './target.js';
import type { Template } from './template.js';
import { putF80, putInt64, putValues, VALUE_KINDS, type ValueKind } from './values.js';

const FLAG_BITS = 0x8d5;
const MXCSR_DEFAULT = 0x1f80;
const FCW_DEFAULT = 0x37f;

export function usesX87(t: Template): boolean {
  const op = t.opcode[0]!;
  return (op >= 0xd8 && op <= 0xdf) || op === 0x9b || t.operands.some((o) => o.file === 'mm' || o.file === 'st') || /^(emms|fx|fnsave|frstor|xsave|xrstor)/.test(t.row.mnemonic);
}

/** The kind of values that the operands of a row hold, by mnemonic. */
export function valueKind(t: Template, w: CaseWriter): ValueKind {
  const { mnemonic } = t.row;
  if (w.random.percent(8)) return w.random.pick(VALUE_KINDS);
  if (/^f(i|b)/.test(mnemonic)) return 'int';
  if (mnemonic.startsWith('f')) return t.rm?.memBits === 32 ? 'f32' : t.rm?.memBits === 80 ? 'f80' : 'f64';
  const isFloat = t.operands.some((o) => o.file === 'xmm');
  if (isFloat && /^cvt(t?)(ps|ss)/.test(mnemonic)) return 'f32';
  if (isFloat && /^cvt(t?)(pd|sd)/.test(mnemonic)) return 'f64';
  if (isFloat && /(ps|ss)$/.test(mnemonic)) return 'f32';
  if (isFloat && /(pd|sd)$/.test(mnemonic)) return 'f64';
  if (isFloat || t.operands.some((o) => o.file === 'mm')) return w.random.pick(['byte', 'word', 'int', 'random', 'int'] as const);
  return 'int';
}

function mxcsr(w: CaseWriter): number {
  const { random } = w;
  if (random.percent(35)) return MXCSR_DEFAULT;
  let value = MXCSR_DEFAULT | (random.percent(40) ? random.u32() & 0x3f : random.percent(50) ? 0x20 : 0);
  if (random.percent(60)) value |= random.below(4) << 13;
  if (random.percent(15)) value |= 0x8000;
  if (random.percent(15)) value |= 0x40;
  if (random.percent(8)) value &= ~(0x80 << random.below(6));
  return value;
}

/** Control word, status word with a consistent summary bit, tags and stack registers. */
function writeX87(w: CaseWriter): void {
  const { view, random } = w;
  let fcw = FCW_DEFAULT;
  if (random.percent(50)) fcw = 0x7f | (random.pick([0, 2, 3, 3]) << 8) | (random.below(4) << 10);
  if (random.percent(6)) fcw &= ~(1 << random.below(6));
  let fsw = random.below(8) << 11;
  if (random.percent(50)) fsw |= random.u32() & 0x4700;
  if (random.percent(20)) fsw |= random.u32() & 0x7f & fcw;
  if (random.percent(1)) fsw |= random.u32() & 0x7f;
  if (fsw & ~fcw & 0x3f) fsw |= 0x8080;
  view.setUint16(w.fx('fcw'), fcw, true);
  view.setUint16(w.fx('fsw'), fsw, true);
  view.setUint8(w.fx('ftw'), random.percent(75) ? 0xff : random.u32() & 0xff);
  for (let i = 0; i < 8; i++) putF80(view, w.fx('st') + 16 * i, random);
}

function writeXmm(w: CaseWriter, kind: ValueKind): void {
  const { view, random } = w;
  const start = w.fx('xmm');
  putValues(view, start, 256, kind, random);
  if (random.percent(15)) {
    const from = start + 16 * random.below(16);
    for (let i = 0; i < 8; i++) w.batch.bytes.copyWithin(start + 16 * random.below(16), from, from + 16);
  }
}

export function writeState(w: CaseWriter, t: Template, kind: ValueKind): void {
  const { view, random, at } = w;
  for (let i = 0; i < 16; i++) putInt64(view, at + CaseIn.off.gpr + 8 * i, random);
  if (random.percent(10)) w.setGpr(random.below(16), w.gpr(random.below(16)));
  w.setGpr(RSP, BigInt(dataAddress(random, 16, 90)));
  w.rflags = random.u32() & FLAG_BITS;
  view.setBigUint64(at + CaseIn.off.fsBase, BigInt(random.percent(50) ? DATA_ADDR + random.below(4096) : 16 + random.below(65536)), true);
  view.setBigUint64(at + CaseIn.off.gsBase, BigInt(random.percent(50) ? DATA_ADDR + random.below(4096) : random.u32() & 0x3fff_ffff), true);
  view.setUint16(w.fx('fcw'), FCW_DEFAULT, true);
  view.setUint32(w.fx('mxcsr'), MXCSR_DEFAULT, true);
  view.setUint32(w.fx('mxcsrMask'), 0xffff, true);
  const xmm = t.operands.some((o) => o.file === 'xmm') || /mxcsr|^fx/.test(t.row.mnemonic);
  if (xmm || t.row.mnemonic.startsWith('cvt')) view.setUint32(w.fx('mxcsr'), mxcsr(w), true);
  if (xmm || random.percent(10)) writeXmm(w, kind);
  if (usesX87(t) || random.percent(3)) writeX87(w);
  if (t.operands.some((o) => o.file === 'mm')) for (let i = 0; i < 8; i++) putValues(view, at + CaseIn.off.fx + Fx.st + 16 * i, 8, kind, random);
}
