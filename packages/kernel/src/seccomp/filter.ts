/** Seccomp filters of tasks (seccomp(2)): immutable, each linked to the one it was added to. */
import { AUDIT_ARCH_X86_64, Reg, SECCOMP_ACTION_MASK, SECCOMP_DATA_BYTES, SeccompAction } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { runProgram, type BpfInstruction } from './bpf.js';
import type { SeccompListener } from './listener.js';

export interface SeccompFilter {
  readonly program: readonly BpfInstruction[];
  readonly older: SeccompFilter | null;
  /** SECCOMP_FILTER_FLAG_LOG: actions other than ALLOW are logged. */
  readonly logs: boolean;
  readonly listener: SeccompListener | null;
}

/** Mode of a task; null stands for none. */
export type Seccomp = SeccompFilter | 'strict';

const ARGUMENTS = [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9];

/** struct seccomp_data of the call the task entered with. */
export function seccompData(task: Task): Uint8Array {
  const bytes = new Uint8Array(SECCOMP_DATA_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, task.origRax, true);
  view.setUint32(4, AUDIT_ARCH_X86_64, true);
  view.setBigUint64(8, task.rip, true);
  ARGUMENTS.forEach((reg, index) => view.setBigUint64(16 + index * 8, task.getReg(reg), true));
  return bytes;
}

export interface Verdict {
  /** Signed, with the data in the low half. */
  readonly value: number;
  /** The filter that gave it; null when no filter is stricter than ALLOW. */
  readonly filter: SeccompFilter | null;
}

/** Every filter runs; the action of highest precedence counts, of equal ones the newest filter's. */
export function judge(newest: SeccompFilter, data: Uint8Array): Verdict {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  let verdict: Verdict = { value: SeccompAction.ALLOW, filter: null };
  for (let filter: SeccompFilter | null = newest; filter !== null; filter = filter.older) {
    const value = runProgram(filter.program, view);
    if ((value & SECCOMP_ACTION_MASK) < (verdict.value & SECCOMP_ACTION_MASK)) verdict = { value, filter };
  }
  return verdict;
}

/** Newest first. */
export function filtersOf(seccomp: Seccomp | null): SeccompFilter[] {
  const filters: SeccompFilter[] = [];
  for (let filter = seccomp === 'strict' ? null : seccomp; filter !== null; filter = filter.older) filters.push(filter);
  return filters;
}
