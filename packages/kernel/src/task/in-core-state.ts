/**
 * What cores need to answer system calls themselves (packages/abi shared/in-core-calls.ts, ADR 21).
 *
 *   Owns:   TCB.inCore, TCB.ids
 *   Order:  ids change in calls of the task itself only, so they are right when it leaves the kernel;
 *           inCore is also taken away when somebody attaches to a task that runs
 */
import { CoreBlock, coreBlockAddr, headerWord, IN_CORE_CALLS, LOCAL_CORE, TCB, type SharedMemory } from '@troupe/abi';
import { shownGid, shownPid, shownUid } from '../namespace/id-view.js';
import type { Task } from './task.js';

const CPUS = headerWord('cpuCount');

/** Preconditions: the kernel owns the TCB, and the task is about to leave the kernel. */
export function publishInCoreState(task: Task): void {
  if (!publishInCore(task)) return;
  const { creds, group, tid, published } = task;
  if (published.creds === creds && published.tid === tid) return;
  task.published = { creds, tid };
  const ids = [shownPid(task, group.tgid), shownPid(task, tid), shownUid(task, creds.uid), shownUid(task, creds.euid), shownGid(task, creds.gid), shownGid(task, creds.egid)];
  task.shared.u32.set(ids, (task.tcb + TCB.off.ids) >> 2);
}

/** Also after `tracing` or `seccomp` of a task changed, whatever it does. True when cores may answer its calls. */
export function publishInCore(task: Task): boolean {
  const { uidMap, gidMap } = task.creds.userNamespace;
  // Maps are written once: until then ids may change under a task that runs.
  const isAllowed = task.tracing === null && task.seccomp === null && uidMap.length > 0 && gidMap.length > 0;
  if (task.tcb !== 0) Atomics.store(task.shared.i32, (task.tcb + TCB.off.inCore) >> 2, isAllowed ? 1 : 0);
  return isAllowed;
}

/** Calls that cores answered, and of these failed. */
export function inCoreCount({ i32, u32 }: SharedMemory, nr: number): { readonly calls: number; readonly errors: number } {
  const count = { calls: 0, errors: 0 };
  const index = IN_CORE_CALLS.indexOf(nr);
  if (index < 0) return count;
  for (const core of [...Array(i32[CPUS]!).keys(), LOCAL_CORE]) {
    const block = coreBlockAddr(core) >> 2;
    count.calls += u32[block + CoreBlock.off.inCoreCalls / 4 + index]!;
    count.errors += u32[block + CoreBlock.off.inCoreErrors / 4 + index]!;
  }
  return count;
}
