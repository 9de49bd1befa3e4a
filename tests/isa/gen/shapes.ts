/**
 * State adjustments by mnemonic, so that most cases of an instruction do its work instead of
 * faulting: string pointers, stack contents, dividends, branch targets, shift counts.
 */
import { CaseIn, CODE_ADDR, CODE_PAGES, DATA_ADDR, DATA_BYTES, Fx, PATCH_BYTES } from '../../support/oracle/layout.js';
import { type CaseWriter, RSP } from './case-writer.js';
import { NO_REG } from './encoding.js';
import { targetAddress } from './target.js';
import type { OperandSpec, Template } from './template.js';
import { putValues, type ValueKind } from './values.js';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RBP = 5;
const RSI = 6;
const RDI = 7;
const DF = 0x400;

/** More than the 16 that are stored: no half-legal ranges, where the mask decides what faults. */
const MASKED_STORE_BYTES = 17;

interface Shape {
  readonly mnemonic: RegExp;
  /** Before memory operands are placed: registers. */
  readonly before?: (w: CaseWriter, t: Template) => void;
  /** After: memory contents. */
  readonly after?: (w: CaseWriter, t: Template) => void;
}

function operand(t: Template, role: OperandSpec['role']): OperandSpec | undefined {
  return t.operands.find((o) => o.role === role);
}

/** Register number of the operand with `role`, or NO_REG. */
function registerOf(w: CaseWriter, t: Template, role: 'reg' | 'rm' | 'opcode'): number {
  const spec = operand(t, role);
  if (!spec || spec.file !== 'gpr' || (role === 'rm' && w.e.isMemory)) return NO_REG;
  return role === 'reg' ? w.e.reg : role === 'rm' ? w.e.rm : w.e.opcodeReg;
}

function pointer(w: CaseWriter, reg: number, sizeBytes: number): void {
  w.setGpr(reg, targetAddress(w.random, sizeBytes, false, w.e.address32));
  if (w.e.address32 && w.random.percent(50)) w.view.setUint32(w.at + CaseIn.off.gpr + 8 * reg + 4, w.random.u32(), true);
}

function stringState(w: CaseWriter, t: Template): void {
  const { random } = w;
  const bytes = 8;
  pointer(w, RSI, bytes);
  pointer(w, RDI, bytes);
  if (random.percent(15)) w.setGpr(RDI, w.gpr(RSI) + BigInt(random.below(17) - 8));
  if (w.e.segment) w.setGpr(RSI, w.gpr(RSI) - w.segmentBase());
  const draw = random.below(100);
  const count = draw < 75 ? random.below(40) : draw < 85 ? random.below(1100) : draw < 95 ? 0 : random.u32();
  w.setGpr(RCX, BigInt(count));
  if (w.e.address32 && random.percent(50)) w.view.setUint32(w.at + CaseIn.off.gpr + 12, random.u32(), true);
  // Makers differ in upper halves without an iteration: no further instruction may read them.
  if (w.e.address32 && (t.readBack || t.chain)) for (const reg of [RCX, RSI, RDI]) w.setGpr(reg, BigInt.asUintN(32, w.gpr(reg)));
  if (random.percent(25)) w.rflags |= DF;
  if (random.percent(50)) w.setGprLow(RAX, random.pick([0, 0x11111111, 0xffffffff]));
}

/** Fills around a string pointer with a repeated byte, so that compares run on. */
function stringMemory(w: CaseWriter): void {
  const fill = w.random.pick([0, 0x11, 0xff]);
  for (const reg of [RSI, RDI]) {
    const at = w.patch(w.gpr(reg), PATCH_BYTES);
    if (at >= 0 && w.random.percent(70)) w.batch.bytes.fill(fill, at, at + PATCH_BYTES - w.random.below(PATCH_BYTES));
    else if (at >= 0) putValues(w.view, at, PATCH_BYTES, 'byte', w.random);
  }
}

function stack(w: CaseWriter): void {
  if (w.random.percent(15)) w.setGpr(RSP, targetAddress(w.random, 8, false, false) + BigInt(w.random.pick([0, 8])));
}

function hasPlainStack(w: CaseWriter): boolean {
  const offset = w.gpr(RSP) - BigInt(DATA_ADDR);
  return offset >= 8n && offset < BigInt(DATA_BYTES - 8);
}

function divide(w: CaseWriter, t: Template): void {
  const { random } = w;
  const signed = t.row.mnemonic === 'idiv';
  const high = signed && w.gpr(RAX) >> 63n ? -1n : 0n;
  const bits = operand(t, 'rm')?.sizeBits ?? 64;
  const draw = random.below(10);
  if (bits === 8) {
    if (draw < 6) w.setGpr(RAX, BigInt(random.below(draw < 3 ? 256 : 8192)));
    return;
  }
  if (draw < 5) w.setGpr(RDX, bits === 64 ? high : signed ? BigInt.asIntN(bits, w.gpr(RAX)) >> BigInt(bits) : 0n);
  else if (draw < 9) w.setGpr(RDX, BigInt.asUintN(bits, w.gpr(RDX)) >> BigInt(1 + random.below(bits)));
}

function smallCount(w: CaseWriter): void {
  if (w.random.percent(70)) w.setGprLow(RCX, (w.gpr(RCX) ? Number(w.gpr(RCX) & 0xffff_ff00n) : 0) + w.random.below(72));
}

/** Bit offsets that reach from the data pages to the code pages, which hold other cases as well. */
const FAR_BITS = 0x1f_7000_0000n;

function bitOffset(w: CaseWriter, t: Template): void {
  const reg = registerOf(w, t, 'reg');
  if (reg === NO_REG) return;
  if (w.random.percent(85)) w.setGpr(reg, BigInt(w.random.below(8192) - 4096));
  else w.setGpr(reg, w.gpr(reg) & ~FAR_BITS);
}

/** Mostly an int3 of the own slot; with an odd stack always (which of two faults comes first is the host's affair). */
function branchTarget(w: CaseWriter): bigint {
  const draw = w.random.below(100);
  if (draw < 88 || !hasPlainStack(w)) return w.landing();
  if (draw < 92) return BigInt(DATA_ADDR + w.random.below(4096));
  if (draw < 94) return BigInt(CODE_ADDR + CODE_PAGES * 4096 + w.random.below(64));
  if (draw < 97) return 0x8000_0000_0000n + BigInt(w.random.below(4096));
  return w.random.pick([0n, 0x1_2000_0000n, 0xffff_8000_0000_0000n, 0x7fff_0000_0000n]);
}

function branchRegister(w: CaseWriter, t: Template): void {
  const reg = registerOf(w, t, 'rm');
  if (reg !== NO_REG) w.setGpr(reg, branchTarget(w));
}

function compareExchange(w: CaseWriter, t: Template): void {
  if (w.random.percent(50)) return;
  const reg = registerOf(w, t, 'rm');
  if (reg !== NO_REG) w.setGpr(reg, w.gpr(RAX));
  else w.patchValue(w.target, w.gpr(RAX));
}

function wideCompare(w: CaseWriter, t: Template): void {
  const at = w.patch(w.target, 16);
  if (at < 0) return;
  const half = t.rm!.memBits >> 4;
  for (let i = 0; i < half; i++) {
    w.batch.bytes[at + i] = Number((w.gpr(RAX) >> BigInt(8 * i)) & 0xffn);
    w.batch.bytes[at + half + i] = Number((w.gpr(RDX) >> BigInt(8 * i)) & 0xffn);
  }
  if (w.random.percent(40)) w.batch.bytes[at + w.random.below(2 * half)]! ^= 1 << w.random.below(8);
}

/** A valid MXCSR image at `address`, most of the time. */
function mxcsrImage(w: CaseWriter, address: bigint): void {
  const at = w.patch(address, 4);
  if (at >= 0) w.view.setUint32(at, w.random.percent(90) ? w.random.u32() & 0xffff : w.random.u32(), true);
}

function flagsImage(w: CaseWriter): void {
  const at = w.patch(w.gpr(RSP), 8);
  if (at < 0) return;
  putValues(w.view, at, 8, 'random', w.random);
  w.batch.bytes[at + 1]! &= 0xfe;
}

function stringCompareLengths(w: CaseWriter): void {
  for (const reg of [RAX, RDX]) if (w.random.percent(85)) w.setGpr(reg, BigInt(w.random.below(44) - 20));
  const xmm = w.fx('xmm');
  const alphabet = w.random.percent(60) ? 4 : 256;
  for (let i = 0; i < 256; i++) if (w.random.percent(80)) w.batch.bytes[xmm + i] = w.random.below(alphabet);
}

/** `int 0x80` would enter the host kernel. */
function interruptNumber(w: CaseWriter): void {
  if (w.random.percent(20)) w.e.bytes[w.e.immAt] = 3 + w.random.below(2);
  if (w.e.bytes[w.e.immAt] === 0x80) w.e.bytes[w.e.immAt] = 0x81;
}

const SHAPES: readonly Shape[] = [
  { mnemonic: /^(movs|stos|lods|scas|cmps|ins|outs)([bwdq]?)$/, before: stringState, after: stringMemory },
  { mnemonic: /^(push|pop|pushf|popf|pushfq|popfq|call|ret|retn|leave|enter|pushfw|popfw)$/, before: stack },
  { mnemonic: /^(ret|retn)$/, after: (w) => w.patchValue(w.gpr(RSP), branchTarget(w)) },
  { mnemonic: /^popf/, after: flagsImage },
  { mnemonic: /^(call|jmp)$/, before: branchRegister, after: (w, t) => (t.rm && w.e.isMemory ? w.patchValue(w.target, branchTarget(w)) : undefined) },
  {
    mnemonic: /^(leave|enter)$/,
    before: (w) => {
      pointer(w, RBP, 8);
      if (w.e.immAt >= 0) w.e.patch(w.e.immAt, 3, BigInt(w.random.below(600) + (w.random.below(6) << 16)));
    },
  },
  { mnemonic: /^i?div$/, before: divide },
  { mnemonic: /^(shl|sal|shr|sar|rol|ror|rcl|rcr|shld|shrd)$/, before: smallCount },
  { mnemonic: /^bt[src]?$/, before: bitOffset },
  { mnemonic: /^xlat/, before: (w) => w.setGpr(RBX, targetAddress(w.random, 256, false, w.e.address32) - w.segmentBase()) },
  { mnemonic: /^maskmov/, before: (w) => w.setGpr(RDI, targetAddress(w.random, MASKED_STORE_BYTES, false, w.e.address32) - w.segmentBase()) },
  { mnemonic: /^(loop|loope|loopne|loopz|loopnz|jrcxz|jecxz)$/, before: (w) => (w.random.percent(70) ? w.setGpr(RCX, BigInt(w.random.below(3))) : undefined) },
  { mnemonic: /^cmpxchg$/, after: compareExchange },
  { mnemonic: /^cmpxchg(8|16)b$/, after: wideCompare },
  { mnemonic: /^ldmxcsr$/, after: (w) => mxcsrImage(w, w.target) },
  { mnemonic: /^fxrstor/, after: (w) => mxcsrImage(w, w.target + BigInt(Fx.mxcsr)) },
  { mnemonic: /^wr[fg]sbase$/, before: (w, t) => (w.random.percent(85) ? w.setGpr(registerOf(w, t, 'rm'), BigInt(DATA_ADDR + w.random.below(4096))) : undefined) },
  { mnemonic: /^pcmp[ei]str[im]$/, before: stringCompareLengths },
  { mnemonic: /^int$/, before: interruptNumber },
];

function shapesOf(t: Template): Shape[] {
  return SHAPES.filter((shape) => shape.mnemonic.test(t.row.mnemonic));
}

const cache = new WeakMap<Template, Shape[]>();

function cachedShapes(t: Template): Shape[] {
  let shapes = cache.get(t);
  if (!shapes) cache.set(t, (shapes = shapesOf(t)));
  return shapes;
}

export function shapeBefore(w: CaseWriter, t: Template): void {
  for (const shape of cachedShapes(t)) shape.before?.(w, t);
}

/** Memory contents; the explicit memory operand gets values of its kind when no shape took it. */
export function shapeAfter(w: CaseWriter, t: Template, kind: ValueKind): void {
  for (const shape of cachedShapes(t)) shape.after?.(w, t);
  if (w.target !== 0n && !w.isPatched) w.patchValues(w.target, Math.max(1, (t.rm?.memBits ?? 64) >> 3), kind);
}
