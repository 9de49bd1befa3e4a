import { TCB } from '@troupe/abi/layout/tcb.js';
import { OP } from '../interp/op-record.js';
import { Status } from '../interp/status.js';
import type { CheckHost } from './checked-regions.js';

type Handler = (tcb: number, op: number) => number;

const PAGE_MASK = ~0xfffn;
/** Instructions that are remembered. */
const REMEMBERED = 2048;

/** Interprets one instruction after the other, each decoded afresh, with exact flags, and run by its cold handler. */
export class InterpretedPath {
  /** Of the last step. */
  status: number = Status.NEXT;
  length = 0;
  /** The last step found no code: another thread has taken it away. */
  isCodeGone = false;
  readonly #rips = new BigUint64Array(REMEMBERED);

  constructor(readonly host: Pick<CheckHost, 'shared' | 'decoder' | 'handlers'>) {}

  begin(): void {
    this.length = 0;
    this.status = Status.NEXT;
  }

  /** Runs the instruction at TCB.rip; after Status.FAULT nothing has changed. */
  step(tcb: number): number {
    const { shared: { u16, u32, u64 }, decoder, handlers } = this.host;
    const rip = u64[(tcb + TCB.off.rip) / 8]!;
    const op = decoder.stageOne(tcb);
    this.isCodeGone = op === 0;
    if (op === 0) return (this.status = Status.FAULT);
    u64[(tcb + TCB.off.pcBase) / 8] = rip & PAGE_MASK;
    const status = (handlers.get(u16[(op + OP.handler) >>> 1]!) as Handler)(tcb, op);
    const lenBytes = u16[(op + OP.place) >>> 1]! >>> 12;
    u32[(tcb + TCB.off.trapLenBytes) >>> 2] = lenBytes;
    if (status === Status.NEXT) u64[(tcb + TCB.off.rip) / 8] = rip + BigInt(lenBytes);
    if (status !== Status.FAULT) this.#rips[this.length++ % REMEMBERED] = rip;
    return (this.status = status);
  }

  /** Addresses of the instructions, oldest first. */
  rips(): bigint[] {
    const first = Math.max(0, this.length - REMEMBERED);
    return Array.from({ length: this.length - first }, (_, i) => this.#rips[(first + i) % REMEMBERED]!);
  }
}
