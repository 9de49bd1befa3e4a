/** Auxiliary vector keys (getauxval(3), <elf.h>). */
export const AT = {
  NULL: 0, PHDR: 3, PHENT: 4, PHNUM: 5, PAGESZ: 6, BASE: 7, FLAGS: 8, ENTRY: 9, UID: 11, EUID: 12, GID: 13, EGID: 14,
  PLATFORM: 15, HWCAP: 16, CLKTCK: 17, SECURE: 23, RANDOM: 25, HWCAP2: 26, RSEQ_FEATURE_SIZE: 27, RSEQ_ALIGN: 28, EXECFN: 31, SYSINFO_EHDR: 33, MINSIGSTKSZ: 51,
} as const;

/** One entry: key and value. */
export interface AuxEntry {
  readonly key: number;
  readonly value: bigint;
}

export function aux(key: number, value: number | bigint): AuxEntry {
  return { key, value: BigInt(value) };
}
