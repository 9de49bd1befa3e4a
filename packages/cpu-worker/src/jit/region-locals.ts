import type { WindowKind } from '@troupe/abi/layout/memory-windows.js';
import type { LocalPool } from '../ir/lower.js';
import type { Ty } from '../ir/types.js';
import { SLOT_PLACE } from './slots.js';

/** Copies of a MemoryWindow's fields. */
export interface WindowLocals {
  readonly start: number;
  readonly bytes: number;
  readonly entry: number;
}

interface Constant {
  readonly local: number;
  readonly bytes: Uint8Array;
  isGlobal: boolean;
}

/** Locals of a region's function: parameters, then what lives through the whole region. */
export class RegionLocals {
  readonly tcb = 0;
  /** Guest address of the entry (parameter). */
  readonly rip = 1;
  /** Calls that may still nest, times 2, plus 1 when the caller needs the flags after a return. */
  readonly depth = 2;
  /** With several entries: which one (parameter). */
  readonly entryAt = 4;
  /** Guest address of the start of the entry's page. */
  readonly origin: number;
  /** TCB.ran. */
  readonly count: number;
  /** Where an exit stub lets the guest go on, counted from `origin`. */
  readonly pc: number;
  /** With a dispatcher: where a computed jump leads. */
  #target: number | undefined;
  #rounding: number | undefined;
  readonly #windows = new Map<WindowKind, WindowLocals>();
  readonly #slots = new Map<number, number>();
  readonly #slotOfLocal = new Map<number, number>();
  readonly #pages = new Map<string, { readonly offset: number; readonly address: number }>();
  readonly #runs = new Map<string, number[]>();
  readonly #operands = new Map<string, number>();
  readonly #constants = new Map<string, Constant>();

  constructor(readonly pool: LocalPool) {
    this.origin = pool.reserve('i64');
    this.count = pool.reserve('i32');
    this.pc = pool.reserve('i32');
  }

  /** Made when first asked for; loaded at the entry. */
  window(kind: WindowKind): WindowLocals {
    let window = this.#windows.get(kind);
    if (!window) this.#windows.set(kind, (window = { start: this.pool.reserve('i64'), bytes: this.pool.reserve('i64'), entry: this.pool.reserve('i32') }));
    return window;
  }

  get windows(): Iterable<[WindowKind, WindowLocals]> {
    return this.#windows;
  }

  get target(): number {
    return (this.#target ??= this.pool.reserve('i64'));
  }

  /** Guard of MXCSR (RegionState.rounding). */
  get rounding(): number {
    return (this.#rounding ??= this.pool.reserve('i32'));
  }

  slot(slot: number): number {
    const local = this.#find(this.#slots, slot, SLOT_PLACE[slot]!.ty);
    this.#slotOfLocal.set(local, slot);
    return local;
  }

  /** The slot that a local stands for. */
  slotOf(local: number): number | undefined { return this.#slotOfLocal.get(local); }

  /** For TranslatedPage. */
  page(key: string): { readonly offset: number; readonly address: number } {
    let page = this.#pages.get(key);
    if (!page) this.#pages.set(key, (page = { offset: this.pool.reserve('i64'), address: this.pool.reserve('i32') }));
    return page;
  }

  /** For WindowRun: one of the address's registers that is none of `used`. */
  run(key: string, used: readonly number[]): number {
    let locals = this.#runs.get(key);
    if (!locals) this.#runs.set(key, (locals = []));
    let free = locals.find((local) => !used.includes(local));
    if (free === undefined) locals.push((free = this.pool.reserve('i32')));
    return free;
  }

  /** Keeps an operand of a deferred flag operation. */
  flagOperand(name: 'x' | 'y' | 'r' | 'be', ty: Ty): number {
    return this.#find(this.#operands, `${name} ${ty}`, ty);
  }

  /**
   * A vector constant, set at the entry. Making one takes several instructions, and the compiler makes it where it is used, so
   * those of loops are loaded from globals, which it cannot know.
   */
  constant(bytes: Uint8Array, isInLoop: boolean): number {
    const key = Buffer.from(bytes).toString('hex');
    let constant = this.#constants.get(key);
    if (!constant) this.#constants.set(key, (constant = { local: this.pool.reserve('v128'), bytes, isGlobal: false }));
    constant.isGlobal ||= isInLoop;
    return constant.local;
  }

  get constants(): Iterable<Constant> {
    return this.#constants.values();
  }

  /** In hexadecimal, those in globals in the order of `constants`. */
  get globalConstants(): string[] {
    return [...this.#constants].filter(([, { isGlobal }]) => isGlobal).map(([key]) => key);
  }

  #find<K>(map: Map<K, number>, key: K, ty: Ty): number {
    let local = map.get(key);
    if (local === undefined) map.set(key, (local = this.pool.reserve(ty)));
    return local;
  }
}
