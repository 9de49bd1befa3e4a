import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import type { Operand } from '../isa/operand.js';
import type { Builder, LowTy, StateField, StateTy } from './builder.js';
import { ExpressionBuilder } from './expression-builder.js';
import type { I32, I64, Int, IntSize, RuntimeFn, Ty, V128, Val, VectorTable } from './types.js';

/**
 * The part of `Builder` that follows from a few primitives: registers (`readRegister` …) and the
 * translation of guest addresses. Interpreter and translated code differ in the primitives only.
 */
export abstract class StateBuilder extends ExpressionBuilder implements Builder {
  /** Host address of the destination, once translated for writing (rw operands). */
  #written: { address: I32; va: I64 } | undefined;

  /** LOCK prefix. */
  abstract readonly locked: boolean;

  // ---- registers
  /** Value of a register operand: integers by its size, xmm: v128, mm: i64. */
  protected abstract readRegister(o: Operand): Val;
  /** Low lane of a register operand as `ty`. */
  protected abstract readLow<T extends LowTy>(o: Operand, ty: T): Val<T>;
  /** Low bits of a register operand, zero-extended. */
  protected abstract readLowInt(o: Operand, sizeBits: IntSize): Int;
  protected abstract writeRegister(o: Operand, value: Val): void;
  protected abstract writeLow(o: Operand, value: Val): void;
  protected abstract immediate(o: Operand): Int;
  protected abstract target(o: Operand): I64;
  abstract regNumber(o: Operand): I32;
  abstract gpr(reg: number): I64;
  abstract setGpr(reg: number, value: I64): void;
  abstract gprInt(reg: number, sizeBits: number): Int;
  abstract setGprInt(reg: number, sizeBits: number, value: Int): void;
  abstract xmm(reg: number): V128;
  abstract setXmm(reg: number, value: V128): void;
  abstract field<F extends StateField>(name: F): Val<StateTy<F>>;
  abstract setField<F extends StateField>(name: F, value: Val<StateTy<F>>): void;
  abstract tcb(): I32;
  abstract rip(): I64;
  abstract nextRip(): I64;

  // ---- addresses
  abstract offset(o: Operand): I64;
  abstract ea(o: Operand, extra?: I64): I64;
  abstract segmentBase(): I64;
  /** Address such that the bytes are at address + ADDEND_BIAS. Does not come back on a fault. */
  abstract translate(va: I64, bytes: number, forWrite: boolean): I32;
  /** After a store through `address`. */
  abstract commit(address: I32, bytes: number): void;
  abstract hostRead(va: I64, bytes: number): I32;
  abstract hostWrite(va: I64, bytes: number): I32;
  abstract hostCommit(address: I32): void;
  abstract lockedRmw(va: I64, address: I32, sizeBits: IntSize, f: (old: Int) => Int): { old: Int; value: Int };
  abstract cmpxchg16(va: I64, expected: [I64, I64], desired: [I64, I64]): [I64, I64];
  abstract fence(): void;
  abstract lookup(table: VectorTable, index: I32): V128;

  // ---- leaving
  abstract raise(vector: number, errorCode?: number | I32): void;
  abstract raiseAfter(vector: number): void;
  abstract syscall(): void;
  abstract jump(o: Operand, condition?: I32): void;
  abstract jumpTo(va: I64): void;
  abstract checkTarget(va: I64): void;
  abstract again(): void;
  abstract call<R extends Ty>(fn: RuntimeFn<R>, ...args: Val[]): Val<R>;
  abstract callVoid(fn: RuntimeFn<'void'>, ...args: Val[]): void;

  // ---- operands
  #address(o: Operand, bits: number): { address: I32; va: I64 } {
    if (this.#written) return this.#written;
    const va = this.ea(o);
    if (o.aligned) this.checkAligned(va);
    const forWrite = o.access !== 'r';
    const found = { address: this.translate(va, bits / 8, forWrite), va };
    if (forWrite) this.#written = found;
    return found;
  }

  get(o: Operand): Val<any> {
    if (o.kind === 'mem') {
      const { address } = this.#address(o, o.sizeBits);
      if (o.sizeBits === 128) return this.readRaw('v128', address, ADDEND_BIAS, 'guest');
      return this.readRawInt(o.sizeBits as IntSize, address, ADDEND_BIAS, 'guest');
    }
    if (o.kind === 'imm') return this.immediate(o);
    if (o.kind === 'rel') return this.target(o);
    if (o.kind === 'sreg' || o.kind === 'st') return this.regNumber(o);
    return this.readRegister(o);
  }

  getInt(o: Operand): Int { return this.get(o) as Int; }
  getV128(o: Operand): V128 { return this.get(o) as V128; }

  low<T extends LowTy>(o: Operand, ty: T): Val<T> {
    if (o.kind !== 'mem') return this.readLow(o, ty);
    return this.readRaw(ty, this.#address(o, ty.endsWith('64') ? 64 : 32).address, ADDEND_BIAS, 'guest');
  }

  lowInt(o: Operand, sizeBits: IntSize): Int {
    if (o.kind !== 'mem') return this.readLowInt(o, sizeBits);
    return this.readRawInt(sizeBits, this.#address(o, sizeBits).address, ADDEND_BIAS, 'guest');
  }

  set(o: Operand, value: Val): void {
    if (o.kind === 'mem') return this.#storeOperand(o, value, o.sizeBits);
    this.writeRegister(o, value);
  }

  #storeOperand(o: Operand, value: Val, bits: number): void {
    const { address } = this.#address(o, bits);
    if (bits <= 64 && (value.ty === 'i32' || value.ty === 'i64')) this.writeRawInt(bits as IntSize, address, ADDEND_BIAS, value as Int, 'guest');
    else this.writeRaw(address, ADDEND_BIAS, value, 'guest');
    this.commit(address, bits / 8);
  }

  setLow(o: Operand, value: Val): void {
    if (o.kind === 'mem') return this.#storeOperand(o, value, o.sizeBits);
    this.writeLow(o, value);
  }

  setIf(condition: I32, o: Operand, value: Int): void {
    this.set(o, this.select(condition, value, this.getInt(o)));
  }

  rmw(o: Operand, f: (old: Int) => Int): { old: Int; value: Int } {
    if (o.kind === 'mem' && this.locked) {
      const { address, va } = this.#address(o, o.sizeBits);
      return this.lockedRmw(va, address, o.sizeBits as IntSize, f);
    }
    const old = this.getInt(o);
    const value = f(old);
    this.set(o, value);
    return { old, value };
  }

  rmwAt(sizeBits: IntSize, va: I64, f: (old: Int) => Int): { old: Int; value: Int } {
    const address = this.translate(va, sizeBits / 8, true);
    if (this.locked) return this.lockedRmw(va, address, sizeBits, f);
    const old = this.readRawInt(sizeBits, address, ADDEND_BIAS, 'guest');
    const value = f(old);
    this.writeRawInt(sizeBits, address, ADDEND_BIAS, value, 'guest');
    this.commit(address, sizeBits / 8);
    return { old, value };
  }

  cmpxchg(o: Operand, expected: Int, desired: Int): Int {
    return this.rmw(o, (old) => this.select(this.eq(old, expected), desired, old)).old;
  }

  // ---- guest memory by address
  load(sizeBits: IntSize, va: I64): Int {
    return this.readRawInt(sizeBits, this.translate(va, sizeBits / 8, false), ADDEND_BIAS, 'guest');
  }

  store(sizeBits: IntSize, va: I64, value: Int): void {
    const address = this.translate(va, sizeBits / 8, true);
    this.writeRawInt(sizeBits, address, ADDEND_BIAS, value, 'guest');
    this.commit(address, sizeBits / 8);
  }

  loadV128(va: I64, aligned: boolean): V128 {
    if (aligned) this.checkAligned(va);
    return this.readRaw('v128', this.translate(va, 16, false), ADDEND_BIAS, 'guest');
  }

  storeV128(va: I64, value: V128, aligned: boolean): void {
    if (aligned) this.checkAligned(va);
    const address = this.translate(va, 16, true);
    this.writeRaw(address, ADDEND_BIAS, value, 'guest');
    this.commit(address, 16);
  }

  /** #GP unless `va`, translated next, is a multiple of 16. */
  protected checkAligned(va: I64): void {
    this.raiseIf(this.wrap(this.and(va, this.i64(15))), 13);
  }

  raiseIf(condition: I32, vector: number, errorCode = 0): void {
    this.if(condition, () => this.raise(vector, errorCode));
  }

  protected checkArguments(fn: RuntimeFn, args: readonly Val[]): void {
    if (fn.params.length !== args.length || fn.params.some((ty, i) => ty !== args[i]!.ty)) {
      throw new TypeError(`${fn.name}(${args.map((a) => a.ty).join(', ')}): expected (${fn.params.join(', ')})`);
    }
  }
}
