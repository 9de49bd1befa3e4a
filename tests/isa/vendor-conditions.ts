/** Conditions on a case and on a difference that the entries of vendor-differences.ts are made of. */
import { CaseOut, DATA_ADDR, DATA_BYTES, Fx, HIGH_OFFSET, HIGH_TWIN_DISTANCE } from '../support/oracle/layout.js';
import { icedDecode } from './disassembly.js';
import { type Difference, GPR_NAMES, type Outcome } from './outcome.js';

const INT3 = 3;
const [RCX, RSI, RDI] = [1, 6, 7];
const FSW_TOP = 0x3800;
const SEGMENT_PREFIXES = [0x64, 0x65];
const LEGACY_PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

export function bothFault(o: Outcome): boolean {
  return o.hostVector !== INT3 && o.emulatorVector !== INT3;
}

/** The host cleared the upper half of one of `registers`, which the instruction left alone. */
export function isUpperHalfCleared(d: Difference, o: Outcome, registers: readonly number[]): boolean {
  const reg = registers.find((r) => GPR_NAMES[r] === d.field);
  return reg !== undefined && d.emulator === o.initialGpr(reg) && d.host === BigInt.asUintN(32, d.emulator);
}

/** Offset of an address in the data pages, wherever they are mapped, or -1. */
function dataOffset(address: bigint): number {
  for (const base of [DATA_ADDR, DATA_ADDR + HIGH_OFFSET, DATA_ADDR + HIGH_OFFSET + HIGH_TWIN_DISTANCE]) {
    const offset = Number(address) - base;
    if (offset >= 0 && offset < DATA_BYTES) return offset;
  }
  return -1;
}

/** Source and destination of a movs lead to the same pages by different addresses. */
export function isAliased(o: Outcome): boolean {
  const prefix = segmentPrefixes(o).at(-1);
  const base = prefix === undefined ? 0n : o.initialSegmentBase(prefix);
  const [from, to] = [BigInt.asUintN(64, o.initialGpr(RSI) + base), o.initialGpr(RDI)];
  const [fromOffset, toOffset] = [dataOffset(from), dataOffset(to)];
  return fromOffset >= 0 && toOffset >= 0 && Number(to - from) !== toOffset - fromOffset;
}

/** Prefixes of the instruction for the fs or gs segment. */
function segmentPrefixes(o: Outcome): number[] {
  const end = o.code.findIndex((byte) => !LEGACY_PREFIXES.has(byte));
  return [...o.code.subarray(0, end)].filter((byte) => SEGMENT_PREFIXES.includes(byte));
}

/** The instruction has a prefix for the fs or gs segment. */
export function hasSegmentPrefix(o: Outcome): boolean {
  return segmentPrefixes(o).length > 0;
}

/** Count of the double shift that the case begins with: an immediate, its last byte, or cl. */
export function doubleShiftCount(o: Outcome): number {
  const { code } = o;
  const isImmediate = code[code.indexOf(0x0f) + 1]! % 2 === 0;
  const count = isImmediate ? code[icedDecode(code, 0).length - 1]! : Number(BigInt.asUintN(8, o.initialGpr(RCX)));
  return count & 31;
}

/** The top of stack is 0 on the host and as before on the emulator; registers and other bits agree. */
export function isTopCleared(d: Difference, o: Outcome): boolean {
  if (d.field === 'fsw') return Number(d.host) === (Number(d.emulator) & ~FSW_TOP);
  const i = /^st(\d)$/.exec(d.field)?.[1];
  const top = (fsw(o.emulator, o) & FSW_TOP) >> 11;
  return i !== undefined && (fsw(o.host, o) & FSW_TOP) === 0 && d.host === emulatorSt(o, (Number(i) - top) & 7);
}

function fsw(record: DataView, o: Outcome): number {
  return record.getUint16(o.at + CaseOut.off.fx + Fx.fsw, true);
}

/** ST(i), 80 bits. */
function emulatorSt(o: Outcome, i: number): bigint {
  const at = o.at + CaseOut.off.fx + Fx.st + 16 * i;
  return (BigInt(o.emulator.getUint16(at + 8, true)) << 64n) | o.emulator.getBigUint64(at, true);
}

/** The host has an unmasked x87 exception pending. */
export function isX87ErrorPending(o: Outcome): boolean {
  return (fsw(o.host, o) & 0x80) !== 0;
}

export type LaneBits = 32 | 64;

/** Lanes of a vector register agree, bit by bit or in the sense of `agrees`. */
export function everyLane(d: Difference, bits: LaneBits, agrees: (host: bigint, emulator: bigint, bits: LaneBits) => boolean): boolean {
  if (!d.field.startsWith('xmm')) return false;
  for (let at = 0n; at < 128n; at += BigInt(bits)) {
    const [host, emulator] = [BigInt.asUintN(bits, d.host >> at), BigInt.asUintN(bits, d.emulator >> at)];
    if (host !== emulator && !agrees(host, emulator, bits)) return false;
  }
  return true;
}

const INFINITY: Record<LaneBits, bigint> = { 32: 0x7f80_0000n, 64: 0x7ff0_0000_0000_0000n };

function isNan(value: bigint, bits: LaneBits): boolean {
  return BigInt.asUintN(bits - 1, value) > INFINITY[bits];
}

export function areNans(host: bigint, emulator: bigint, bits: LaneBits): boolean {
  return isNan(host, bits) && isNan(emulator, bits);
}

/** Two approximations of one value, each within a relative error of 1.5 · 2^-12 (SDM Vol. 2B RCPPS). */
export function areApproximations(host: bigint, emulator: bigint): boolean {
  const [a, b] = [toFloat(host), toFloat(emulator)];
  return Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= 3 * 2 ** -12 * Math.min(Math.abs(a), Math.abs(b));
}

const scratch = new DataView(new ArrayBuffer(4));

function toFloat(bits: bigint): number {
  scratch.setUint32(0, Number(bits));
  return scratch.getFloat32(0);
}
