/**
 * 128-bit unsigned arithmetic. Results of two words are left in `hi` (returned) and `low()`.
 */
let lowWord: u64 = 0;

/** Low word of the last two-word result. */
// @ts-ignore: decorator
@inline
export function low(): u64 { return lowWord; }

/** a * b: returns the high word. */
export function mulWide(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
  const p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0;
  const mid = (p00 >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
  lowWord = (mid << 32) | (p00 & 0xffffffff);
  return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (mid >> 32);
}

/** High word of a * b. */
export function mulHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
  const p01 = a0 * b1, p10 = a1 * b0;
  const mid = ((a0 * b0) >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
  return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (mid >> 32);
}

/**
 * (hi:lo) / d, schoolbook with 32-bit digits (Knuth TAOCP 4.3.1 D): returns the quotient, low() = remainder.
 * Preconditions: hi < d, bit 63 of d set.
 */
export function divWide(hi: u64, lo: u64, d: u64): u64 {
  const d1 = d >> 32, d0 = d & 0xffffffff;
  let q1 = hi / d1;
  let r = hi - q1 * d1;
  while (q1 >> 32 != 0 || q1 * d0 > ((r << 32) | (lo >> 32))) {
    q1--;
    r += d1;
    if (r >> 32 != 0) break;
  }
  const mid = ((hi << 32) | (lo >> 32)) - q1 * d;
  let q0 = mid / d1;
  r = mid - q0 * d1;
  while (q0 >> 32 != 0 || q0 * d0 > ((r << 32) | (lo & 0xffffffff))) {
    q0--;
    r += d1;
    if (r >> 32 != 0) break;
  }
  lowWord = ((mid << 32) | (lo & 0xffffffff)) - q0 * d;
  return (q1 << 32) | q0;
}

/** (hi:lo) >> n with the bits shifted out ORed into the lowest bit; any n >= 0. */
export function shiftRightJam(hi: u64, lo: u64, n: i32): u64 {
  if (n == 0) { lowWord = lo; return hi; }
  if (n < 64) {
    const lost = lo << (64 - n);
    lowWord = (lo >> n) | (hi << (64 - n)) | u64(lost != 0);
    return hi >> n;
  }
  if (n == 64) { lowWord = hi | u64(lo != 0); return 0; }
  if (n < 128) {
    const lost = hi << (128 - n);
    lowWord = (hi >> (n - 64)) | u64((lost | lo) != 0);
    return 0;
  }
  lowWord = u64((hi | lo) != 0);
  return 0;
}

/** (hi:lo) << n, n < 128. */
export function shiftLeft(hi: u64, lo: u64, n: i32): u64 {
  if (n == 0) { lowWord = lo; return hi; }
  if (n < 64) { lowWord = lo << n; return (hi << n) | (lo >> (64 - n)); }
  lowWord = 0;
  return lo << (n - 64);
}

/** Square root of (hi:lo), hi >= 2^62: returns the 64-bit root, low() != 0 when there is a remainder; `above` = remainder > root. */
export function sqrtWide(hi: u64, lo: u64): u64 {
  // Estimate from the f64 square root of the high word, then one Newton step and exact correction.
  let root = sqrtEstimate(hi);
  if (hi >= root) root = 0xffffffffffffffff;
  if (hi < root) {
    const q = divWide(hi, lo, root);
    const sum = root + q;
    root = (sum >> 1) | (sum < root ? 0x8000000000000000 : 0);
  }
  for (;;) {
    const h = mulWide(root, root);
    const l = lowWord;
    if (h > hi || (h == hi && l > lo)) { root--; continue; }
    // remainder = (hi:lo) - root^2 must be <= 2 * root
    const rl = lo - l;
    const rh = hi - h - u64(lo < l);
    if (rh > 1 || (rh == 1 && rl > (root << 1))) { root++; continue; }
    rootAbove = rh != 0 || rl > root;
    lowWord = rl | rh;
    return root;
  }
}

let rootAbove: bool = false;
/** After sqrtWide: the discarded fraction is above one half. */
export function rootRemainderAboveHalf(): bool { return rootAbove; }

function sqrtEstimate(hi: u64): u64 {
  const f = Math.sqrt(f64(hi)) * 4294967296.0;
  const root = f >= 18446744073709551615.0 ? 0xffffffffffffffff : u64(f);
  return root | 0x8000000000000000;
}
