/** futex(2), futex_waitv(2) and robust lists. */
import { ClockId, Errno, Futex, TCB } from '@troupe/abi';
import { FutexWaiter } from '../../futex.js';
import { taskWithPid } from '../../namespace/id-view.js';
import type { Task } from '../../task/task.js';
import { type CallDeadline, NO_DEADLINE, waitUntil } from '../../time/call-deadline.js';
import { addr, flags, int, outBuf, size, uint, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

const OPS = Object.entries(Futex).filter(([, value]) => value < 14) as [string, number][];
const CMD_MASK = ~(Futex.PRIVATE_FLAG | Futex.CLOCK_REALTIME);
const PRIVATE = Futex.PRIVATE_FLAG;

interface WaitData {
  readonly waiters: readonly FutexWaiter[];
  readonly deadline: CallDeadline;
}

/** Atomic value of the word, faulting the page in. */
function loadWord(task: Task, uaddr: number): number {
  return Atomics.load(task.shared.i32, task.mm.wordAddr(uaddr, false) >>> 2);
}

/** Queues the waiter, unless the word has another value: null. It is queued before the word is looked at (futex.ts, Order). */
function addWaiter(task: Task, uaddr: number, isPrivate: boolean, value: number, waiter: FutexWaiter): FutexWaiter | null {
  loadWord(task, uaddr);
  const bucket = task.kernel.futexes.bucket(task.mm, uaddr, isPrivate);
  bucket.add(waiter);
  if (loadWord(task, uaddr) === (value | 0)) return waiter;
  bucket.remove(waiter);
  return null;
}

function deadlineOf(task: Task, timeoutAddr: number, isAbsolute: boolean, clock: number): CallDeadline {
  if (timeoutAddr === 0) return NO_DEADLINE;
  const ns = readTimespecNs(task.mm, timeoutAddr);
  return isAbsolute ? { atNs: ns, isRealtime: clock === ClockId.REALTIME } : { atNs: task.kernel.monotonicNs() + ns, isRealtime: false };
}

function wait(task: Task, uaddr: number, op: number, val: number, timeoutAddr: number, bitset: number): SyscallResult {
  const state = task.syscall!;
  if (!state.data) {
    if (bitset === 0) return -Errno.EINVAL;
    const isAbsolute = (op & CMD_MASK) === Futex.WAIT_BITSET;
    const clock = op & Futex.CLOCK_REALTIME ? ClockId.REALTIME : ClockId.MONOTONIC;
    const deadline = deadlineOf(task, timeoutAddr, isAbsolute, clock);
    const waiter = addWaiter(task, uaddr, (op & PRIVATE) !== 0, val, new FutexWaiter(task, bitset));
    if (waiter === null) return -Errno.EAGAIN;
    state.data = { waiters: [waiter], deadline } satisfies WaitData;
  }
  const data = state.data as WaitData;
  const waiter = data.waiters[0]!;
  if (waiter.woken) return 0;
  if (state.timedOut) {
    waiter.bucket?.remove(waiter);
    return -Errno.ETIMEDOUT;
  }
  return waitUntil(task.kernel, [{ queue: waiter.queue, events: 0 }], data.deadline);
}

/** Result of an interrupted wait: a wake-up that already happened counts. */
function interrupted(task: Task): number | undefined {
  const data = task.syscall!.data as WaitData | undefined;
  const woken = data?.waiters.findIndex((waiter) => waiter.woken) ?? -1;
  for (const waiter of data?.waiters ?? []) waiter.bucket?.remove(waiter);
  return woken >= 0 ? woken : undefined;
}

/** FUTEX_WAKE_OP: the operation encoded in val3 (futex(2)). */
function applyWakeOp(task: Task, uaddr2: number, encoded: number): boolean {
  const operation = (encoded >>> 28) & 7;
  const compare = (encoded >>> 24) & 15;
  const rawArg = ((encoded << 8) >> 20) | 0;
  const arg = (encoded >>> 31) & 1 ? 1 << (rawArg & 31) : rawArg;
  const cmpArg = (encoded << 20) >> 20;
  const { i32 } = task.shared;
  const word = task.mm.wordAddr(uaddr2, true) >>> 2;
  const old = [
    () => Atomics.exchange(i32, word, arg),
    () => Atomics.add(i32, word, arg),
    () => Atomics.or(i32, word, arg),
    () => Atomics.and(i32, word, ~arg),
    () => Atomics.xor(i32, word, arg),
  ][operation]?.();
  if (old === undefined) return false;
  return [old === cmpArg, old !== cmpArg, old < cmpArg, old <= cmpArg, old > cmpArg, old >= cmpArg][compare] ?? false;
}

function wakeOp(task: Task, uaddr: number, op: number, count: number, count2: number, uaddr2: number, encoded: number): number {
  const isPrivate = (op & PRIVATE) !== 0;
  loadWord(task, uaddr);
  const wakeSecond = applyWakeOp(task, uaddr2, encoded);
  const { futexes } = task.kernel;
  const woken = futexes.wake(task.mm, uaddr, isPrivate, count);
  return wakeSecond ? woken + futexes.wake(task.mm, uaddr2, isPrivate, count2) : woken;
}

function requeue(task: Task, uaddr: number, op: number, count: number, count2: number, uaddr2: number, expected: number | null): number {
  if (count < 0 || count2 < 0) return -Errno.EINVAL;
  if (expected !== null && loadWord(task, uaddr) !== (expected | 0)) return -Errno.EAGAIN;
  const isPrivate = (op & PRIVATE) !== 0;
  const { futexes } = task.kernel;
  const [woken, moved] = futexes.requeue(futexes.bucket(task.mm, uaddr, isPrivate), futexes.bucket(task.mm, uaddr2, isPrivate), count, count2);
  return expected === null ? woken : woken + moved;
}

function sysFutex(task: Task, uaddr: number, op: number, val: number, arg4: number, uaddr2: number, val3: number): SyscallResult {
  if (uaddr % 4 !== 0) return -Errno.EINVAL;
  switch (op & CMD_MASK) {
    case Futex.WAIT:
      return wait(task, uaddr, op, val, arg4, -1);
    case Futex.WAIT_BITSET:
      return wait(task, uaddr, op, val, arg4, val3 | 0);
    case Futex.WAKE:
      return task.kernel.futexes.wake(task.mm, uaddr, (op & PRIVATE) !== 0, Math.max(1, val | 0));
    case Futex.WAKE_BITSET:
      if (val3 === 0) return -Errno.EINVAL;
      return task.kernel.futexes.wake(task.mm, uaddr, (op & PRIVATE) !== 0, Math.max(1, val | 0), val3 | 0);
    case Futex.REQUEUE:
      return requeue(task, uaddr, op, val | 0, arg4 | 0, uaddr2, null);
    case Futex.CMP_REQUEUE:
      return requeue(task, uaddr, op, val | 0, arg4 | 0, uaddr2, val3);
    case Futex.WAKE_OP:
      return wakeOp(task, uaddr, op, val | 0, arg4 | 0, uaddr2, val3);
    default:
      return -Errno.ENOSYS;
  }
}

const WAITV_MAX = 128;
const WAITV_BYTES = 24;
const FUTEX2_SIZE_U32 = 2;

function sysFutexWaitv(task: Task, waitersAddr: number, count: number, flagBits: number, timeout: number, clock: number): SyscallResult {
  const state = task.syscall!;
  if (!state.data) {
    if (count === 0 || count > WAITV_MAX || flagBits !== 0 || waitersAddr === 0) return -Errno.EINVAL;
    const waiters: FutexWaiter[] = [];
    state.data = { waiters, deadline: deadlineOf(task, timeout, true, clock) } satisfies WaitData;
    for (let index = 0; index < count; index++) {
      const at = waitersAddr + index * WAITV_BYTES;
      const word = task.mm.readUlong(at + 8);
      const wordFlags = task.mm.readU32(at + 16);
      if ((wordFlags & 3) !== FUTEX2_SIZE_U32 || word % 4 !== 0) return interrupted(task) ?? -Errno.EINVAL;
      const waiter = addWaiter(task, word, (wordFlags & PRIVATE) !== 0, task.mm.readU32(at), new FutexWaiter(task, -1, index));
      if (waiter === null) return interrupted(task) ?? -Errno.EAGAIN;
      waiters.push(waiter);
    }
  }
  const data = state.data as WaitData;
  if (data.waiters.some((waiter) => waiter.woken)) return interrupted(task);
  if (state.timedOut) return interrupted(task) ?? -Errno.ETIMEDOUT;
  return waitUntil(task.kernel, data.waiters.map((waiter) => ({ queue: waiter.queue, events: 0 })), data.deadline);
}

const ROBUST_LIST_HEAD_BYTES = 24;

function sysSetRobustList(task: Task, head: number, sizeBytes: number): number {
  if (sizeBytes !== ROBUST_LIST_HEAD_BYTES) return -Errno.EINVAL;
  task.shared.u64[(task.tcb + TCB.off.robustList) / 8] = BigInt(head);
  return 0;
}

function sysGetRobustList(task: Task, tid: number, headAddr: number, sizeAddr: number): number {
  const target = tid === 0 ? task : taskWithPid(task, tid);
  if (!target) return -Errno.ESRCH;
  task.mm.writeU64(headAddr, task.shared.u64[(target.tcb + TCB.off.robustList) / 8]!);
  task.mm.writeU64(sizeAddr, BigInt(ROBUST_LIST_HEAD_BYTES));
  return 0;
}

export const rows: readonly SyscallRow[] = [
  { nr: 202, name: 'futex', args: [addr('uaddr'), flags('op', OPS), uint('val'), addr('timeout'), addr('uaddr2'), uint('val3')], groups: ['%ipc'], restart: 'ERESTARTSYS', inCore: true, support: { partial: 'no priority inheritance (FUTEX_LOCK_PI …)' }, man: 'futex(2)', handler: sysFutex, interrupted },
  { nr: 449, name: 'futex_waitv', args: [addr('waiters'), uint('nr_futexes'), uint('flags'), addr('timeout'), int('clockid')], groups: ['%ipc'], restart: 'ERESTARTSYS', support: 'full', man: 'futex(2)', handler: sysFutexWaitv, interrupted },
  { nr: 273, name: 'set_robust_list', args: [addr('head'), size('len')], groups: ['%process'], support: 'full', man: 'set_robust_list(2)', handler: sysSetRobustList },
  { nr: 274, name: 'get_robust_list', args: [int('pid'), outBuf('head_ptr', 8), outBuf('len_ptr', 8)], groups: ['%process'], support: 'full', man: 'get_robust_list(2)', handler: sysGetRobustList },
];
