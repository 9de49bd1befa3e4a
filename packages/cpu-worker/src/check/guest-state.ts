import { LAZY_FLAGS, packFlags } from '@troupe/abi/layout/flags.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { gprName } from '../decode/disassemble.js';

const GPRS = 16;
const { off } = TCB;
/** State of the guest is from here to there. */
const END = off.xmm + 256;
const ST_BYTES = 10;

interface Field {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

const numbered = (name: string, at: number, count: number, bytes: number): Field[] => Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, at: at + i * 16, bytes }));

/** What is compared, but for the arithmetic flags. */
const FIELDS: readonly Field[] = [
  ...Array.from({ length: GPRS }, (_, i) => ({ name: gprName(i, 64), at: off.gpr + i * 8, bytes: 8 })),
  { name: 'flags rest', at: off.flagsRest, bytes: 4 },
  { name: 'mxcsr', at: off.mxcsr, bytes: 4 },
  { name: 'fs base', at: off.fsBase, bytes: 8 },
  { name: 'gs base', at: off.gsBase, bytes: 8 },
  { name: 'x87 control, status, tags', at: off.fcw, bytes: 5 },
  ...numbered('st (physical) ', off.st, 8, ST_BYTES),
  ...numbered('xmm', off.xmm, 16, 16),
];

/** The same bytes, neighbours together: start and length. */
const RANGES = FIELDS.reduce<[number, number][]>((ranges, { at, bytes }) => {
  const last = ranges.at(-1);
  if (last && last[0] + last[1] === at) last[1] += bytes;
  else ranges.push([at, bytes]);
  return ranges;
}, []);

function hex(bytes: Uint8Array, { at, bytes: count }: Field): string {
  return `0x${[...bytes.subarray(at, at + count)].reverse().map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** A copy of the guest's registers, as they stand in a TCB. */
export class GuestState {
  readonly #copy = Buffer.alloc(END);
  readonly #view = new DataView(this.#copy.buffer, this.#copy.byteOffset, END);
  readonly #memory: Buffer;

  constructor(readonly shared: SharedMemory) {
    this.#memory = Buffer.from(shared.buffer);
  }

  take(tcb: number): void {
    this.#memory.copy(this.#copy, 0, tcb, tcb + END);
  }

  restore(tcb: number): void {
    this.#copy.copy(this.#memory, tcb);
  }

  get rip(): bigint {
    return this.#view.getBigUint64(off.rip, true);
  }

  get rsp(): bigint {
    return this.#view.getBigUint64(off.gpr + 4 * 8, true);
  }

  get rflags(): number {
    return packFlags(this.#view.getBigInt64(off.ccRes, true), this.#view.getBigInt64(off.ccAux, true), this.#view.getUint32(off.flagsRest, true));
  }

  /** Whether the TCB has the same registers and rip; flags apart. */
  isIn(tcb: number): boolean {
    if (this.shared.u64[(tcb + off.rip) / 8] !== this.rip) return false;
    return RANGES.every(([at, bytes]) => this.#memory.compare(this.#copy, at, at + bytes, tcb + at, tcb + at + bytes) === 0);
  }

  /** Arithmetic flags in which the other one differs. */
  differentFlags(other: GuestState): number {
    return (this.rflags ^ other.rflags) & LAZY_FLAGS;
  }

  /** A line for each register that is another one there. */
  differences(other: GuestState): string[] {
    const lines = FIELDS.filter(({ at, bytes }) => Buffer.compare(this.#copy.subarray(at, at + bytes), other.#copy.subarray(at, at + bytes)) !== 0)
      .map((field) => `${field.name}: ${hex(this.#copy, field)}, interpreted ${hex(other.#copy, field)}`);
    const flags = this.differentFlags(other);
    return flags === 0 ? lines : [...lines, `flags: 0x${this.rflags.toString(16)}, interpreted 0x${other.rflags.toString(16)}`];
  }
}
