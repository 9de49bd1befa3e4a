/**
 * Values worth testing: integers at the edges of every width, and floating-point bit patterns
 * (zeros, denormals, infinities, NaN payloads, halfway values, limits of conversions).
 */
import type { Random } from './random.js';

const EDGES_LO = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const EDGES_HI = [0, 0, 0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_ffff];

/** Writes a 64-bit integer at byte offset `at`: edges of 8, 16, 32 and 64 bits, single bits, any length. */
export function putInt64(view: DataView, at: number, random: Random): void {
  let lo = random.u32();
  let hi = random.u32();
  switch (random.below(8)) {
    case 0:
    case 1:
      lo = random.pick(EDGES_LO);
      hi = random.pick(EDGES_HI);
      break;
    case 2: {
      const bit = random.below(64);
      lo = bit < 32 ? 1 << bit : 0;
      hi = bit < 32 ? 0 : 1 << (bit - 32);
      if (random.percent(40)) [lo, hi] = [lo - 1, lo === 0 ? hi - 1 : hi];
      break;
    }
    case 3: {
      const drop = random.below(64);
      if (drop >= 32) [lo, hi] = [hi >>> (drop - 32), 0];
      else hi >>>= drop;
      if (random.percent(30)) [lo, hi] = [~lo, ~hi];
      break;
    }
    case 4:
      if (random.percent(50)) hi = lo >> 31;
      else lo = random.pick(EDGES_LO);
      break;
    default:
  }
  view.setUint32(at, lo >>> 0, true);
  view.setUint32(at + 4, hi >>> 0, true);
}

/** Sign is added at random. */
const F32 = [
  0, 0x3f80_0000, 0x0000_0001, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000, 0x7fc1_2345, 0x7fff_ffff, 0x7f80_0001, 0x7fa0_0000, 0x7fbf_ffff,
  0x3f00_0000, 0x3fc0_0000, 0x4020_0000, 0x4060_0000, 0x3eff_ffff, 0x3f00_0001, 0x3f7f_ffff, 0x3f80_0001, 0x4b00_0000, 0x4b00_0001, 0x4b7f_ffff, 0x4b80_0000, 0x4eff_ffff, 0x4f00_0000,
  0x4f00_0001, 0x4f7f_ffff, 0x4f80_0000, 0x5eff_ffff, 0x5f00_0000, 0x5f80_0000, 0x4000_0000, 0x40a0_0000, 0x1f80_0000, 0x2000_0000, 0x5f7f_ffff, 0x4120_0000,
];

/** High words; the low word is a random pick of F64_LO. */
const F64_HI = [
  0, 0x3ff0_0000, 0x0000_0000, 0x000f_ffff, 0x0010_0000, 0x7fef_ffff, 0x7ff0_0000, 0x7ff8_0000, 0x7ff8_1234, 0x7fff_ffff, 0x7ff4_0000, 0x7ff7_ffff, 0x3fe0_0000, 0x3ff8_0000, 0x4004_0000,
  0x400c_0000, 0x3fdf_ffff, 0x3fef_ffff, 0x4330_0000, 0x433f_ffff, 0x4340_0000, 0x41df_ffff, 0x41e0_0000, 0x41ef_ffff, 0x41f0_0000, 0x43df_ffff, 0x43e0_0000, 0x43f0_0000, 0x4000_0000,
  0x36a0_0000, 0x3690_0000, 0x380f_ffff, 0x3810_0000, 0x47ef_ffff, 0x47f0_0000, 0x4014_0000, 0x4024_0000,
];
const F64_LO = [0, 0, 0, 1, 0xffff_ffff, 0xe000_0000, 0xf000_0000, 0x1000_0000, 0x2000_0000, 0x8000_0000, 0xffc0_0000, 0xffe0_0000, 0x0010_0000, 0x3000_0000];

function f32Bits(random: Random): number {
  const sign = (random.u32() & 1) << 31;
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return (sign | random.pick(F32)) >>> 0;
    case 3:
      return random.u32();
    case 4:
      if (random.percent(20)) return (sign | ((random.pick([1, 62, 64, 189, 191, 252]) + random.below(3)) << 23) | (random.u32() & 0x7f_ffff)) >>> 0;
      return (sign | ((127 + random.below(70) - 35) << 23) | (random.u32() & 0x7f_ffff & -(1 << random.below(24)))) >>> 0;
    case 5:
      return (sign | (random.u32() & 0x7f_ffff & (-1 >>> random.below(32)))) >>> 0;
    default:
      return (sign | ((127 + random.below(8) - 3) << 23) | (random.u32() & 0x7f_ffff)) >>> 0;
  }
}

export function putF32(view: DataView, at: number, random: Random): void {
  view.setUint32(at, f32Bits(random), true);
}

export function putF64(view: DataView, at: number, random: Random): void {
  const sign = (random.u32() & 1) << 31;
  let lo = random.u32();
  let hi = random.u32();
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      lo = random.pick(F64_LO);
      hi = sign | random.pick(F64_HI);
      break;
    case 3:
      break;
    case 4:
      hi = sign | ((1023 + random.below(140) - 70) << 20) | (hi & 0xf_ffff);
      if (random.percent(50)) lo &= -(1 << random.below(32));
      if (random.percent(30)) [lo, hi] = [0, hi & -(1 << random.below(20))];
      break;
    case 5:
      hi = sign | (hi & 0xf_ffff & (-1 >>> random.below(32)));
      break;
    case 6:
      hi = sign | ((random.pick([897, 896, 874, 1150, 1151, 1086, 1085, 1054, 1053, 1, 510, 512, 1533, 1535, 2044]) + random.below(3)) << 20) | (hi & 0xf_ffff);
      break;
    default:
      hi = sign | ((1023 + random.below(8) - 3) << 20) | (hi & 0xf_ffff);
  }
  view.setUint32(at, lo >>> 0, true);
  view.setUint32(at + 4, hi >>> 0, true);
}

const F80_EXPONENTS = [0, 0, 1, 2, 0x3fff, 0x3ffe, 0x4000, 0x403d, 0x403e, 0x403f, 0x4040, 0x3fbe, 0x3fbf, 0x3fc0, 0x7ffe, 0x7fff, 0x7fff, 0x3f81, 0x3f80, 0x407e, 0x407f, 0x3c01, 0x3c00, 0x43fe, 0x43ff, 0x401e, 0x401d, 0x400e];
const F80_HI = [0x8000_0000, 0x8000_0000, 0xc000_0000, 0xffff_ffff, 0x8000_0001, 0xa000_0000, 0x8000_0080, 0x8000_0100, 0xbfff_ffff];
const F80_LO = [0, 0, 0, 1, 0xffff_ffff, 0x400, 0x800, 0xc00, 0x8000_0000, 0x7fff_ffff];

/** Writes 10 bytes: normals, denormals, NaNs, and (rarely) encodings without the integer bit. */
export function putF80(view: DataView, at: number, random: Random): void {
  let lo = random.u32();
  let hi = random.u32() | 0x8000_0000;
  let exponent = 0x3fff + random.below(80) - 40;
  switch (random.below(6)) {
    case 0:
    case 1:
      exponent = random.pick(F80_EXPONENTS);
      lo = random.pick(F80_LO);
      hi = exponent === 0 && random.percent(80) ? random.pick([0, 0, 1, 0x7fff_ffff]) : random.pick(F80_HI);
      break;
    case 2:
      exponent = random.pick(F80_EXPONENTS);
      if (exponent === 0) hi &= 0x7fff_ffff;
      break;
    case 3:
      exponent = random.u32() & 0x7fff;
      break;
    case 4:
      lo = 0;
      hi &= -(1 << random.below(31));
      break;
    default:
  }
  if (random.percent(3)) hi &= 0x7fff_ffff;
  if (random.percent(4)) [lo, hi, exponent] = [0, 0, 0];
  view.setUint32(at, lo >>> 0, true);
  view.setUint32(at + 4, hi >>> 0, true);
  view.setUint16(at + 8, exponent | (random.u32() & 0x8000), true);
}

/** What a run of bytes is filled with. */
export const VALUE_KINDS = ['int', 'f32', 'f64', 'f80', 'byte', 'word', 'random'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

const BYTES = [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0xff80];

/** Fills `size` bytes at `at` with values of one kind. */
export function putValues(view: DataView, at: number, size: number, kind: ValueKind, random: Random): void {
  const end = at + size;
  for (let i = at; i < end; ) {
    const left = end - i;
    if (kind === 'f32' && left >= 4) {
      putF32(view, i, random);
      i += 4;
    } else if (kind === 'f80' && left >= 10) {
      putF80(view, i, random);
      i += 10;
    } else if (left >= 8 && (kind === 'f64' || kind === 'int')) {
      if (kind === 'f64') putF64(view, i, random);
      else putInt64(view, i, random);
      i += 8;
    } else if (kind === 'word' && left >= 2) {
      view.setUint16(i, random.percent(50) ? random.pick(WORDS) : random.u32() & 0xffff, true);
      i += 2;
    } else {
      view.setUint8(i++, random.percent(30) ? random.pick(BYTES) : random.u32() & 0xff);
    }
  }
}
