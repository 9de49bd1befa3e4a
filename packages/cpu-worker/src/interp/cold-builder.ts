import { ADDEND_BIAS, KERNEL_HEADER } from '@troupe/abi/layout/memory-map.js';
import { CoreBlock, KernelHeader } from '@troupe/abi/layout/header.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { Label } from '../ir/node.js';
import type { I32, I64, Int, IntSize, Ty } from '../ir/types.js';
import type { Graph } from '../ir/graph.js';
import type { Operand } from '../isa/operand.js';
import type { Addressing } from './forms.js';
import { InterpBuilder, type Linkage } from './interp-builder.js';

/** What a cold handler returns to the main loop. */
export const Status = {
  NEXT: 0,
  /** Jump to TCB.rip. */
  JUMP: 1,
  /** An exception was raised at this instruction; nothing has changed. */
  FAULT: 2,
  /** Run this instruction again after a poll. */
  AGAIN: 3,
  /** Leave with Trap.EXCEPTION, rip already set. */
  LEAVE: 4,
  /** Leave with Trap.SYSCALL, rip already set. */
  SYSCALL: 5,
  /** The instruction after this op may run; this op is none (Special.GUARD). */
  GUARD: 6,
  /** The instruction must be decoded anew. */
  DECODE: 7,
  /** Jump to TCB.rip, by no instruction (Special.CHAIN). */
  CHAIN: 8,
} as const;

const LOCK_WORD = KERNEL_HEADER + KernelHeader.off.bigAtomicLock;
/** Where an access that crosses a page is put together: reads, then writes. */
export const BOUNCE_READ = CoreBlock.off.scratch;
export const BOUNCE_WRITE = CoreBlock.off.scratch + 512;
export const BOUNCE_BYTES = 512;

const ATOMIC = {
  load: { 8: 0xfe0012, 16: 0xfe0013, 32: 0xfe0010, 64: 0xfe0011 },
  cmpxchg: { 8: 0xfe004a, 16: 0xfe004b, 32: 0xfe0048, 64: 0xfe0049 },
  store32: 0xfe0017,
} as const;

/** Builds one instruction as a function (tcb, op) → Status; every access may take the slow path. */
export class ColdBuilder extends InterpBuilder {
  constructor(
    graph: Graph,
    takeLocal: (ty: Ty) => number,
    link: Linkage,
    addressing: Addressing,
    locked: boolean,
    readonly fault: Label,
  ) {
    super(graph, takeLocal, link, addressing, locked);
  }

  tcb(): I32 { return this.local('i32', 0); }
  opAddress(): I32 { return this.local('i32', 1); }
  pcBase(): I64 { return this.readRaw('i64', this.tcb(), TCB.off.pcBase, 'fixed'); }

  translate(va: I64, bytes: number, forWrite: boolean): I32 {
    const fn = forWrite ? this.link.slow.translateWrite : this.link.slow.translateRead;
    const address = this.callIndex(fn, 'i32', [this.tcb(), va, this.i32(bytes)], ['guest']);
    this.branchIf(this.eqz(address), this.fault);
    return address;
  }

  commit(address: I32, bytes: number): void {
    if (bytes > 1) this.hostCommit(this.add(address, this.i32(ADDEND_BIAS)));
  }

  hostRead(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, false), this.i32(ADDEND_BIAS)); }
  hostWrite(va: I64, bytes: number): I32 { return this.add(this.translate(va, bytes, true), this.i32(ADDEND_BIAS)); }

  hostCommit(address: I32): void {
    const bounce = this.add(this.blockAddress(), this.i32(BOUNCE_WRITE));
    this.if(this.eq(address, bounce), () => this.callIndexVoid(this.link.slow.commit, []));
  }

  /** A bounce buffer was filled before the lock was taken: others may have written since. */
  #refresh(address: I32): void {
    const bounce = this.add(this.blockAddress(), this.i32(BOUNCE_WRITE - ADDEND_BIAS));
    this.if(this.eq(address, bounce), () => this.callIndexVoid(this.link.slow.refresh, []));
  }

  raise(vector: number, errorCode: number | I32 = 0): void {
    const code = typeof errorCode === 'number' ? this.i32(errorCode) : errorCode;
    this.callIndexVoid(this.link.slow.raise, [this.tcb(), this.i32(vector), code, this.i64(0)]);
    this.branch(this.fault);
  }

  raiseAfter(vector: number): void {
    this.callIndexVoid(this.link.slow.raise, [this.tcb(), this.i32(vector), this.i32(0), this.i64(0)]);
    this.#leave(this.nextRip(), Status.LEAVE);
  }

  syscall(): void { this.#leave(this.nextRip(), Status.SYSCALL); }
  again(): void { this.returnValue(this.i32(Status.AGAIN)); }
  jumpTo(va: I64): void { this.#leave(va, Status.JUMP); }

  checkTarget(va: I64): void { this.raiseIf(this.ne(this.shrS(this.shl(va, this.i64(16)), this.i64(16)), va), 13); }

  jump(o: Operand, condition?: I32): void {
    const taken = (): void => this.jumpTo(this.get(o) as I64);
    if (condition) this.if(condition, taken);
    else taken();
  }

  #leave(rip: I64, status: number): void {
    this.writeRaw(this.tcb(), TCB.off.rip, rip, 'fixed');
    this.returnValue(this.i32(status));
  }

  lockedRmw(va: I64, address: I32, sizeBits: IntSize, f: (old: Int) => Int): { old: Int; value: Int } {
    const ty = sizeBits === 64 ? 'i64' : 'i32';
    const old = this.variable(ty, this.int(sizeBits, 0) as never);
    const value = this.variable(ty, this.int(sizeBits, 0) as never);
    const misaligned = this.wrap(this.and(va, this.i64(sizeBits / 8 - 1)));
    this.if(misaligned, () => this.#underLock(() => {
      this.#refresh(address);
      this.setVar(old, this.readRawInt(sizeBits, address, ADDEND_BIAS, 'guest') as never);
      this.setVar(value, f(this.getVar(old) as Int) as never);
      this.writeRawInt(sizeBits, address, ADDEND_BIAS, this.getVar(value) as Int, 'guest');
      this.commit(address, sizeBits / 8);
    }), () => {
      this.setVar(old, this.atomic(ty, ATOMIC.load[sizeBits], ADDEND_BIAS, [address]) as never);
      this.loop(() => {
        const before = this.getVar(old) as Int;
        const after = f(before);
        const seen = this.atomic(ty, ATOMIC.cmpxchg[sizeBits], ADDEND_BIAS, [address, before, after]);
        this.setVar(value, after as never);
        this.setVar(old, seen as never);
        return this.ne(seen as Int, before);
      });
    });
    return { old: this.getVar(old) as Int, value: this.getVar(value) as Int };
  }

  #underLock(build: () => void): void {
    const lock = this.i32(LOCK_WORD);
    this.loop(() => this.atomic('i32', ATOMIC.cmpxchg[32], 0, [lock, this.i32(0), this.i32(1)]));
    build();
    this.atomicVoid(ATOMIC.store32, 0, [lock, this.i32(0)]);
  }

  cmpxchg16(va: I64, expected: [I64, I64], desired: [I64, I64]): [I64, I64] {
    this.raiseIf(this.wrap(this.and(va, this.i64(15))), 13);
    const address = this.translate(va, 16, true);
    const low = this.variable('i64', this.i64(0));
    const high = this.variable('i64', this.i64(0));
    this.#underLock(() => {
      this.setVar(low, this.readRaw('i64', address, ADDEND_BIAS, 'guest'));
      this.setVar(high, this.readRaw('i64', address, ADDEND_BIAS + 8, 'guest'));
      const same = this.and(this.eq(this.getVar(low), expected[0]), this.eq(this.getVar(high), expected[1]));
      this.if(same, () => {
        this.writeRaw(address, ADDEND_BIAS, desired[0], 'guest');
        this.writeRaw(address, ADDEND_BIAS + 8, desired[1], 'guest');
      });
    });
    return [this.getVar(low), this.getVar(high)];
  }

}
