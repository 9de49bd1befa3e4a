/**
 * CPUID: what the rows implement, x86-64-v2 (SDM Vol. 2A CPUID). One list of feature bits.
 */

type Word = 'ecx1' | 'edx1' | 'ebx7' | 'ecx81' | 'edx81';

/** Announced features: name as in /proc/cpuinfo, word, bit. */
export const CPU_FEATURES: readonly (readonly [name: string, word: Word, bit: number])[] = [
  ['fpu', 'edx1', 0], ['tsc', 'edx1', 4], ['cx8', 'edx1', 8], ['cmov', 'edx1', 15], ['clflush', 'edx1', 19], ['mmx', 'edx1', 23],
  ['fxsr', 'edx1', 24], ['sse', 'edx1', 25], ['sse2', 'edx1', 26],
  ['pni', 'ecx1', 0], ['ssse3', 'ecx1', 9], ['cx16', 'ecx1', 13], ['sse4_1', 'ecx1', 19], ['sse4_2', 'ecx1', 20], ['popcnt', 'ecx1', 23], ['hypervisor', 'ecx1', 31],
  ['erms', 'ebx7', 9],
  ['lahf_lm', 'ecx81', 0], ['syscall', 'edx81', 11], ['nx', 'edx81', 20], ['rdtscp', 'edx81', 27], ['lm', 'edx81', 29],
];

function featureWord(word: Word): number {
  let bits = 0;
  for (const [, at, bit] of CPU_FEATURES) if (at === word) bits |= 1 << bit;
  return bits >>> 0;
}

const BRAND = 'Troupe virtual x86-64-v2 processor'.padEnd(48, '\0');
/** Vendor as software expects it for its fast paths. */
export const CPU_VENDOR = 'GenuineIntel';
/** Family 6, model 44, stepping 2: an x86-64-v2 part without AVX. */
const SIGNATURE = 0x206c2;

function word(text: string, at: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value |= text.charCodeAt(at + i) << (8 * i);
  return value >>> 0;
}

type Leaf = [eax: number, ebx: number, ecx: number, edx: number];

/** Deterministic cache parameters (leaf 4): L1d 32 KiB, L1i 32 KiB, L2 256 KiB, L3 8 MiB. */
const CACHES: Leaf[] = [
  [0x121, 0x01c0003f, 63, 0], [0x122, 0x01c0003f, 63, 0], [0x143, 0x01c0003f, 511, 0], [0x163, 0x03c0003f, 8191, 2],
];

/** eax ebx ecx edx of a CPUID leaf. */
export function cpuidLeaf(leaf: number, subleaf: number, coreId: number): Leaf {
  switch (leaf) {
    case 0: return [7, word(CPU_VENDOR, 0), word(CPU_VENDOR, 8), word(CPU_VENDOR, 4)];
    // ebx: CLFLUSH line size in quadwords in bits 15–8, initial APIC id in bits 31–24.
    case 1: return [SIGNATURE, ((coreId << 24) | (8 << 8)) >>> 0, featureWord('ecx1'), featureWord('edx1')];
    case 4: return CACHES[subleaf] ?? [0, 0, 0, 0];
    case 7: return subleaf === 0 ? [0, featureWord('ebx7'), 0, 0] : [0, 0, 0, 0];
    case 0x80000000: return [0x80000008, 0, 0, 0];
    case 0x80000001: return [0, 0, featureWord('ecx81'), featureWord('edx81')];
    case 0x80000002: case 0x80000003: case 0x80000004: {
      const at = (leaf - 0x80000002) * 16;
      return [word(BRAND, at), word(BRAND, at + 4), word(BRAND, at + 8), word(BRAND, at + 12)];
    }
    case 0x80000006: return [0, 0, 0x01006040, 0];
    case 0x80000007: return [0, 0, 0, 1 << 8];
    // 48 linear and 40 physical address bits.
    case 0x80000008: return [0x3028, 0, 0, 0];
    default: return [0, 0, 0, 0];
  }
}
