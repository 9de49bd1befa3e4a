/** What the command prints at the end: -c, --stat, unimplemented calls. */
import { Nr } from '@troupe/abi';
import type { Kernel } from '@troupe/kernel';

const NAMES = new Map<number, string>(Object.entries(Nr).map(([name, nr]) => [nr, name]));

function line(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The table of strace -c. */
export function printCounts(kernel: Kernel): void {
  const entries = [...kernel.core.dispatcher.counts].sort((a, b) => b[1].timeMs - a[1].timeMs);
  const totalMs = entries.reduce((sum, [, count]) => sum + count.timeMs, 0) || 1;
  line('% time     seconds  usecs/call     calls    errors syscall');
  line('------ ----------- ----------- --------- --------- ----------------');
  for (const [name, { calls, errors, timeMs }] of entries) {
    const share = ((timeMs / totalMs) * 100).toFixed(2).padStart(6);
    const perCall = String(Math.round((timeMs * 1000) / Math.max(1, calls))).padStart(11);
    line(`${share} ${(timeMs / 1000).toFixed(6).padStart(11)} ${perCall} ${String(calls).padStart(9)} ${(errors > 0 ? String(errors) : '').padStart(9)} ${name}`);
  }
}

/** Counters in the manner of perf stat. */
export function printStat(kernel: Kernel, elapsedMs: number): void {
  const counters = kernel.host.pool.counters();
  line('\n Performance counter stats:\n');
  for (const [name, value] of Object.entries(counters)) line(`${String(value).padStart(18)}  ${name}`);
  line(`${String(kernel.core.frames.framesInUse).padStart(18)}  frames in use`);
  line(`${String(kernel.core.frames.framesTouched).padStart(18)}  frames touched`);
  line(`${String(kernel.core.tasks.forkCount).padStart(18)}  forks`);
  line(`\n${(elapsedMs / 1000).toFixed(6).padStart(18)}  seconds elapsed\n`);
}

/** Names the system calls programs asked for in vain. */
export function printUnimplemented(kernel: Kernel): void {
  const { unimplemented } = kernel.core.dispatcher;
  if (unimplemented.size === 0) return;
  line(`troupe: unimplemented system calls: ${[...unimplemented].map(([nr, count]) => `${NAMES.get(nr) ?? nr} (${count})`).join(', ')}`);
}
