/**
 * Where memory operands point: mostly into the data pages, and now and then at everything that
 * faults or takes a slow path.
 */
import { DATA_ADDR, DATA_BYTES, GUARD_ADDR, HIGH_OFFSET, HIGH_TWIN_DISTANCE, RO_ADDR, RO_BYTES } from '../../support/oracle/layout.js';
import type { Random } from './random.js';

const PAGE = 4096;
const NON_CANONICAL = [0x0000_8000_0000_0000n, 0x1234_0000_1000_0000n, 0xffff_7fff_ffff_fff0n, 0x8000_0000_0000_0000n];
const UNMAPPED = [0x8n, 0x1000n, 0xfff0n, 0x3000_0000n, 0xffff_fff0n, 0x1_0000_0000n, 0x2_0000_2000n, 0x1234_5678_9ab0n, 0xffff_8000_0000_1000n, 0xffff_ffff_ffff_fff0n];
const BOUNDARIES = [0x0000_8000_0000_0000n, 0x2_0000_2000n, 0x2_0000_1000n, 0x1_0000_0000n, 0n];

function aligned(address: number, sizeBytes: number, percent: number, random: Random): number {
  const unit = sizeBytes >= 16 ? 16 : sizeBytes <= 1 ? 1 : 1 << (31 - Math.clz32(sizeBytes));
  return random.percent(percent) ? address - (address % unit) : address;
}

/** An address inside the data pages such that `sizeBytes` fit. */
export function dataAddress(random: Random, sizeBytes: number, alignPercent = 60): number {
  return aligned(DATA_ADDR + random.below(DATA_BYTES - sizeBytes + 1), sizeBytes, alignPercent, random);
}

/** Larger operands are state images: hosts access them in an order of their own, so no half-legal ranges. */
const LARGEST_SIMPLE_BYTES = 16;

/** A guest address for a memory operand of `sizeBytes`. `low` = must be below 2 GiB. */
export function targetAddress(random: Random, sizeBytes: number, needsAlignment: boolean, low: boolean): bigint {
  const inside = (): bigint => BigInt(dataAddress(random, sizeBytes, needsAlignment ? 95 : 60));
  const part = 1 + random.below(Math.max(1, sizeBytes - 1));
  const draw = random.below(200);
  if (draw < 156) return inside();
  if (draw < 172) return BigInt(DATA_ADDR + PAGE - part);
  if (draw < 178) return BigInt(GUARD_ADDR - sizeBytes);
  if (draw < 183) return BigInt(GUARD_ADDR - part);
  if (draw < 185) return BigInt(aligned(GUARD_ADDR + random.below(PAGE), sizeBytes, 80, random));
  if (draw < 188) return BigInt(aligned(RO_ADDR + random.below(RO_BYTES - sizeBytes), sizeBytes, 80, random));
  if (draw < 189) return BigInt(RO_ADDR - part);
  if (low) return inside();
  if (draw < 195) return inside() + BigInt(HIGH_OFFSET + random.below(2) * HIGH_TWIN_DISTANCE);
  if (sizeBytes > LARGEST_SIMPLE_BYTES) return inside();
  if (draw < 196) return random.pick(BOUNDARIES) - BigInt(part);
  if (draw < 198) return random.pick(NON_CANONICAL) + BigInt(random.below(32));
  return random.pick(UNMAPPED) + BigInt(random.below(4));
}
