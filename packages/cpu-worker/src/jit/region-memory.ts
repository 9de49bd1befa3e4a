import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { WINDOW_ACCESS_BYTES, WINDOW_SLACK_BYTES, WindowKind } from '@troupe/abi/layout/memory-windows.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { node } from '../ir/expression-builder.js';
import type { Alias, LateConstant, Node } from '../ir/node.js';
import type { I32, I64, Int, IntSize, Ty, Val } from '../ir/types.js';
import type { Operand } from '../isa/operand.js';
import { RIP_BASE } from './guest-code.js';
import type { RegionOperand } from './region-operand.js';
import { RegionSlots } from './region-slots.js';
import { Slot } from './slots.js';
import { shapeOf, type AddressShape, type TranslatedPage } from './translated-pages.js';
import { distanceIn, RunSpan, type WindowRun } from './window-run.js';

const OFFSET_MASK = 0xffffffff_00000fffn;
/** Bits of the address of an aligned vector that must be 0. */
const ALIGNED_MASK = 0xffffffff_0000000fn;

/** Memory accesses of an instruction of a region: how guest addresses become linear ones. */
export abstract class RegionMemory extends RegionSlots {
  readonly #aligned = new Set<Node>();
  /** Addresses that are the sum of another one and a constant. */
  readonly #displaced = new Map<Node, { readonly base: I32; readonly displacement: number }>();

  /** Leaves with the instruction not begun. */
  protected abstract slowIf(condition: I32): void;

  // ---- addresses
  #origin(): I64 { return this.local('i64', this.context.locals.origin); }
  /** Guest address `at` bytes behind the start of the entry's page. */
  address(at: number): I64 { return this.add(this.#origin(), this.i64(at)); }
  rip(): I64 { return this.address(this.insn.at); }
  nextRip(): I64 { return this.address(this.insn.at + this.insn.lenBytes); }
  protected target(): I64 { return this.address(this.insn.target); }

  offset(o: Operand, extra?: I64): I64 {
    const { base, index, scaleLog2, disp, address32, immLow, immHigh } = this.insn;
    if ((o as RegionOperand).isMoffs) return this.i64((BigInt(immHigh >>> 0) << 32n) | BigInt(immLow >>> 0));
    let sum: I64 | undefined;
    const plus = (value: I64): void => { sum = sum ? this.add(sum, value) : value; };
    if (base === RIP_BASE) plus(this.address(this.insn.at + this.insn.lenBytes));
    else if (base >= 0) plus(this.gpr(base));
    if (index >= 0) plus(this.shl(this.gpr(index), this.i64(scaleLog2)));
    if (extra) plus(extra);
    if (disp !== 0 || !sum) plus(this.i64(disp));
    return address32 ? this.and(sum!, this.i64(0xffffffffn)) : sum!;
  }

  ea(o: Operand, extra?: I64): I64 {
    const offset = this.offset(o, extra);
    return this.insn.segment === 0 ? offset : this.add(offset, this.segmentBase());
  }

  segmentBase(): I64 {
    if (this.insn.segment === 0) return this.i64(0);
    return this.readSlot(this.insn.segment === 1 ? Slot.FS_BASE : Slot.GS_BASE) as I64;
  }

  /** One subtraction and comparison instead of a walk, where the address is in the window. Keeps what is known then. */
  #translateInWindow(kind: WindowKind, va: I64, bytes: number, forWrite: boolean, shape: AddressShape | undefined): I32 {
    const window = this.context.locals.window(kind);
    this.#leaveIfMisaligned(va);
    const isIn = this.ltU(this.sub(va, this.local('i64', window.start)), this.local('i64', window.bytes));
    const found = this.add(this.wrap(va), this.local('i32', window.entry));
    if (shape) return this.#beginRun(shape, bytes, forWrite, isIn, found, va);
    const address = this.variable('i32', found);
    this.ifRare(this.eqz(isIn), () => this.setVar(address, this.#walk(va, bytes, forWrite)));
    return this.getVar(address);
  }

  #beginRun({ key, slots, displacement }: AddressShape, bytes: number, forWrite: boolean, isIn: I32, found: I32, va: I64): I32 {
    const { state, locals } = this.context;
    const local = locals.run(key, state.runs.map((run) => run.local));
    const run = { key, slots, displacement, local, span: new RunSpan(bytes, forWrite) };
    this.setLocal(local, this.sub(found, this.i32(WINDOW_SLACK_BYTES)));
    this.ifRare(this.eqz(isIn), () => this.setLocal(local, this.sub(this.#walkSpan(va, run.span), this.i32(WINDOW_SLACK_BYTES))));
    state.addRun(run);
    return this.#addressIn(run, 0);
  }

  #addressIn({ local }: WindowRun, distance: number): I32 {
    const first = this.local('i32', local, 'var');
    const address = this.add(first, this.i32(WINDOW_SLACK_BYTES + distance));
    this.#displaced.set(node(address), { base: first, displacement: WINDOW_SLACK_BYTES + distance });
    return address;
  }

  /** Near an address that was looked at. */
  #inRun(va: I64, bytes: number, forWrite: boolean, shape: AddressShape): I32 | undefined {
    for (const run of this.context.state.runs) {
      const distance = distanceIn(run, shape, bytes);
      if (distance === undefined) continue;
      run.span.include(distance, bytes, forWrite);
      this.#leaveIfMisaligned(va);
      return this.#addressIn(run, distance);
    }
    return undefined;
  }

  /** The pages of the run's lowest and last byte, which may be one, must have the same entry. */
  #walkSpan(va: I64, span: RunSpan): I32 {
    const [lowest, last] = [span.low, span.last].map((distance) => this.add(va, this.#late('i64', distance))) as [I64, I64];
    this.slowIf(this.wrap(this.shrU(this.or(lowest, last), this.i64(32))));
    const table = this.readRaw('i32', this.add(this.tcb(), this.#late('i32', span.table)), 0, 'state');
    const entry = this.variable('i32', this.#entryOf(lowest, table));
    this.slowIf(this.or(this.eqz(this.getVar(entry)), this.ne(this.getVar(entry), this.#entryOf(last, table))));
    return this.add(this.wrap(va), this.getVar(entry));
  }

  #late<T extends 'i32' | 'i64'>(ty: T, constant: LateConstant): Val<T> { return this.make(ty, { kind: 'late', constant }); }

  /** Constants that an access can take into its offset: addresses of runs do not wrap. */
  override readRaw<T extends Ty>(ty: T, address: I32, offset: number, alias: Alias): Val<T> {
    const { base, displacement } = this.#split(address);
    return super.readRaw(ty, base, offset + displacement, alias);
  }

  override readRawInt(sizeBits: IntSize, address: I32, offset: number, alias: Alias): Int {
    const { base, displacement } = this.#split(address);
    return super.readRawInt(sizeBits, base, offset + displacement, alias);
  }

  override writeRaw(address: I32, offset: number, value: Val, alias: Alias): void {
    const { base, displacement } = this.#split(address);
    super.writeRaw(base, offset + displacement, value, alias);
  }

  override writeRawInt(sizeBits: IntSize, address: I32, offset: number, value: Int, alias: Alias): void {
    const { base, displacement } = this.#split(address);
    super.writeRawInt(sizeBits, base, offset + displacement, value, alias);
  }

  #split(address: I32): { base: I32; displacement: number } {
    return this.#displaced.get(node(address)) ?? { base: address, displacement: 0 };
  }

  /** What is written soon is translated for writing, and kept for that. */
  translate(va: I64, bytes: number, forWrite: boolean): I32 {
    const shape = shapeOf(node(va), this.context.locals);
    const known = shape && this.#inRun(va, bytes, forWrite, shape);
    if (known) return known;
    if (this.ifDepth > 0 || !shape) return this.#translate(va, bytes, forWrite, shape);
    const name = `${shape.key} at ${shape.displacement}`;
    const before = this.context.state.pages.get(name);
    if (before && before.bytes >= bytes) {
      if (!before.isAligned) this.#leaveIfMisaligned(va);
      return this.local('i32', before.address, 'var');
    }
    if (forWrite || !this.context.state.isInLoop || !this.context.isRewritten(this.insn)) return this.#translate(va, bytes, forWrite, shape);
    const { offset, address } = this.context.locals.page(name);
    this.setLocal(address, this.#translate(va, bytes, true, shape));
    this.context.state.pages.set(name, { ...shape, bytes, offset, address, isAligned: this.#aligned.has(node(va)) });
    return this.local('i32', address, 'var');
  }

  #translate(va: I64, bytes: number, forWrite: boolean, shape: AddressShape | undefined): I32 {
    const isOnStack = shape?.key === String(Slot.RSP);
    const window = isOnStack ? WindowKind.STACK : this.context.window(this.insn);
    if (window !== undefined && bytes <= WINDOW_ACCESS_BYTES && this.ifDepth === 0) return this.#translateInWindow(window, va, bytes, forWrite, shape);
    if (!shape) return this.#walk(va, bytes, forWrite);
    const { pages } = this.context.state;
    const near = pages.get(`${shape.key} w`) ?? (forWrite ? undefined : pages.get(shape.key));
    if (near) return this.#translateNear(va, bytes, forWrite, near, shape.displacement - near.displacement);
    return this.ifDepth > 0 || this.#aligned.has(node(va)) ? this.#walk(va, bytes, forWrite) : this.#walkFirst(va, bytes, forWrite, shape);
  }

  /** In the page of an access before it, probably: one comparison. */
  #translateNear(va: I64, bytes: number, forWrite: boolean, near: TranslatedPage, distance: bigint): I32 {
    this.#leaveIfMisaligned(va);
    const first = this.local('i32', near.address, 'var');
    if (distance === 0n && bytes <= near.bytes) return first;
    const address = this.variable('i32', this.add(first, this.i32(Number(BigInt.asIntN(32, distance)))));
    const offset = this.add(this.local('i64', near.offset, 'var'), this.i64(distance));
    this.ifRare(this.ltU(this.i64(0x1000 - bytes), offset), () => {
      this.setVar(address, this.#walk(va, bytes, forWrite));
    });
    return this.getVar(address);
  }

  /** Keeps what the accesses behind it need. */
  #walkFirst(va: I64, bytes: number, forWrite: boolean, { key, slots, displacement }: AddressShape): I32 {
    const name = forWrite ? `${key} w` : key;
    const { offset, address } = this.context.locals.page(name);
    this.setLocal(offset, this.and(va, this.i64(OFFSET_MASK)));
    this.slowIf(this.ltU(this.i64(0x1000 - bytes), this.local('i64', offset, 'var')));
    this.setLocal(address, this.#lookUp(va, this.#table(forWrite)));
    this.context.state.pages.set(name, { slots, displacement, bytes, offset, address });
    return this.local('i32', address, 'var');
  }

  #walk(va: I64, bytes: number, forWrite: boolean): I32 {
    if (this.#aligned.has(node(va))) this.slowIf(this.ne(this.and(va, this.i64(ALIGNED_MASK)), this.i64(0)));
    else this.slowIf(this.ltU(this.i64(0x1000 - bytes), this.and(va, this.i64(OFFSET_MASK))));
    return this.#lookUp(va, this.#table(forWrite));
  }

  #table(forWrite: boolean): I32 { return this.readRaw('i32', this.tcb(), forWrite ? TCB.off.tableWrite : TCB.off.tableRead, 'state'); }

  #lookUp(va: I64, table: I32): I32 {
    const entry = this.#entryOf(va, table);
    this.slowIf(this.eqz(entry));
    return this.add(this.wrap(va), entry);
  }

  #entryOf(va: I64, table: I32): I32 {
    const slot = this.and(this.shrU(this.wrap(va), this.i32(10)), this.i32(0x3ffffc));
    return this.readRaw('i32', this.add(table, slot), 0, 'guest');
  }

  /** Where the page is compared with a known one, whose test does not see the alignment. */
  #leaveIfMisaligned(va: I64): void {
    if (this.#aligned.has(node(va))) this.slowIf(this.ne(this.and(va, this.i64(15)), this.i64(0)));
  }

  /** What is aligned crosses no page: `translate` makes one test of the two. */
  protected override checkAligned(va: I64): void {
    this.#aligned.add(node(va));
  }

  commit(): void {}
  hostRead(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, false), this.i32(ADDEND_BIAS)); }
  hostWrite(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, true), this.i32(ADDEND_BIAS)); }
  hostCommit(): void {}
}
