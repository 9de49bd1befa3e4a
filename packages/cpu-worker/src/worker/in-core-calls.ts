/**
 * System calls that a core answers without the kernel (ADR 21): ids, sched_yield when nobody waits,
 * FUTEX_WAKE without waiters, FUTEX_WAIT on a word that has changed, brk upwards in the room that the kernel gave.
 *
 *   Owns:     CoreBlock.inCoreCalls and inCoreErrors
 *   Borrows:  TCB.ids, TCB.inCore, watchedCalls, the futex filter (all read); rax of the task; the break (compare-exchange)
 *   Order:    see packages/abi shared/in-core-calls.ts
 */
import { ADDEND_BIAS, FLAT_SET } from '@troupe/abi/layout/memory-map.js';
import { CoreBlock, coreBlockAddr, CoreCounter, headerWord, LOCAL_CORE } from '@troupe/abi/layout/header.js';
import { Reg, TCB } from '@troupe/abi/layout/tcb.js';
import { Errno } from '@troupe/abi/errno.js';
import { Futex } from '@troupe/abi/linux/futex.js';
import { FUTEX_FILTER, futexFilterIndex, ID_CALLS, IN_CORE_CALLS, InCore } from '@troupe/abi/shared/in-core-calls.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { RunQueue } from '@troupe/abi/shared/run-queue.js';

const WATCHED = headerWord('watchedCalls');
/** Index in IN_CORE_CALLS by number, -1 = the kernel's. */
const INDEX = new Int8Array(512).fill(-1);
IN_CORE_CALLS.forEach((nr, index) => (INDEX[nr] = index));
/** The call is the kernel's after all. */
const REFUSED = 1;

export class InCoreCalls {
  readonly #queue: RunQueue;
  readonly #calls: number;
  readonly #errors: number;
  readonly #total: number;

  constructor(readonly shared: SharedMemory, readonly coreId: number) {
    const block = coreBlockAddr(coreId);
    this.#queue = new RunQueue(shared);
    this.#calls = (block + CoreBlock.off.inCoreCalls) >> 2;
    this.#errors = (block + CoreBlock.off.inCoreErrors) >> 2;
    this.#total = ((block + CoreBlock.off.counters) >> 2) + CoreCounter.indexOf('inCoreCalls') * 2;
  }

  /** The task left guest code with a system call: true when it has its answer and may go on. */
  answer(tcb: number): boolean {
    const { i32, u32 } = this.shared;
    const rax = (tcb + TCB.off.gpr) >> 2;
    const nr = u32[rax]!;
    const index = nr < INDEX.length ? INDEX[nr]! : -1;
    if (index < 0 || Atomics.load(i32, (tcb + TCB.off.inCore) >> 2) === 0 || Atomics.load(i32, WATCHED) !== 0) return false;
    const result = index < ID_CALLS ? u32[((tcb + TCB.off.ids) >> 2) + index]! : this.#result(tcb, index);
    if (result === REFUSED && index >= ID_CALLS) return false;
    u32[rax] = result;
    u32[rax + 1] = result < 0 ? 0xffff_ffff : 0;
    u32[this.#calls + index]!++;
    if (result < 0) u32[this.#errors + index]!++;
    if (++u32[this.#total]! > 0xffff_ffff) u32[this.#total + 1]!++;
    return true;
  }

  #result(tcb: number, index: number): number {
    if (index === InCore.FUTEX) return this.#futex(tcb);
    if (index === InCore.BRK) return this.#break(tcb);
    // Tasks that wait for the local core are on no queue.
    return this.coreId !== LOCAL_CORE && this.#queue.isEmpty ? 0 : REFUSED;
  }

  #break(tcb: number): number {
    const { u32, u64 } = this.shared;
    const map = u32[(tcb + TCB.off.freshMap) >> 2]!;
    const rdi = ((tcb + TCB.off.gpr) >> 2) + Reg.RDI * 2;
    if (map === 0 || u32[rdi + 1] !== 0) return REFUSED;
    const at = (map + FLAT_SET.breakState - FLAT_SET.fresh) / 8;
    const state = Atomics.load(u64, at);
    const end = Number(state & 0xffff_ffffn);
    const top = Number(state >> 32n);
    const wanted = u32[rdi]!;
    // No room, or an odd top: the kernel is taking it back.
    if (state === 0n || wanted < end || wanted > top || top % 2 !== 0) return REFUSED;
    return Atomics.compareExchange(u64, at, state, (state & ~0xffff_ffffn) | BigInt(wanted)) === state ? wanted : REFUSED;
  }

  #futex(tcb: number): number {
    const { i32, u32 } = this.shared;
    const arg = (reg: number): number => u32[((tcb + TCB.off.gpr) >> 2) + reg * 2]!;
    const addr = arg(Reg.RDI);
    if ((addr & 3) !== 0 || u32[((tcb + TCB.off.gpr) >> 2) + Reg.RDI * 2 + 1] !== 0) return REFUSED;
    const op = arg(Reg.RSI);
    if (op === (Futex.WAKE | Futex.PRIVATE_FLAG)) return this.#hasNoWaiters(addr) ? 0 : REFUSED;
    if (op !== (Futex.WAIT | Futex.PRIVATE_FLAG) || arg(Reg.R10) !== 0 || u32[((tcb + TCB.off.gpr) >> 2) + Reg.R10 * 2 + 1] !== 0) return REFUSED;
    const entry = u32[(u32[(tcb + TCB.off.tableRead) >> 2]! >> 2) + (addr >>> 12)]!;
    if (entry === 0) return REFUSED;
    return Atomics.load(i32, (entry + addr + ADDEND_BIAS) >>> 2) === (arg(Reg.RDX) | 0) ? REFUSED : -Errno.EAGAIN;
  }

  #hasNoWaiters(addr: number): boolean {
    const filter = this.shared.u32[FUTEX_FILTER]! >> 2;
    // The addition is a fence between the program's store to the word and the look at the counter.
    return filter !== 0 && Atomics.add(this.shared.i32, filter + futexFilterIndex(addr), 0) === 0;
  }
}
