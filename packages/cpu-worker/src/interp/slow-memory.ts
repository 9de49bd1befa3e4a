import { CoreBlock, CoreCounter } from '@troupe/abi/layout/header.js';
import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { MemoryWindow, WindowKind, windowOffset } from '@troupe/abi/layout/memory-windows.js';
import { PfCode, TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { ExpressionBuilder } from '../ir/expression-builder.js';
import type { I32, I64 } from '../ir/types.js';
import { CODE_PAGE, NO_WINDOW, OP, WINDOW_SHIFT } from './op-record.js';
import { BOUNCE_READ, BOUNCE_WRITE } from './wide-atomics.js';

/**
 * Functions behind the fast paths of the interpreter: page-crossing accesses through a bounce
 * buffer, addresses of 4 GiB and more through the core's high-address cache, faults.
 *
 * The high-address cache: 16 entries of 16 bytes in CoreBlock.bounce, direct-mapped by page number:
 * u64 guest address of the page, u32 frame, u32 permissions (1 read, 2 write, 4 execute). Entries
 * that a fill displaces stay in eight victims, because the pages of one instruction (its code, two
 * operands, each across a page end) must be present at the same time.
 */
export const HIGH_CACHE = CoreBlock.off.bounce;
export const HIGH_CACHE_ENTRIES = 16;
export const HIGH_ENTRY_BYTES = 16;
export const HIGH_VICTIMS = CoreBlock.off.highVictims;
export const HIGH_VICTIM_ENTRIES = 8;
/** trapAddr of a #GP for a non-canonical address, until the engine knows whether it is a #SS. */
export const NON_CANONICAL = -1n;
const HIGH_EXECUTE = 4;
const OFFSET_MASK = 0xffffffff_00000fffn;
const VECTOR_BYTES = 16;

/** Numbers of the functions and globals these functions use. */
export interface SlowLinkage {
  readonly block: number;
  readonly raise: number;
  readonly page: number;
  readonly slowTranslate: number;
  readonly pending: readonly [first: number, second: number, firstBytes: number, bytes: number];
  /** Op whose operand's window is wanted; 0 = none. */
  readonly watchedOp: number;
  /** Address of the word that holds the frame → code page map. */
  readonly codeMapWord: number;
}

export class SlowFunctions {
  constructor(
    readonly b: ExpressionBuilder,
    readonly link: SlowLinkage,
  ) {}

  #block(): I32 { return this.b['make']('i32', { kind: 'global', index: this.link.block }); }
  #setPending(which: 0 | 1 | 2 | 3, value: I32): void { this.b['effect']({ kind: 'setGlobal', index: this.link.pending[which] }, [value], ['var']); }
  #pending(which: 0 | 1 | 2 | 3): I32 { return this.b['make']('i32', { kind: 'global', index: this.link.pending[which] }); }

  #entry(table: I32, va: I64): I32 {
    const { b } = this;
    return b.readRaw('i32', b.add(table, b.and(b.shrU(b.wrap(va), b.i32(10)), b.i32(0x3ffffc))), 0, 'guest');
  }

  #count(name: (typeof CoreCounter)[number]): void {
    const { b } = this;
    const offset = CoreBlock.off.counters + CoreCounter.indexOf(name) * 8;
    b.writeRaw(this.#block(), offset, b.add(b.readRaw('i64', this.#block(), offset, 'state'), b.i64(1)), 'state');
  }

  /** (tcb, vector, errorCode, address): records an exception. */
  raise(): void {
    const { b } = this;
    const tcb = b.local('i32', 0);
    b.writeRaw(tcb, TCB.off.trap, b.i32(Trap.EXCEPTION), 'state');
    b.writeRaw(tcb, TCB.off.trapVector, b.local('i32', 1), 'state');
    b.writeRaw(tcb, TCB.off.trapErrorCode, b.local('i32', 2), 'state');
    b.writeRaw(tcb, TCB.off.trapAddr, b.local('i64', 3), 'state');
  }

  /** (tcb, va, bytes) → address less ADDEND_BIAS, or 0 with the exception recorded. */
  translate(forWrite: boolean): void {
    const { b } = this;
    const [tcb, va, bytes] = [b.local('i32', 0), b.local('i64', 1), b.local('i32', 2)];
    b.if(b.getGlobal(this.link.watchedOp), () => this.#noteWindow(tcb, va, bytes));
    const fits = b.leU(b.and(va, b.i64(OFFSET_MASK)), b.zext64(b.sub(b.i32(0x1000), bytes)));
    b.if(fits, () => {
      const table = b.readRaw('i32', tcb, forWrite ? TCB.off.tableWrite : TCB.off.tableRead, 'state');
      const entry = this.#entry(table, va);
      b.if(entry, () => b.returnValue(b.add(b.wrap(va), entry)));
    });
    b.returnValue(b.callIndex(this.link.slowTranslate, 'i32', [tcb, va, bytes, b.i32(forWrite ? 1 : 0)]));
  }

  /**
   * Writes into the watched op which window the address is in (jit/window-choice.ts). A vector in program data counts as in its
   * window when the entry is the same: it is probably of a large array, whose pages will close the gap between it and the window.
   */
  #noteWindow(tcb: I32, va: I64, accessBytes: I32): void {
    const { b } = this;
    const note = b.variable('i32', b.i32(NO_WINDOW));
    for (const kind of Object.values(WindowKind)) {
      const at = windowOffset(kind);
      const offset = b.sub(va, b.readRaw('i64', tcb, at + MemoryWindow.off.start, 'state'));
      const bytes = b.readRaw('i64', tcb, at + MemoryWindow.off.bytes, 'state');
      const isIn = kind === WindowKind.DATA ? b.or(b.ltU(offset, bytes), b.and(b.eq(accessBytes, b.i32(VECTOR_BYTES)), this.#continues(tcb, va, at))) : b.ltU(offset, bytes);
      b.setVar(note, b.select(isIn, b.i32(kind), b.getVar(note)));
    }
    const op = b.getGlobal(this.link.watchedOp);
    const wrap32 = b.and(b.readRawInt(8, op, OP.wrap32, 'guest') as I32, b.i32(1));
    b.writeRawInt(8, op, OP.wrap32, b.or(wrap32, b.shl(b.getVar(note), b.i32(WINDOW_SHIFT))), 'guest');
    // The first access of an op is that of its operand, mostly.
    b.setGlobal(this.link.watchedOp, b.i32(0));
  }

  #continues(tcb: I32, va: I64, window: number): I32 {
    const { b } = this;
    const entry = this.#entry(b.readRaw('i32', tcb, TCB.off.tableWrite, 'state'), va);
    const isWindow = b.ne(b.readRaw('i64', tcb, window + MemoryWindow.off.bytes, 'state'), b.i64(0));
    return b.and(isWindow, b.eq(entry, b.readRaw('i32', tcb, window + MemoryWindow.off.entry, 'state')));
  }

  #isNonCanonical(va: I64): I32 {
    const { b } = this;
    return b.ne(b.shrS(b.shl(va, b.i64(16)), b.i64(16)), va);
  }

  /** (tcb, va, bytes, forWrite) → address less ADDEND_BIAS, or 0. */
  slowTranslate(): void {
    const { b } = this;
    const [tcb, va, bytes, forWrite] = [b.local('i32', 0), b.local('i64', 1), b.local('i32', 2), b.local('i32', 3)];
    const pageOf = (address: I64): I32 => b.callIndex(this.link.page, 'i32', [tcb, address, forWrite]);
    const offset = b.and(b.wrap(va), b.i32(0xfff));
    const lastByte = b.add(va, b.zext64(b.sub(bytes, b.i32(1))));
    b.if(b.or(this.#isNonCanonical(va), this.#isNonCanonical(lastByte)), () => {
      b.callIndexVoid(this.link.raise, [tcb, b.i32(Vector.GP), b.i32(0), b.i64(NON_CANONICAL)]);
      b.returnValue(b.i32(0));
    });
    const first = pageOf(va);
    b.if(b.eqz(first), () => b.returnValue(b.i32(0)));
    b.if(b.leU(b.add(offset, bytes), b.i32(0x1000)), () => b.returnValue(b.sub(first, b.i32(ADDEND_BIAS))));
    const second = pageOf(b.add(b.op('i64.or', va, b.i64(0xfff)) as I64, b.i64(1)));
    b.if(b.eqz(second), () => b.returnValue(b.i32(0)));
    const firstBytes = b.sub(b.i32(0x1000), offset);
    const restBytes = b.sub(bytes, firstBytes);
    const bounce = b.add(this.#block(), b.select(forWrite, b.i32(BOUNCE_WRITE), b.i32(BOUNCE_READ)));
    b.rawCopy(bounce, first, firstBytes);
    b.rawCopy(b.add(bounce, firstBytes), second, restBytes);
    b.if(forWrite, () => {
      this.#setPending(0, first);
      this.#setPending(1, second);
      this.#setPending(2, firstBytes);
      this.#setPending(3, bytes);
    });
    this.#count('crossPageAccesses');
    b.returnValue(b.sub(bounce, b.i32(ADDEND_BIAS)));
  }

  /** (): writes the bounce buffer back to the two pages. */
  commit(): void {
    const { b } = this;
    const bounce = b.add(this.#block(), b.i32(BOUNCE_WRITE));
    b.rawCopy(this.#pending(0), bounce, this.#pending(2));
    b.rawCopy(this.#pending(1), b.add(bounce, this.#pending(2)), b.sub(this.#pending(3), this.#pending(2)));
  }

  /** Entry of the high-address cache for va. */
  #highSlot(va: I64): I32 {
    const { b } = this;
    const index = b.and(b.wrap(b.shrU(va, b.i64(12))), b.i32(HIGH_CACHE_ENTRIES - 1));
    return b.add(this.#block(), b.shl(index, b.i32(4)));
  }

  /** Runs `then` with the frame of the page of va when the cache or a victim has it with one of `perms`. */
  #ifHigh(va: I64, perms: I32, then: (frame: I32) => void): void {
    const { b } = this;
    const page = b.and(va, b.i64(~0xfffn));
    const ifEntry = (at: I32, offset: number): void => {
      const allowed = b.ne(b.and(b.readRaw('i32', at, offset + 12, 'state'), perms), b.i32(0));
      b.if(b.and(b.eq(b.readRaw('i64', at, offset, 'state'), page), allowed), () => then(b.readRaw('i32', at, offset + 8, 'state')));
    };
    ifEntry(this.#highSlot(va), HIGH_CACHE);
    const at = b.variable('i32', b.i32(0));
    b.loop(() => {
      ifEntry(b.add(this.#block(), b.getVar(at)), HIGH_VICTIMS);
      b.setVar(at, b.add(b.getVar(at), b.i32(HIGH_ENTRY_BYTES)));
      return b.ltU(b.getVar(at), b.i32(HIGH_VICTIM_ENTRIES * HIGH_ENTRY_BYTES));
    });
  }

  /** (tcb, va, forWrite) → linear address of the byte at va, or 0 with the exception recorded. */
  page(): void {
    const { b } = this;
    const [tcb, va, forWrite] = [b.local('i32', 0), b.local('i64', 1), b.local('i32', 2)];
    const isHigh = b.wrap(b.shrU(va, b.i64(32)));
    b.if(isHigh, () => this.#ifHigh(va, b.add(forWrite, b.i32(1)), (frame) => {
      this.#count('highAccesses');
      b.returnValue(b.add(frame, b.and(b.wrap(va), b.i32(0xfff))));
    }), () => {
      const table = b.select(forWrite, b.readRaw('i32', tcb, TCB.off.tableWrite, 'state'), b.readRaw('i32', tcb, TCB.off.tableRead, 'state'));
      const entry = this.#entry(table, va);
      b.if(entry, () => b.returnValue(b.add(b.add(b.wrap(va), entry), b.i32(ADDEND_BIAS))));
    });
    const code = b.or(b.i32(PfCode.USER), b.shl(forWrite, b.i32(1)));
    b.callIndexVoid(this.link.raise, [tcb, b.i32(Vector.PF), code, va]);
    b.returnValue(b.i32(0));
  }

  /** (tcb, va) → code page of the page va is in, or 0. */
  codePage(): void {
    const { b } = this;
    const [tcb, va] = [b.local('i32', 0), b.local('i64', 1)];
    b.if(b.wrap(b.shrU(va, b.i64(32))), () => {
      const map = b.readRaw('i32', b.i32(this.link.codeMapWord), 0, 'guest');
      b.if(b.eqz(map), () => b.returnValue(b.i32(0)));
      this.#ifHigh(va, b.i32(HIGH_EXECUTE), (frame) => {
        b.returnValue(b.readRaw('i32', b.add(map, b.and(b.shrU(frame, b.i32(10)), b.i32(0x3ffffc))), 0, 'guest'));
      });
      b.returnValue(b.i32(0));
    });
    const entry = this.#entry(b.readRaw('i32', tcb, TCB.off.tableExec, 'state'), va);
    b.returnValue(b.select(b.and(entry, b.i32(1)), b.i32(0), entry));
  }

  /** (tcb, va) → decoded op at va, or 0. `codePageFn`: number of `codePage`. */
  lookup(codePageFn: number): void {
    const { b } = this;
    const [tcb, va] = [b.local('i32', 0), b.local('i64', 1)];
    const page = b.callIndex(codePageFn, 'i32', [tcb, va], []);
    b.if(b.eqz(page), () => b.returnValue(b.i32(0)));
    const at = b.shl(b.and(b.wrap(va), b.i32(0xfff)), b.i32(2));
    b.returnValue(b.readRaw('i32', b.add(page, at), CODE_PAGE.index, 'guest'));
  }
}
