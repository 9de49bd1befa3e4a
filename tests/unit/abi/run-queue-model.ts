/** Tasks of run-queue-threads.test.ts: a TCB with a number of rounds to go, words that show who runs it and who is which CPU. */
import { headerWord, TCB, type SharedMemory } from '@troupe/abi';

export interface Setup {
  readonly memory: WebAssembly.Memory;
  readonly cpu: number;
}

const BASE = (5 << 20) >> 2;
/** Words: rounds to go in all, violations, rounds run, occupancy by CPU. */
export const WORDS = { left: BASE, violations: BASE + 1, ran: BASE + 2, cpus: BASE + 16 };
export const CPUS = headerWord('cpuCount');

/** One turn on a CPU: nobody else may be that CPU or run the task. False when the task is done. */
export function runRound({ i32 }: SharedMemory, tcb: number, cpu: number): boolean {
  const running = (tcb + TCB.off.runState) >> 2;
  const isAlone = Atomics.exchange(i32, running, 1) === 0 && Atomics.exchange(i32, WORDS.cpus + cpu, 1) === 0;
  if (!isAlone) Atomics.add(i32, WORDS.violations, 1);
  const left = --i32[(tcb + TCB.off.tid) >> 2]!;
  Atomics.add(i32, WORDS.ran, 1);
  Atomics.store(i32, WORDS.cpus + cpu, 0);
  Atomics.store(i32, running, 0);
  Atomics.sub(i32, WORDS.left, 1);
  return left > 0;
}
