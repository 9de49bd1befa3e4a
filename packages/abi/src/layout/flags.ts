/**
 * Lazy arithmetic flags, as stored in the TCB (and kept in locals by translated code).
 *
 *   ccRes  result of the last flag-setting operation, sign-extended from its operand size to 64 bits
 *   ccAux  bit 63: CF
 *          bit 62: CF ^ OF  (carry into the top bit)
 *          bit  0: AF
 *          bit  1: SF is inverted with respect to ccRes
 *          bit  2: PF is inverted with respect to ccRes
 *
 *   CF = aux63   OF = aux63 ^ aux62   AF = aux0   ZF = (ccRes == 0)
 *   SF = (ccRes >> 63) ^ aux1         PF = even_parity(ccRes & 0xff) ^ aux2
 *
 * Bits 1 and 2 are only set by writes of arbitrary flag images (popf, sahf, signal return), because
 * ZF = 1 together with SF = 1 or PF = 0 has no result value.
 *
 * With `cout` = vector of carries out of each bit (add: (a & b) | ((a | b) & ~r), sub: (~a & b) | ((~a | b) & r)):
 *   ccAux = ((cout << (64 - size)) & 0xC000…0) | ((cout >> 3) & 1)
 */
export const Flag = { CF: 1, PF: 4, AF: 0x10, ZF: 0x40, SF: 0x80, TF: 0x100, IF: 0x200, DF: 0x400, OF: 0x800, NT: 0x4000, AC: 0x40000, ID: 0x200000 } as const;

/** Arithmetic flags that live in ccRes/ccAux. */
export const LAZY_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

function evenParity(byte: number): number {
  let b = byte ^ (byte >> 4);
  b ^= b >> 2;
  b ^= b >> 1;
  return (b & 1) ^ 1;
}

/** RFLAGS image from the 32-bit halves of the lazy words and the non-lazy flags. */
export function packFlagWords(resLow: number, resHigh: number, auxLow: number, auxHigh: number, flagsRest: number): number {
  const cf = auxHigh >>> 31;
  const of = cf ^ ((auxHigh >>> 30) & 1);
  const sf = (resHigh >>> 31) ^ ((auxLow >>> 1) & 1);
  const pf = evenParity(resLow & 0xff) ^ ((auxLow >>> 2) & 1);
  const zf = (resLow | resHigh) === 0 ? 1 : 0;
  return (cf * Flag.CF) | (pf * Flag.PF) | ((auxLow & 1) * Flag.AF) | (zf * Flag.ZF) | (sf * Flag.SF) | (of * Flag.OF) | (flagsRest & ~LAZY_FLAGS) | 2;
}

/** RFLAGS image from the lazy words and the non-lazy ones. */
export function packFlags(ccRes: bigint, ccAux: bigint, flagsRest: number): number {
  const low = (value: bigint): number => Number(BigInt.asUintN(32, value));
  return packFlagWords(low(ccRes), low(ccRes >> 32n), low(ccAux), low(ccAux >> 32n), flagsRest);
}

/** 32-bit halves of the lazy words that stand for the arithmetic flags of an RFLAGS image: ccRes, ccAux, low half first. */
export function unpackFlagWords(rflags: number): readonly [number, number, number, number] {
  const bit = (mask: number): number => (rflags & mask ? 1 : 0);
  const cf = bit(Flag.CF);
  const auxHigh = ((cf << 31) | ((cf ^ bit(Flag.OF)) << 30)) >>> 0;
  if (bit(Flag.ZF)) return [0, 0, bit(Flag.AF) | (bit(Flag.SF) << 1) | ((bit(Flag.PF) ^ 1) << 2), auxHigh];
  return [0x100 | (bit(Flag.PF) ^ 1), (bit(Flag.SF) << 31) >>> 0, bit(Flag.AF), auxHigh];
}

/** Lazy words [ccRes, ccAux] that stand for the arithmetic flags of an RFLAGS image. */
export function unpackFlags(rflags: number): [bigint, bigint] {
  const [resLow, resHigh, auxLow, auxHigh] = unpackFlagWords(rflags);
  return [BigInt.asIntN(64, (BigInt(resHigh) << 32n) | BigInt(resLow)), (BigInt(auxHigh) << 32n) | BigInt(auxLow)];
}
