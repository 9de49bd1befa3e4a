import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { RIP_BASE, type GuestCode, type GuestInstruction } from './guest-code.js';
import { operandsOf } from './region-operand.js';

/** Where a computed jump may lead, as a table in memory says. */
export interface JumpTable {
  /** Guest address. */
  readonly address: number;
  /** Counted like GuestInstruction.at; all decoded. */
  readonly targets: readonly number[];
}

/** What a jump takes from its table. */
interface TableLoad {
  /** Register that holds the table's address, or -1. */
  readonly base: number;
  readonly disp: number;
  /** Of 4 bytes, counted from the base; else addresses of 8 bytes. */
  readonly isRelative: boolean;
}

/** Instructions looked at before a jump. */
const REACH = 12;
const MAX_ENTRIES = 1024;
/** A relative entry leads no farther. */
const MAX_DISTANCE = 1 << 20;
const MAX_INSTRUCTION_BYTES = 15;

/**
 * Tables of computed jumps, found by the code that compilers make of switch statements (an offset is loaded and added to
 * the table's address) and of labels as values (an address is loaded). What is found is a guess: the region compares
 * where the jump leads.
 */
export class JumpTables {
  /** By page. */
  readonly #leas = new Map<number, readonly GuestInstruction[]>();

  constructor(readonly code: GuestCode, readonly insns: ReadonlyMap<number, GuestInstruction>) {}

  /** Undefined: there is none, or what leads to it has not been found. */
  of(jump: GuestInstruction): JumpTable | undefined {
    const load = this.#loadOf(jump);
    if (!load) return undefined;
    const limit = this.#boundOf(jump) ?? MAX_ENTRIES;
    for (const address of load.base < 0 ? [load.disp >>> 0] : this.#basesOf(jump, load.base)) {
      const targets = this.#read(address, load, limit);
      if (targets.length > 0) return { address, targets };
    }
    return undefined;
  }

  #loadOf(jump: GuestInstruction): TableLoad | undefined {
    const [operand] = operandsOf(jump);
    if (operand!.kind === 'mem') return absoluteLoad(jump);
    const { register } = operand!;
    let added = -1;
    for (const insn of this.#before(jump)) {
      const [to, from] = operandsOf(insn);
      if (to?.kind !== 'gpr' || to.access === 'r') continue;
      const { mnemonic } = insn.form.row;
      if (added >= 0 && mnemonic === 'movsxd' && (to.register === register || to.register === added)) return relativeLoad(insn, to.register === register ? added : register);
      if (to.register !== register) continue;
      if (mnemonic === 'mov' && added < 0) return absoluteLoad(insn);
      if (mnemonic !== 'add' || added >= 0 || from?.kind !== 'gpr') return undefined;
      added = from.register;
    }
    return undefined;
  }

  /** Instructions before another one, without a gap, the last first. */
  *#before(insn: GuestInstruction): Generator<GuestInstruction> {
    let at = insn.at;
    for (let i = 0; i < REACH; i++) {
      const before = this.#endingAt(at);
      if (!before) return;
      yield before;
      at = before.at;
    }
  }

  #endingAt(at: number): GuestInstruction | undefined {
    for (let bytes = 1; bytes <= MAX_INSTRUCTION_BYTES; bytes++) {
      const insn = this.insns.get(at - bytes);
      if (insn?.lenBytes === bytes) return insn;
    }
    return undefined;
  }

  /** Number of entries, by the comparison before the jump. */
  #boundOf(jump: GuestInstruction): number | undefined {
    for (const insn of this.#before(jump)) {
      if (insn.form.row.mnemonic !== 'cmp') continue;
      const isByConstant = operandsOf(insn)[1]?.kind === 'imm';
      return isByConstant && insn.immLow > 0 && insn.immLow < MAX_ENTRIES ? insn.immLow + 1 : undefined;
    }
    return undefined;
  }

  /** Addresses that are put into the register nearby: those before the jump first, the nearest first. */
  #basesOf(jump: GuestInstruction, register: number): number[] {
    const distance = ({ at }: GuestInstruction): number => (at < jump.at ? jump.at - at : (at - jump.at) * 0x10000);
    const leas = this.#leasNearby(jump.at).filter(({ regs }) => regs[0] === register);
    return leas.sort((a, b) => distance(a) - distance(b)).map(({ at, lenBytes, disp }) => this.code.addressOf(at + lenBytes + disp));
  }

  /** `lea` of addresses relative to rip that were decoded: the code that makes a table's address need not be of the region. */
  #leasNearby(at: number): readonly GuestInstruction[] {
    const page = Math.floor(at / PAGE_SIZE);
    return [-1, 0, 1].flatMap((delta) => this.#leasOf(page + delta));
  }

  #leasOf(page: number): readonly GuestInstruction[] {
    let leas = this.#leas.get(page);
    if (!leas) this.#leas.set(page, (leas = this.#findLeas(page)));
    return leas;
  }

  #findLeas(page: number): GuestInstruction[] {
    return [...this.code.decodedIn(page)].filter(({ form, base, index }) => form.row.mnemonic === 'lea' && base === RIP_BASE && index < 0);
  }

  #read(address: number, { isRelative, base, disp }: TableLoad, limit: number): number[] {
    const first = base < 0 ? address : address + disp;
    const targets = new Set<number>();
    for (let i = 0; i < limit; i++) {
      const entry = this.code.wordAt(first + i * (isRelative ? 4 : 8));
      if (entry === undefined) break;
      if (isRelative ? Math.abs(entry | 0) > MAX_DISTANCE : this.code.wordAt(first + i * 8 + 4) !== 0) break;
      const at = this.code.atOf(isRelative ? address + (entry | 0) : entry);
      if (this.code.opAt(at) !== 0) targets.add(at);
    }
    return [...targets];
  }
}

function absoluteLoad({ form, base, index, scaleLog2, disp }: GuestInstruction): TableLoad | undefined {
  return form.mem && index >= 0 && scaleLog2 === 3 && base !== RIP_BASE ? { base, disp, isRelative: false } : undefined;
}

function relativeLoad({ form, base, index, scaleLog2, disp }: GuestInstruction, tableRegister: number): TableLoad | undefined {
  return form.mem && index >= 0 && scaleLog2 === 2 && base === tableRegister ? { base, disp, isRelative: true } : undefined;
}
