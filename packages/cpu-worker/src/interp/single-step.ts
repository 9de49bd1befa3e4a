import { Flag, packFlags } from '@troupe/abi/layout/flags.js';
import { Reg, TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import type { RunDecoder } from '../decode/run-decoder.js';
import { OP } from './op-record.js';
import { Status } from './status.js';

type Handler = (tcb: number, op: number) => number;

const PAGE_MASK = ~0xfffn;
const REPNE = 0xf2;
const CMPS = 0xa6;
const SCAS = 0xae;

/**
 * One instruction at a time while RFLAGS.TF is set: decoded afresh, with exact flags, and run by its
 * cold handler; then a #DB (SDM Vol. 3B 18.3.1.4). Neither the main loop nor translated code is used.
 */
export class SingleStepper {
  constructor(
    readonly shared: SharedMemory,
    readonly decoder: RunDecoder,
    readonly handlers: WebAssembly.Table,
  ) {}

  /** The task runs in single steps. */
  isOn(tcb: number): boolean {
    return (this.shared.u32[(tcb + TCB.off.flagsRest) >>> 2]! & Flag.TF) !== 0;
  }

  /** Runs the instruction at rip. Returns the Trap value. */
  step(tcb: number): number {
    const { u16, u32, u64 } = this.shared;
    const rip = u64[(tcb + TCB.off.rip) / 8]!;
    const op = this.decoder.stageOne(tcb);
    if (op === 0) return Trap.EXCEPTION;
    const lenBytes = u16[(op + OP.place) >>> 1]! >>> 12;
    u64[(tcb + TCB.off.pcBase) / 8] = rip & PAGE_MASK;
    const run = this.handlers.get(u16[(op + OP.handler) >>> 1]!) as Handler;
    const repeated = this.decoder.repeatedString;
    const status = repeated === 0 ? run(tcb, op) : this.#iterate(tcb, op, run, repeated);
    u32[(tcb + TCB.off.trapLenBytes) >>> 2] = lenBytes;
    if (status === Status.FAULT) {
      this.decoder.refineFault(tcb);
      return Trap.EXCEPTION;
    }
    u64[(tcb + TCB.off.instructions) / 8]! += 1n;
    if (status === Status.LEAVE) return Trap.EXCEPTION;
    if (status === Status.SYSCALL) return Trap.SYSCALL;
    if (status === Status.NEXT) u64[(tcb + TCB.off.rip) / 8] = rip + BigInt(lenBytes);
    return this.#debugTrap(tcb);
  }

  /** A repeated string instruction traps after each iteration (SDM Vol. 3B 18.3.1.4). */
  #iterate(tcb: number, op: number, run: Handler, repeated: number): number {
    const { u64 } = this.shared;
    const rcxAt = (tcb + TCB.off.gpr) / 8 + Reg.RCX;
    const before = u64[rcxAt]!;
    const count = repeated >> 16 !== 0 ? before & 0xffff_ffffn : before;
    if (count <= 1n) return run(tcb, op);
    u64[rcxAt] = 1n;
    const status = run(tcb, op);
    u64[rcxAt] = status === Status.FAULT ? before : count - 1n;
    return status === Status.NEXT && this.#repeats(tcb, repeated) ? Status.AGAIN : status;
  }

  /** The flags let a compare go on. */
  #repeats(tcb: number, repeated: number): boolean {
    const operation = repeated & 0xfe;
    if (operation !== CMPS && operation !== SCAS) return true;
    const { i64, u32 } = this.shared;
    const flags = packFlags(i64[(tcb + TCB.off.ccRes) / 8]!, i64[(tcb + TCB.off.ccAux) / 8]!, u32[(tcb + TCB.off.flagsRest) >>> 2]!);
    return ((flags & Flag.ZF) !== 0) !== (((repeated >> 8) & 0xff) === REPNE);
  }

  #debugTrap(tcb: number): number {
    const { u32 } = this.shared;
    u32[(tcb + TCB.off.trapVector) >>> 2] = Vector.DB;
    u32[(tcb + TCB.off.trapErrorCode) >>> 2] = 0;
    return Trap.EXCEPTION;
  }
}
