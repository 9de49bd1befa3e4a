import { Flag } from '@troupe/abi/layout/flags.js';
import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { CODE_PAGE } from '../interp/op-record.js';
import { Decoder, type FormedInstruction } from '../decode/decoder.js';
import { formatInstruction } from '../decode/disassemble.js';
import { DecodeResult } from '../decode/instruction.js';
import type { Row } from '../isa/row.js';

const MAX_BYTES = 15;
const FLAG_OF_LETTER: Readonly<Record<string, number>> = { o: Flag.OF, d: Flag.DF, s: Flag.SF, z: Flag.ZF, a: Flag.AF, p: Flag.PF, c: Flag.CF };
const NO_FLAGS = { read: 0, written: 0 };
/** Their results are others each time. */
const UNREPEATABLE = /^(rdtscp?|cpuid|rdrand|rdseed)$/;

function maskOf(letters = ''): number {
  return [...letters].reduce((mask, letter) => mask | FLAG_OF_LETTER[letter]!, 0);
}

export interface FlagMasks {
  readonly read: number;
  /** Or undefined. */
  readonly written: number;
}

/** What the instruction rows say of guest code, by its address; for code below 4 GiB that is decoded. */
export class InstructionFacts {
  readonly #decoder = new Decoder();
  readonly #bytes = new Uint8Array(MAX_BYTES);
  readonly #flags = new Map<Row, FlagMasks>();

  constructor(readonly shared: SharedMemory) {}

  /** Flags of the instruction at TCB.rip. */
  flagsAt(tcb: number): FlagMasks {
    const row = this.#decode(tcb, this.shared.u64[(tcb + TCB.off.rip) / 8]!)?.form?.row;
    if (!row) return NO_FLAGS;
    let masks = this.#flags.get(row);
    if (!masks) this.#flags.set(row, (masks = { read: maskOf(row.flags?.r), written: maskOf(row.flags?.w) | maskOf(row.flags?.undef) }));
    return masks;
  }

  isUnrepeatable(tcb: number, rip: bigint): boolean {
    return UNREPEATABLE.test(this.#decode(tcb, rip)?.form?.row.mnemonic ?? '');
  }

  textAt(tcb: number, rip: bigint): string {
    const insn = this.#decode(tcb, rip);
    return `0x${rip.toString(16)}  ${insn ? formatInstruction(insn, DecodeResult.OK, Number(rip)) : '?'}`;
  }

  #decode(tcb: number, rip: bigint): FormedInstruction | undefined {
    let count = 0;
    for (; count < MAX_BYTES; count++) {
      const at = this.#codeByteAt(tcb, Number(rip) + count);
      if (at === 0) break;
      this.#bytes[count] = this.shared.u8[at]!;
    }
    return this.#decoder.decode(this.#bytes, 0, count) === DecodeResult.OK ? this.#decoder.insn : undefined;
  }

  /** Linear address of a byte of code; 0 = none. */
  #codeByteAt(tcb: number, address: number): number {
    if (address >= 2 ** 32) return 0;
    const { u32 } = this.shared;
    const entry = u32[(u32[(tcb + TCB.off.tableExec) >>> 2]! >>> 2) + Math.floor(address / PAGE_SIZE)]!;
    const frame = (entry & 1) !== 0 ? (entry & ~1) >>> 0 : entry === 0 ? 0 : u32[(entry + CODE_PAGE.frame) >>> 2]!;
    return frame === 0 ? 0 : frame + (address % PAGE_SIZE);
  }
}
