import type { Graph } from './graph.js';
import type { Alias, Label, Node, NodeOp } from './node.js';
import { fold } from './fold.js';
import type { F32, F64, I32, I64, Int, IntSize, Ty, V128, Val, Var } from './types.js';
import { PURE_OPS, type PureOp } from './wasm-ops.js';

/** Access to linear memory by size: opcode of the zero-extending load and of the store. */
const INT_LOAD: Record<IntSize, number> = { 8: 0x2d, 16: 0x2f, 32: 0x28, 64: 0x29 };
const INT_STORE: Record<IntSize, number> = { 8: 0x3a, 16: 0x3b, 32: 0x36, 64: 0x37 };
const TY_LOAD: Record<Ty, number> = { i32: 0x28, i64: 0x29, f32: 0x2a, f64: 0x2b, v128: 0xfd0000 };
const TY_STORE: Record<Ty, number> = { i32: 0x36, i64: 0x37, f32: 0x38, f64: 0x39, v128: 0xfd000b };

interface LocalVar<T extends Ty> extends Var<T> {
  readonly local: number;
}

/** Values are nodes: the builder hands them out as opaque `Val`s. */
export function node(v: Val): Node {
  return v as unknown as Node;
}

function val<T extends Ty>(n: Node): Val<T> {
  return n as unknown as Val<T>;
}

/**
 * The part of `Builder` that knows nothing of guest state: constants, pure operations, raw linear
 * memory, variables and control. Also serves to write the interpreter's own functions.
 */
export class ExpressionBuilder {
  constructor(
    readonly graph: Graph,
    /** A fresh local of the function under construction. */
    readonly takeLocal: (ty: Ty) => number,
  ) {}

  protected make<T extends Ty>(ty: T, op: NodeOp, args: readonly Val[] = []): Val<T> {
    return val<T>(this.graph.append(ty, op, args.map(node)));
  }

  protected effect(op: NodeOp, args: readonly Val[], changes: readonly Alias[]): void {
    this.graph.effect('void', op, args.map(node), changes);
  }

  // ---- constants
  i32(value: number): I32 { return this.make('i32', { kind: 'const', value: value | 0 }); }
  i64(value: bigint | number): I64 { return this.make('i64', { kind: 'const', value: BigInt.asIntN(64, BigInt(value)) }); }
  f32(value: number): F32 { return this.make('f32', { kind: 'const', value }); }
  f64(value: number): F64 { return this.make('f64', { kind: 'const', value }); }
  v128(bytes: ArrayLike<number>): V128 { return this.make('v128', { kind: 'const', value: Uint8Array.from(bytes) }); }

  int(sizeBits: number, value: number | bigint): Int {
    return sizeBits === 64 ? this.i64(value) : this.i32(Number(BigInt.asIntN(32, BigInt(value))));
  }

  constOf(v: Val): number | bigint | undefined {
    const { op } = node(v);
    return op.kind === 'const' && !(op.value instanceof Uint8Array) ? op.value : undefined;
  }

  // ---- pure operations
  op(name: PureOp, ...args: Val[]): Val<any> { return this.lane(name, 0, ...args); }

  lane(name: PureOp, lane: number, ...args: Val[]): Val<any> {
    const info = PURE_OPS.get(name)!;
    if (info.params.length !== args.length || info.params.some((ty, i) => ty !== args[i]!.ty)) {
      throw new TypeError(`${name}(${args.map((a) => a.ty).join(', ')}): expected (${info.params.join(', ')})`);
    }
    const folded = fold(name, args, this);
    return folded ?? this.make(info.result, { kind: 'pure', info, lane }, args);
  }

  shuffle(a: V128, b: V128, lanes: ArrayLike<number>): V128 {
    return this.make('v128', { kind: 'shuffle', lanes: Uint8Array.from(lanes) }, [a, b]);
  }

  #binary<T extends Int>(name: string, a: T, b: T): T { return this.op(`${a.ty}.${name}` as PureOp, a, b) as T; }
  #compare(name: string, a: Int, b: Int): I32 { return this.op(`${a.ty}.${name}` as PureOp, a, b) as I32; }

  add<T extends Int>(a: T, b: T): T { return this.#binary('add', a, b); }
  sub<T extends Int>(a: T, b: T): T { return this.#binary('sub', a, b); }
  mul<T extends Int>(a: T, b: T): T { return this.#binary('mul', a, b); }
  and<T extends Int>(a: T, b: T): T { return this.#binary('and', a, b); }
  or<T extends Int>(a: T, b: T): T { return this.#binary('or', a, b); }
  xor<T extends Int>(a: T, b: T): T { return this.#binary('xor', a, b); }
  not<T extends Int>(a: T): T { return this.#binary('xor', a, (a.ty === 'i64' ? this.i64(-1) : this.i32(-1)) as T); }
  shl<T extends Int>(a: T, count: T): T { return this.#binary('shl', a, count); }
  shrU<T extends Int>(a: T, count: T): T { return this.#binary('shr_u', a, count); }
  shrS<T extends Int>(a: T, count: T): T { return this.#binary('shr_s', a, count); }
  eqz(a: Int): I32 { return this.op(`${a.ty}.eqz` as PureOp, a) as I32; }
  eq(a: Int, b: Int): I32 { return this.#compare('eq', a, b); }
  ne(a: Int, b: Int): I32 { return this.#compare('ne', a, b); }
  ltU(a: Int, b: Int): I32 { return this.#compare('lt_u', a, b); }
  ltS(a: Int, b: Int): I32 { return this.#compare('lt_s', a, b); }
  leU(a: Int, b: Int): I32 { return this.#compare('le_u', a, b); }
  leS(a: Int, b: Int): I32 { return this.#compare('le_s', a, b); }

  select<T extends Val>(condition: I32, a: T, b: T): T {
    if (a.ty !== b.ty) throw new TypeError(`select(${a.ty}, ${b.ty})`);
    return this.make(a.ty, { kind: 'select' }, [a, b, condition]) as unknown as T;
  }

  wrap(a: Int): I32 { return a.ty === 'i32' ? (a as I32) : (this.op('i32.wrap_i64', a) as I32); }
  zext64(a: Int): I64 { return a.ty === 'i64' ? (a as I64) : (this.op('i64.extend_i32_u', a) as I64); }

  sext64(a: Int, sizeBits: number): I64 {
    if (sizeBits === 64) return a as I64;
    if (a.ty === 'i64') return this.sext(a as I64, sizeBits);
    return this.op('i64.extend_i32_s', this.sext(a as I32, sizeBits)) as I64;
  }

  sext<T extends Int>(a: T, sizeBits: number): T {
    if (sizeBits === 64 || (sizeBits === 32 && a.ty === 'i32')) return a;
    if (![8, 16, 32].includes(sizeBits)) {
      const rest = (a.ty === 'i64' ? this.i64(64 - sizeBits) : this.i32(32 - sizeBits)) as T;
      return this.shrS(this.shl(a, rest), rest);
    }
    return this.op(`${a.ty}.extend${sizeBits}_s` as PureOp, a) as T;
  }

  trunc(a: Int, sizeBits: number): Int {
    if (sizeBits === 64) return this.zext64(a);
    const low = this.wrap(a);
    return sizeBits === 32 ? low : this.and(low, this.i32(sizeBits === 8 ? 0xff : 0xffff));
  }

  // ---- raw linear memory
  readRaw<T extends Ty>(ty: T, address: I32, offset: number, alias: Alias): Val<T> {
    return this.make(ty, { kind: 'load', code: TY_LOAD[ty], offset, alias }, [address]);
  }

  readRawInt(sizeBits: IntSize, address: I32, offset: number, alias: Alias): Int {
    return this.make(sizeBits === 64 ? 'i64' : 'i32', { kind: 'load', code: INT_LOAD[sizeBits], offset, alias }, [address]);
  }

  writeRaw(address: I32, offset: number, value: Val, alias: Alias): void {
    this.effect({ kind: 'store', code: TY_STORE[value.ty], offset }, [address, value], [alias]);
  }

  writeRawInt(sizeBits: IntSize, address: I32, offset: number, value: Int, alias: Alias): void {
    this.effect({ kind: 'store', code: INT_STORE[sizeBits], offset }, [address, value], [alias]);
  }

  rawLoad(sizeBits: IntSize, address: I32, offset = 0): Int { return this.readRawInt(sizeBits, address, offset, 'guest'); }
  rawStore(sizeBits: IntSize, address: I32, value: Int, offset = 0): void { this.writeRawInt(sizeBits, address, offset, value, 'guest'); }
  rawLoadV128(address: I32, offset = 0): V128 { return this.readRaw('v128', address, offset, 'guest'); }
  rawStoreV128(address: I32, value: V128, offset = 0): void { this.writeRaw(address, offset, value, 'guest'); }
  rawCopy(to: I32, from: I32, bytes: I32): void { this.effect({ kind: 'copy' }, [to, from, bytes], ['guest', 'state']); }
  rawFill(to: I32, byte: I32, bytes: I32): void { this.effect({ kind: 'fill' }, [to, byte, bytes], ['guest', 'state']); }

  // ---- variables and control
  variable<T extends Ty>(ty: T, initial: Val<T>): Var<T> {
    const v: LocalVar<T> = { ty, variable: true, local: this.takeLocal(ty) };
    this.setVar(v, initial);
    return v;
  }

  getVar<T extends Ty>(v: Var<T>): Val<T> { return this.make(v.ty, { kind: 'get', local: (v as LocalVar<T>).local, alias: 'var' }); }
  setVar<T extends Ty>(v: Var<T>, value: Val<T>): void { this.effect({ kind: 'set', local: (v as LocalVar<T>).local }, [value], ['var']); }

  if(condition: I32, then: () => void, otherwise?: () => void): void { this.graph.if(node(condition), then, otherwise); }

  ifVal<T extends Val>(condition: I32, then: () => T, otherwise: () => T): T {
    let result: Var | undefined;
    const keep = (v: Val): void => {
      result ??= { ty: v.ty, variable: true, local: this.takeLocal(v.ty) } as LocalVar<Ty>;
      this.setVar(result, v);
    };
    this.if(condition, () => keep(then()), () => keep(otherwise()));
    return this.getVar(result!) as unknown as T;
  }

  loop(body: () => I32): void {
    const label: Label = { name: 'repeat' };
    this.graph.loop(label, () => this.branchIf(body(), label));
  }

  block(name: string, build: (label: Label) => void): void {
    const label: Label = { name };
    this.graph.block(label, () => build(label));
  }

  branch(label: Label): void { this.effect({ kind: 'br', label }, [], []); }
  branchIf(condition: I32, label: Label): void { this.effect({ kind: 'brIf', label, isRare: false }, [condition], []); }
  /** A branch that is hardly ever taken: the compiler puts its target out of the way. */
  branchRarely(condition: I32, label: Label): void { this.effect({ kind: 'brIf', label, isRare: true }, [condition], []); }
  /** A branch of code that hardly ever runs. */
  ifRare(condition: I32, then: () => void): void { this.graph.if(node(condition), then, undefined, true); }
  returnValue(...values: Val[]): void { this.effect({ kind: 'return' }, values, []); }

  /** Reads a local that never changes, or a mutable one (`var`). */
  local<T extends Ty>(ty: T, index: number, alias: Alias = 'fixed'): Val<T> { return this.make(ty, { kind: 'get', local: index, alias }); }
  setLocal(index: number, value: Val): void { this.effect({ kind: 'set', local: index }, [value], ['var']); }

  /** Sets a local that nothing in this graph reads. */
  setFixed(index: number, value: Val): void { this.effect({ kind: 'set', local: index }, [value], []); }

  callIndex<T extends Ty>(fn: number, ty: T, args: readonly Val[], changes: readonly Alias[] = ['state', 'guest']): Val<T> {
    return val<T>(this.graph.effect(ty, { kind: 'call', fn }, args.map(node), changes));
  }

  callIndexVoid(fn: number, args: readonly Val[], changes: readonly Alias[] = ['state', 'guest']): void {
    this.effect({ kind: 'call', fn }, args, changes);
  }

  /** Indirect call through a table of the module. */
  callTable<T extends Ty>(type: number, ty: T, args: readonly Val[], slot: I32, table: number): Val<T> {
    return val<T>(this.graph.effect(ty, { kind: 'callIndirect', type, table }, [...args, slot].map(node), ['state', 'guest', 'var']));
  }

  /** The same in place of a return. */
  tailCallTable(type: number, args: readonly Val[], slot: I32, table: number): void {
    this.effect({ kind: 'tailCallIndirect', type, table }, [...args, slot], []);
  }

  /** A call in place of a return. */
  tailCallIndex(fn: number, args: readonly Val[]): void { this.effect({ kind: 'tailCall', fn }, args, []); }

  /** Opens an `if` whose branches are emitted after this graph (Lowering.otherwise, close). */
  openIf(condition: I32): void { this.effect({ kind: 'openIf' }, [condition], []); }

  getGlobal(index: number): I32 { return this.make('i32', { kind: 'global', index }); }
  getGlobal64(index: number): I64 { return this.make('i64', { kind: 'global', index }); }
  getGlobalVector(index: number): V128 { return this.make('v128', { kind: 'global', index }); }
  setGlobal(index: number, value: I32 | I64): void { this.effect({ kind: 'setGlobal', index }, [value], ['var']); }

  branchTable(index: I32, labels: readonly Label[], fallback: Label): void {
    this.effect({ kind: 'brTable', labels, fallback }, [index], []);
  }

  /** An atomic access with a result; `code` is its opcode with prefix. */
  atomic<T extends Ty>(ty: T, code: number, offset: number, args: readonly Val[]): Val<T> {
    return val<T>(this.graph.effect(ty, { kind: 'atomic', code, offset }, args.map(node), ['guest', 'state']));
  }

  atomicVoid(code: number, offset: number, args: readonly Val[]): void {
    this.effect({ kind: 'atomic', code, offset }, args, ['guest', 'state']);
  }
}
