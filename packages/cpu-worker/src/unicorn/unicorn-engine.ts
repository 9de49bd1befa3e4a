/**
 * A reference engine: guest code runs in unicorn (unicorn.js or the native library), one core only.
 * It keeps rip exact by a hook on every instruction, so it is slow. What unicorn does differently from a
 * processor shows: exception flags of SSE and x87, #SS, #GP of unaligned SSE operands.
 */
import { coreBlockAddr } from '@troupe/abi/layout/header.js';
import { PfCode, TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { Engine } from '../interp/engine.js';
import type { MachineFactory } from './load-unicorn.js';
import { Hook, INS_SYSCALL, MemoryFault, Permission, type UnicornMachine } from './unicorn-api.js';
import { UnicornPages } from './unicorn-pages.js';
import { loadRegisters, storeRegisters } from './unicorn-registers.js';

/** Instructions between two looks at the command words. */
const SLICE = 20_000;
const PAGE = 4096;
const NEVER = Number.MAX_SAFE_INTEGER;
const SYSCALL_BYTES = 2;
const WRITES: readonly number[] = [MemoryFault.WRITE_UNMAPPED, MemoryFault.WRITE_PROT];
const FETCHES: readonly number[] = [MemoryFault.FETCH_UNMAPPED, MemoryFault.FETCH_PROT];

interface Event {
  readonly trap: number;
  readonly vector?: number;
  readonly errorCode?: number;
  readonly address?: bigint;
}

export class UnicornEngine implements Engine {
  readonly #machine: UnicornMachine;
  readonly #pages: UnicornPages;
  #event: Event | undefined;

  constructor(readonly shared: SharedMemory, coreId: number, createMachine: MachineFactory) {
    this.#machine = createMachine(shared.u8);
    this.#pages = new UnicornPages(this.#machine, shared, coreBlockAddr(coreId));
    this.#machine.hook_add(Hook.MEM_INVALID, (_: unknown, type: number, low: number, high: number, size: number) => this.#onMemory(type, low, high, size));
    this.#machine.hook_add(Hook.INTR, (_: unknown, number: number) => this.#stop({ trap: Trap.EXCEPTION, vector: number }));
    this.#machine.hook_add(Hook.INSN, () => this.#stop({ trap: Trap.SYSCALL }), undefined, 1, 0, INS_SYSCALL);
    this.#machine.hook_add(Hook.CODE, () => undefined);
  }

  run(tcb: number): number {
    const { shared } = this;
    this.#pages.begin(tcb);
    loadRegisters(this.#machine, shared, tcb);
    this.#event = undefined;
    const failed = this.#start(Number(shared.u64[(tcb + TCB.off.rip) / 8]!));
    storeRegisters(this.#machine, shared, tcb);
    this.#pages.end();
    const event = this.#event as Event | undefined;
    if (event !== undefined) return this.#record(tcb, event);
    // What unicorn cannot decode has no hook.
    if (failed) return this.#record(tcb, { trap: Trap.EXCEPTION, vector: Vector.UD });
    shared.u64[(tcb + TCB.off.instructions) / 8]! += BigInt(SLICE);
    return Trap.PREEMPT;
  }

  /** True when unicorn reports an error. */
  #start(rip: number): boolean {
    try {
      this.#machine.emu_start(rip, NEVER, 0, SLICE);
      return false;
    } catch {
      return true;
    }
  }

  #stop(event: Event): void {
    this.#event ??= event;
    this.#machine.emu_stop();
  }

  /** Maps what the tables have; anything else is a page fault. */
  #onMemory(type: number, low: number, high: number, size: number): boolean {
    const address = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const isWrite = WRITES.includes(type);
    const isFetch = FETCHES.includes(type);
    const wanted = isFetch ? Permission.EXEC : isWrite ? Permission.WRITE : Permission.READ;
    const first = Number(address >> 12n);
    const last = Number((address + BigInt(Math.max(size, 1) - 1)) >> 12n);
    if (this.#pages.map(first, wanted) || (last !== first && this.#pages.map(last, wanted))) return true;
    const isCanonical = BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
    const errorCode = PfCode.USER | (isWrite ? PfCode.WRITE : 0) | (isFetch ? PfCode.FETCH : 0);
    // Of an access across a page end, the page that is there is not to blame.
    const isFirstThere = last !== first && this.#pages.has(first, wanted);
    const at = isFirstThere ? BigInt(last * PAGE) : address;
    this.#event ??= isCanonical ? { trap: Trap.EXCEPTION, vector: Vector.PF, errorCode, address: at } : { trap: Trap.EXCEPTION, vector: Vector.GP };
    return false;
  }

  #record(tcb: number, { trap, vector = 0, errorCode = 0, address = 0n }: Event): number {
    const { u32, u64 } = this.shared;
    u32[(tcb + TCB.off.trapVector) >>> 2] = vector;
    u32[(tcb + TCB.off.trapErrorCode) >>> 2] = errorCode;
    u64[(tcb + TCB.off.trapAddr) / 8] = address;
    if (trap === Trap.SYSCALL) u32[(tcb + TCB.off.trapLenBytes) >>> 2] = SYSCALL_BYTES;
    return trap;
  }

  /** Pages are compared before each run (UnicornPages): nothing to drop. */
  invalidateFrame(): void {}

  stats(): Record<string, number> {
    return {};
  }
}
