/**
 * Instructions behind the one under test: a reader of its flags (lazy flags, fused pairs such as
 * cmp + jcc), or a chain of other rows in register form (state carried from one to the next).
 */
import { MAX_CODE_BYTES } from '../../support/oracle/layout.js';
import { Encoding, encodeRegisters } from './encoding.js';
import { isVendorSpecific } from '../vendor-differences.js';
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

/** Instructions with implicit memory operands, control flow or results that are not exact. */
const NOT_IN_CHAINS = /^(push|pop|call|ret|leave|enter|j|loop|int|iret|in$|out$|i?div|maskmov|xlat|f|emms|movs|cmps|scas|lods|stos|ins|outs|std|cld|hlt|ud|pcmp[ei]str|wr|rd)/;

/** Rows that may follow another instruction in a chain. */
export function chainPool(templates: readonly Template[]): Template[] {
  return templates.filter((t) => t.rmRegister && t.rm !== undefined && !t.moffs && t.relBytes === 0 && t.repeat <= 0 && !t.row.ends && !t.row.flags?.undef && !t.row.toleranceUlp && !isVendorSpecific(t.row) && !NOT_IN_CHAINS.test(t.row.mnemonic));
}

/** x87 rows that may follow another x87 instruction: those without memory operands. */
export function x87ChainPool(templates: readonly Template[]): Template[] {
  return templates.filter((t) => isX87(t) && t.modrm < 0 && !t.row.toleranceUlp);
}

export function isX87(t: Template): boolean {
  const [first] = t.opcode;
  return t.row.feature === 'fpu' && first! >= 0xd8 && first! <= 0xdf;
}

/** The same row followed by others; undefined when nothing can follow it. */
export function withChain(t: Template, pool: readonly Template[]): Template | undefined {
  if (t.row.ends === true || t.relBytes > 0 || t.row.flags?.undef || t.row.toleranceUlp || isVendorSpecific(t.row) || pool.length === 0) return undefined;
  return { ...t, name: `${t.name} ; chain`, chain: pool };
}

const next = new Encoding();

export function putChain(e: Encoding, pool: readonly Template[], random: Random): void {
  for (let count = 1 + random.below(3); count > 0; count--) {
    encodeRegisters(next, random.pick(pool), random);
    if (e.size + next.size > MAX_CODE_BYTES) return;
    for (let i = 0; i < next.size; i++) e.put(next.bytes[i]!);
  }
}
