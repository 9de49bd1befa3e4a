import { PfCode, TCB, Vector } from '@troupe/abi/layout/tcb.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { interpretedHandler } from '../jit/jit-area.js';
import { Special } from './forms.js';
import { OP, OP_BYTES } from './op-record.js';
import { Status } from './status.js';

/** The interpreter's functions: decoded op at an address, and the cold handlers. */
export interface OpAccess {
  readonly lookup: (tcb: number, rip: bigint) => number;
  readonly handlers: WebAssembly.Table;
}

/**
 * A store of an instruction into its own page. A page cannot be written and executed at the same time
 * (docs/memory-model.md rule 3): the fault of the store takes the code away, and fetching it again
 * would take the write permission away, for ever. So the op of a faulting store is kept; when its code
 * is gone after the fault, it runs from there, once.
 *
 * Kept for a task that goes on where it faulted: a signal handler may have put other code there.
 * What another thread writes into the instruction meanwhile is not seen: it was fetched before.
 */
export class OwnPageStore {
  readonly #copy: number;
  #tcb = 0;
  #rip = 0n;

  constructor(readonly shared: SharedMemory, frames: FramePool, readonly access: OpAccess) {
    this.#copy = frames.allocChunk(OP_BYTES);
  }

  /** After an exception at TCB.rip: keeps the op when it is a store that faulted. */
  note(tcb: number): void {
    const { u8, u16, u32, u64 } = this.shared;
    this.#tcb = 0;
    const isStore = u32[(tcb + TCB.off.trapVector) >>> 2] === Vector.PF && (u32[(tcb + TCB.off.trapErrorCode) >>> 2]! & PfCode.WRITE) !== 0;
    if (!isStore) return;
    const rip = u64[(tcb + TCB.off.rip) / 8]!;
    let op = this.access.lookup(tcb, rip) >>> 0;
    if (op === 0) return;
    let handler = interpretedHandler(this.shared, u16[(op + OP.handler) >>> 1]!);
    if (handler === Special.GUARD) {
      op += OP_BYTES;
      handler = interpretedHandler(this.shared, u16[(op + OP.handler) >>> 1]!);
    }
    u8.copyWithin(this.#copy, op, op + OP_BYTES);
    u16[(this.#copy + OP.handler) >>> 1] = handler;
    this.#tcb = tcb;
    this.#rip = rip;
  }

  /** The task goes on at TCB.rip. */
  resume(tcb: number): void {
    if (this.#tcb === tcb && this.#rip !== this.shared.u64[(tcb + TCB.off.rip) / 8]) this.#tcb = 0;
  }

  /** Other code may stand in its place. */
  forget(): void {
    this.#tcb = 0;
  }

  /** Code at TCB.rip is missing: runs the kept op when it is the one. Returns its Status, or undefined. */
  run(tcb: number): number | undefined {
    const { u16, u64 } = this.shared;
    const rip = u64[(tcb + TCB.off.rip) / 8]!;
    if (this.#tcb !== tcb || this.#rip !== rip || this.access.lookup(tcb, rip) !== 0) return undefined;
    const place = u16[(this.#copy + OP.place) >>> 1]!;
    u64[(tcb + TCB.off.pcBase) / 8] = rip & ~0xfffn;
    const handler = this.access.handlers.get(u16[(this.#copy + OP.handler) >>> 1]!) as (tcb: number, op: number) => number;
    const status = handler(tcb, this.#copy);
    if (status !== Status.AGAIN) this.#tcb = 0;
    if (status === Status.NEXT) u64[(tcb + TCB.off.rip) / 8] = rip + BigInt(place >>> 12);
    if (status === Status.NEXT || status === Status.JUMP) u64[(tcb + TCB.off.instructions) / 8]! += 1n;
    return status;
  }
}
