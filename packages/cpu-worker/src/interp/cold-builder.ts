import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { Label } from '../ir/node.js';
import type { I32, I64, Int, IntSize, Ty } from '../ir/types.js';
import type { Graph } from '../ir/graph.js';
import type { Operand } from '../isa/operand.js';
import type { Addressing } from './forms.js';
import { InterpBuilder, type Linkage } from './interp-builder.js';
import { ATOMIC } from '../ir/atomic-ops.js';
import { BOUNCE_WRITE, underLock } from './wide-atomics.js';
import { Status } from './status.js';

export { Status } from './status.js';

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

  /** Compare-and-exchange until nobody came between. The first read is a guess that the exchange checks. */
  lockedRmw(va: I64, address: I32, sizeBits: IntSize, f: (old: Int) => Int): { old: Int; value: Int } {
    const ty = sizeBits === 64 ? 'i64' : 'i32';
    const old = this.variable(ty, this.readRawInt(sizeBits, address, ADDEND_BIAS, 'guest') as never);
    const value = this.variable(ty, this.int(sizeBits, 0) as never);
    const seen = this.variable(ty, this.int(sizeBits, 0) as never);
    const misaligned = this.wrap(this.and(va, this.i64(sizeBits / 8 - 1)));
    this.loop(() => {
      const before = this.getVar(old) as Int;
      this.setVar(value, f(before) as never);
      const after = this.getVar(value) as Int;
      this.if(misaligned, () => this.setVar(seen, this.#unalignedCas(address, sizeBits, before, after) as never),
        () => this.setVar(seen, this.atomic(ty, ATOMIC.cmpxchg[sizeBits], ADDEND_BIAS, [address, before, after]) as never));
      const found = this.getVar(seen) as Int;
      this.setVar(old, found as never);
      return this.ne(found, before);
    });
    return { old: this.getVar(old) as Int, value: this.getVar(value) as Int };
  }

  #unalignedCas(address: I32, sizeBits: IntSize, before: Int, after: Int): Int {
    if (sizeBits === 8) return before;
    const seen = this.callIndex(this.link.slow.unalignedCas, 'i64', [address, this.i32(sizeBits / 8), this.zext64(before), this.zext64(after)]);
    return sizeBits === 64 ? seen : this.wrap(seen);
  }

  cmpxchg16(va: I64, expected: [I64, I64], desired: [I64, I64]): [I64, I64] {
    this.raiseIf(this.wrap(this.and(va, this.i64(15))), 13);
    const w0 = this.add(this.translate(va, 16, true), this.i32(ADDEND_BIAS));
    const w1 = this.add(w0, this.i32(8));
    const load = (word: I32): I64 => this.atomic('i64', ATOMIC.load[64], 0, [word]);
    const low = this.variable('i64', this.i64(0));
    const high = this.variable('i64', this.i64(0));
    const again = this.variable('i32', this.i32(0));
    underLock(this, () => this.loop(() => {
      this.setVar(low, load(w0));
      this.setVar(high, load(w1));
      this.setVar(again, this.ne(load(w0), this.getVar(low)));
      const same = this.and(this.eq(this.getVar(low), expected[0]), this.eq(this.getVar(high), expected[1]));
      this.if(same, () => this.setVar(again, this.eqz(this.callIndex(this.link.slow.pairCas, 'i32', [w0, w1, ...expected, ...desired, this.i64(-1)]))));
      return this.getVar(again);
    }));
    return [this.getVar(low), this.getVar(high)];
  }
}
