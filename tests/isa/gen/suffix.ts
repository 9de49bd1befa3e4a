/**
 * A second instruction that reads the flags of the first: tests lazy flags and fused pairs such as
 * cmp + jcc, which single instructions do not reach.
 */
import type { Encoding } from './encoding.js';
import type { Random } from './random.js';
import type { Template } from './template.js';

/** Flags read by condition code n >> 1 (SDM Vol. 1 appendix B). */
const CONDITION_FLAGS = ['o', 'c', 'z', 'cz', 's', 'p', 'so', 'zso'];
const ADC_SBB = [0x11, 0x19];

/** The same row with a flag reader behind it; undefined when the row writes no flags or defines none. */
export function withReadBack(t: Template): Template | undefined {
  const { w = '', undef = '' } = t.row.flags ?? {};
  if (w === '' || t.row.ends === true || t.relBytes > 0) return undefined;
  const readBack: number[] = [];
  for (let code = 0; code < 16; code++) if (![...CONDITION_FLAGS[code >> 1]!].some((flag) => undef.includes(flag))) readBack.push(code);
  return readBack.length === 0 ? undefined : { ...t, name: `${t.name} ; flags read`, readBack };
}

export function putSuffix(e: Encoding, readBack: readonly number[], random: Random): void {
  const code = random.pick(readBack);
  const registers = 0xc0 | random.below(64);
  const draw = random.below(10);
  if (draw < 5) {
    e.put(0x70 | code);
    e.put(random.below(8));
  } else if (draw < 7) {
    for (const byte of [0x0f, 0x90 | code, 0xc0 | random.below(8)]) e.put(byte);
  } else if (draw < 9 || !readBack.includes(2)) {
    for (const byte of [random.percent(50) ? 0x48 : 0x45, 0x0f, 0x40 | code, registers]) e.put(byte);
  } else {
    for (const byte of [0x48, random.pick(ADC_SBB), registers]) e.put(byte);
  }
}
