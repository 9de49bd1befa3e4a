/** One case after both sides ran it: initial state, the host's record, the emulator's. */
import type { Batch } from '../support/oracle/batch.js';
import { CaseIn, CaseOut } from '../support/oracle/layout.js';

export const GPR_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

/** One field in which the records differ. */
export interface Difference {
  readonly field: string;
  readonly host: bigint;
  readonly emulator: bigint;
  readonly text: string;
}

export class Outcome {
  /** Byte offset of the case in both records. */
  readonly at: number;
  readonly #initial: number;

  constructor(readonly batch: Batch, index: number, readonly host: DataView, readonly emulator: DataView) {
    this.at = index * CaseOut.sizeBytes;
    this.#initial = batch.at(index);
  }

  get hostVector(): number {
    return this.host.getUint32(this.at + CaseOut.off.vector, true);
  }

  get emulatorVector(): number {
    return this.emulator.getUint32(this.at + CaseOut.off.vector, true);
  }

  /** Number of bytes from the first to the last that the host changed. */
  get hostChangedBytes(): number {
    return this.host.getUint32(this.at + CaseOut.off.diffEnd, true) - this.host.getUint32(this.at + CaseOut.off.diffStart, true);
  }

  get emulatorFaultAddress(): bigint {
    return this.emulator.getBigUint64(this.at + CaseOut.off.faultAddr, true);
  }

  /** General register before the case. */
  initialGpr(reg: number): bigint {
    return this.batch.view.getBigUint64(this.#initial + CaseIn.off.gpr + 8 * reg, true);
  }

  /** Base of the fs (0x64) or gs (0x65) segment before the case. */
  initialSegmentBase(prefix: number): bigint {
    const field = prefix === 0x64 ? CaseIn.off.fsBase : CaseIn.off.gsBase;
    return this.batch.view.getBigUint64(this.#initial + field, true);
  }

  /** Code of the case; empty when it is a program. */
  get code(): Uint8Array {
    const at = this.#initial + CaseIn.off.code;
    return this.batch.bytes.subarray(at, at + this.batch.view.getUint32(this.#initial + CaseIn.off.codeSize, true));
  }
}
