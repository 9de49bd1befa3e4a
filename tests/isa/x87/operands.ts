/** Random and special operands and states for x87 cases. */

/** Deterministic generator (xorshift64*), so that a seed replays a run. */
export class Random {
  #state: bigint;

  constructor(seed: number) {
    this.#state = (BigInt(seed) * 0x9e3779b97f4a7c15n + 0x1234567n) & 0xffffffffffffffffn || 1n;
  }

  u64(): bigint {
    let x = this.#state;
    x ^= x >> 12n;
    x = (x ^ (x << 25n)) & 0xffffffffffffffffn;
    x ^= x >> 27n;
    this.#state = x;
    return (x * 0x2545f4914f6cdd1dn) & 0xffffffffffffffffn;
  }

  below(n: number): number {
    return Number(this.u64() >> 33n) % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

export interface Number80 {
  readonly se: number;
  readonly sig: bigint;
}

const TOP = 1n << 63n;
const ALL = (1n << 64n) - 1n;

const SPECIAL_SIGS = [TOP, ALL, TOP | 1n, TOP | (1n << 11n), TOP | (1n << 10n), TOP | (3n << 10n), TOP | (1n << 39n), TOP | (1n << 40n), ALL << 40n, ALL << 11n, ALL << 39n, 0xc000000000000000n, 0xc90fdaa22168c235n, 0xb504f333f9de6484n, 0xaaaaaaaaaaaaaaaan].map((x) => x & ALL);
const SPECIAL_EXPS = [0, 1, 2, 63, 64, 0x3fff - 1074, 0x3fff - 1022, 0x3fff - 1023, 0x3fff - 149, 0x3fff - 126, 0x3fff - 127, 0x3fff - 64, 0x3fff - 2, 0x3ffe, 0x3fff, 0x4000, 0x4001, 0x3fff + 14, 0x3fff + 15, 0x3fff + 31, 0x3fff + 30, 0x3fff + 62, 0x3fff + 63, 0x3fff + 64, 0x3fff + 127, 0x3fff + 1023, 0x3fff + 1024, 0x7ffd, 0x7ffe];

function significand(r: Random): bigint {
  switch (r.below(6)) {
    case 0: return r.pick(SPECIAL_SIGS);
    case 1: return TOP | (r.u64() & r.u64() & r.u64());
    case 2: return TOP | r.u64() | r.u64() | r.u64();
    case 3: return ((r.u64() << BigInt(r.below(64))) & ALL) | TOP;
    default: return r.u64() | TOP;
  }
}

function special(r: Random): Number80 {
  const sign = r.below(2) << 15;
  switch (r.below(9)) {
    case 0: case 1: return { se: sign, sig: 0n };
    case 2: return { se: sign | 0x7fff, sig: TOP };
    case 3: return { se: sign | 0x7fff, sig: (r.u64() >> BigInt(r.below(62))) | (TOP >> 1n) | TOP };
    case 4: return { se: sign | 0x7fff, sig: ((r.u64() & (TOP >> 1n) - 1n) >> BigInt(r.below(40))) | 1n | TOP };
    case 5: return { se: sign, sig: (r.u64() >> BigInt(1 + r.below(63))) | 1n };
    case 6: return { se: sign, sig: TOP | (r.u64() >> BigInt(r.below(63))) };
    case 7: return { se: sign | (1 + r.below(0x7fff)), sig: r.u64() & (TOP - 1n) };
    default: return { se: sign | (1 + r.below(0x7ffe)), sig: significand(r) };
  }
}

/** A register value: about a quarter special, the rest near 1, near `close` or of any size. */
export function number80(r: Random, close?: Number80): Number80 {
  const sign = r.below(2) << 15;
  switch (r.below(8)) {
    case 0: case 1: return special(r);
    case 2: return { se: sign | r.pick(SPECIAL_EXPS) || 1, sig: significand(r) };
    case 3:
      if (close && (close.se & 0x7fff) > 70 && (close.se & 0x7fff) < 0x7f80) return { se: sign | ((close.se & 0x7fff) + r.below(140) - 70), sig: significand(r) };
      return { se: sign | (1 + r.below(0x7ffe)), sig: significand(r) };
    case 4:
      if (close) return { se: close.se ^ sign, sig: close.sig ^ (r.below(2) ? BigInt(r.below(4)) : 0n) };
      return { se: sign | 0x3fff, sig: significand(r) };
    case 5: return { se: sign | (0x3fff + r.below(66)), sig: ((ALL << BigInt(r.below(64))) & significand(r)) | TOP };
    default: return { se: sign | (0x3fff - 40 + r.below(80)), sig: significand(r) };
  }
}

const F64_SPECIALS = [0n, 1n, 0xfffffffffffffn, 0x10000000000000n, 0x3ff0000000000000n, 0x7fefffffffffffffn, 0x7ff0000000000000n, 0x7ff0000000000001n, 0x7ff8000000000000n, 0x7ffc123456789abcn, 0x4330000000000000n, 0x3fe0000000000000n];
const F32_SPECIALS = [0n, 1n, 0x7fffffn, 0x800000n, 0x3f800000n, 0x7f7fffffn, 0x7f800000n, 0x7f800001n, 0x7fc00000n, 0x7fe12345n, 0x4b000000n, 0x3f000000n];

export function bits64(r: Random): bigint {
  const sign = BigInt(r.below(2)) << 63n;
  switch (r.below(4)) {
    case 0: return sign | r.pick(F64_SPECIALS);
    case 1: return sign | (r.u64() >> BigInt(12 + r.below(52)));
    case 2: return sign | (BigInt(1023 - 20 + r.below(40)) << 52n) | (r.u64() >> 12n);
    default: return r.u64();
  }
}

export function bits32(r: Random): bigint {
  const sign = BigInt(r.below(2)) << 31n;
  switch (r.below(4)) {
    case 0: return sign | r.pick(F32_SPECIALS);
    case 1: return sign | (r.u64() >> BigInt(41 + r.below(23)));
    case 2: return sign | (BigInt(127 - 20 + r.below(40)) << 23n) | (r.u64() >> 41n);
    default: return r.u64() & 0xffffffffn;
  }
}

/** FCW with any rounding and precision; mostly all exceptions masked. */
export function controlWord(r: Random): number {
  const masks = r.below(4) === 0 ? r.below(64) : 0x3f;
  const pc = r.pick([0, 2, 3, 3, 3]);
  const rc = r.below(2) ? 0 : r.below(4);
  return 0x40 | masks | (pc << 8) | (rc << 10);
}
