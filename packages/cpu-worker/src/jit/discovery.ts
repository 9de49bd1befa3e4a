import { PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import type { GuestCode, GuestInstruction } from './guest-code.js';
import { isDispatch, kindOf } from './instruction-kind.js';
import { JumpTables, type JumpTable } from './jump-tables.js';

/** With computed jumps: all of their targets must fit, as a part of a loop costs more than it saves. */
const MAX_DISPATCHED = 600;
const MAX_TARGETS = 128;
const MAX_PAGES_AWAY = 1;
/** Padding behind a jump. */
const MAX_PADDING_BYTES = 16;

/** Finds the code of a region: what can be reached from the entry by direct jumps and was decoded, so probably run, up to where other regions start. */
export class Discovery {
  readonly insns = new Map<number, GuestInstruction>();
  readonly leaders = new Set<number>();
  /** Computed jumps that the dispatcher does. */
  readonly dispatched = new Set<number>();
  /** Where they may lead. */
  readonly targets = new Set<number>();
  /** Tables of computed jumps, by the jumps' addresses. */
  readonly tables = new Map<number, JumpTable>();
  readonly #pending: number[] = [];
  #maxInstructions: number;

  constructor(
    readonly code: GuestCode,
    readonly entry: number,
    /** At an address: another region starts there. */
    readonly isElsewhere: (at: number) => boolean,
    maxInstructions: number,
  ) {
    this.#maxInstructions = maxInstructions;
  }

  /** A callee: all of it that was decoded, if that is little and comes back. */
  static callee(code: GuestCode, entry: number, maxInstructions: number): Discovery | undefined {
    const found = new Discovery(code, entry, () => false, maxInstructions);
    found.#reach(entry);
    found.#follow();
    return found.insns.has(entry) && found.#isClosed() ? found : undefined;
  }

  /** It ends in returns, or in jumps to other functions. */
  #isClosed(): boolean {
    if (this.insns.size >= this.#maxInstructions) return false;
    let ends = false;
    for (const insn of this.insns.values()) {
      const kind = kindOf(insn);
      if (kind === 'return' || kind === 'indirect' || (kind === 'jump' && this.#isFar(insn.target))) ends = true;
      else if (kind === 'jump' || kind === 'condition') {
        if (!this.insns.has(insn.target) && this.code.opAt(insn.target) !== 0) return false;
      } else if (kind !== 'plain' && kind !== 'call') return false;
    }
    return ends;
  }

  /** Reached by a jump, but no part of what was found. */
  #isFar(at: number): boolean {
    return !this.#isNear(at) && this.code.opAt(at) !== 0;
  }

  get isTrampoline(): boolean {
    return [...this.insns.values()].every((insn) => kindOf(insn) === 'plain' || (kindOf(insn) === 'indirect' && !isDispatch(insn)));
  }

  get calls(): boolean {
    return [...this.insns.values()].some((insn) => kindOf(insn) === 'call');
  }

  run(): void {
    this.#reach(this.entry);
    this.#follow();
    const jump = [...this.insns.values()].find(isDispatch);
    if (!jump) return;
    this.#maxInstructions = MAX_DISPATCHED;
    this.#followTables();
    const others = [...this.insns.values()].filter((insn) => isDispatch(insn) && !this.tables.has(insn.at));
    if (others.length > 0) this.#lookAround(others[0]!);
    this.#chooseDispatched();
    if (this.#isTooMuch) {
      for (const set of [this.targets, this.dispatched, this.tables]) set.clear();
    }
    if (this.dispatched.size > 0) this.targets.add(this.entry);
  }

  get #isTooMuch(): boolean {
    return this.insns.size >= MAX_DISPATCHED || this.targets.size > MAX_TARGETS;
  }

  /** Reaches all that tables name. */
  #followTables(): void {
    const tables = new JumpTables(this.code, this.insns);
    for (let found = -1; found < this.tables.size && !this.#isTooMuch; ) {
      found = this.tables.size;
      for (const insn of [...this.insns.values()]) {
        const table = isDispatch(insn) && !this.tables.has(insn.at) ? tables.of(insn) : undefined;
        if (!table) continue;
        this.tables.set(insn.at, table);
        for (const at of table.targets) this.#reach(at);
        this.#follow();
      }
    }
  }

  /** Jumps in loops, and those without a table of their own, go through the dispatcher, so that the loop can be entered at each target. */
  #chooseDispatched(): void {
    const uses = new Map<number, number>();
    for (const { address } of this.tables.values()) uses.set(address, (uses.get(address) ?? 0) + 1);
    for (const jump of [...this.insns.values()].filter(isDispatch)) {
      const table = this.tables.get(jump.at);
      if (table && uses.get(table.address) === 1 && !this.#leadsBack(jump.at, table)) continue;
      if (!table && this.targets.size === 0) continue;
      this.dispatched.add(jump.at);
      for (const at of table?.targets ?? []) if (this.insns.has(at)) this.targets.add(at);
    }
  }

  /** Whether control can come back to a jump, without leaving the region. */
  #leadsBack(jumpAt: number, { targets }: JumpTable): boolean {
    const seen = new Set<number>(targets);
    for (const at of seen) {
      const insn = this.insns.get(at);
      if (!insn) continue;
      if (at === jumpAt) return true;
      const kind = kindOf(insn);
      if (kind === 'jump' || kind === 'condition') seen.add(insn.target);
      if (kind === 'indirect') for (const next of this.tables.get(at)?.targets ?? []) seen.add(next);
      if (kind !== 'jump' && kind !== 'indirect' && kind !== 'return' && kind !== 'slow' && kind !== 'syscall') seen.add(at + insn.lenBytes);
    }
    return false;
  }

  /**
   * Looks behind the jumps of the region and those near it that belong to the same loop: they lead into
   * the region, or are computed in the same way.
   */
  #lookAround(dispatch: GuestInstruction): void {
    let apart = this.#jumpsNearby();
    for (let found = -1; found < this.targets.size && !this.#isTooMuch; ) {
      found = this.targets.size;
      for (const insn of this.insns.values()) this.#lookBehind(insn);
      const rest: GuestInstruction[] = [];
      for (const jump of apart) {
        if (jump.form === dispatch.form || this.insns.has(jump.target)) this.#lookBehind(jump);
        else rest.push(jump);
      }
      apart = rest;
    }
  }

  /** Unconditional jumps near the entry that were decoded. */
  #jumpsNearby(): GuestInstruction[] {
    const jumps: GuestInstruction[] = [];
    for (let page = -MAX_PAGES_AWAY; page <= MAX_PAGES_AWAY; page++) {
      for (const insn of this.code.decodedIn(page)) if (!this.insns.has(insn.at) && (kindOf(insn) === 'jump' || isDispatch(insn))) jumps.push(insn);
    }
    return jumps;
  }

  #follow(): void {
    for (let at = this.#pending.shift(); at !== undefined; at = this.#pending.shift()) this.#straight(at);
  }

  /** What was decoded behind an unconditional jump, so probably run, can only have been jumped to: by a computed jump, unless a direct one is known. */
  #lookBehind(insn: GuestInstruction): void {
    const kind = kindOf(insn);
    if (kind !== 'jump' && kind !== 'indirect') return;
    for (let at = insn.at + insn.lenBytes, end = at + MAX_PADDING_BYTES; at < end; at++) {
      if (!this.#isNear(at) || this.code.opAt(at) === 0) continue;
      if (this.insns.has(at)) return;
      this.targets.add(at);
      this.#reach(at);
      return this.#follow();
    }
  }

  #isNear(at: number): boolean {
    return Math.abs(Math.floor(at / PAGE_SIZE) - Math.floor(this.entry / PAGE_SIZE)) <= MAX_PAGES_AWAY;
  }

  #reach(at: number): void {
    if (!this.#isNear(at) || this.code.opAt(at) === 0 || (at !== this.entry && this.isElsewhere(at))) return;
    if (!this.leaders.has(at)) this.#pending.push(at);
    this.leaders.add(at);
  }

  #straight(start: number): void {
    for (let at = start; !this.insns.has(at); ) {
      if (this.insns.size >= this.#maxInstructions || this.code.opAt(at) === 0 || (at !== start && this.isElsewhere(at))) return;
      const insn = this.code.decode(at);
      if (!insn) return;
      this.insns.set(at, insn);
      const next = at + insn.lenBytes;
      const kind = kindOf(insn);
      if (kind === 'jump') return this.#reach(insn.target);
      if (kind === 'condition') this.#reach(insn.target);
      if (kind === 'condition' || kind === 'call' || kind === 'callIndirect' || kind === 'cold') return this.#reach(next);
      if (kind !== 'plain') return;
      at = next;
      if (!this.#isNear(at)) return;
    }
  }
}
