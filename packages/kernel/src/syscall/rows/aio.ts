/** Asynchronous I/O (io_submit(2) and relatives; not io_uring). */
import { Errno } from '@troupe/abi';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import { IoContext, submit } from '../../file/async-io.js';
import type { Task } from '../../task/task.js';
import { addr, long, outBuf, uint, waitOn, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

/** /proc/sys/fs/aio-max-nr. */
const MAX_EVENTS = 65536;
const PAGE = 4096;
const EVENT_BYTES = 32;

function sysIoSetup(task: Task, count: number, idAt: number): number {
  if (task.mm.readU64(idAt) !== 0n || count === 0) return -Errno.EINVAL;
  if (count > MAX_EVENTS) return -Errno.EAGAIN;
  const id = task.mm.mmap({ addr: 0, lengthBytes: PAGE, prot: Prot.READ | Prot.WRITE, flags: MapFlag.PRIVATE | MapFlag.ANONYMOUS, name: '/[aio] (deleted)' });
  if (id < 0) return id;
  task.mm.ioContexts.set(id, new IoContext(count));
  task.mm.writeU64(idAt, BigInt(id));
  return 0;
}

function sysIoDestroy(task: Task, id: number): number {
  const context = task.mm.ioContexts.get(id);
  if (context === undefined) return -Errno.EINVAL;
  task.mm.ioContexts.delete(id);
  task.mm.munmap(id, PAGE);
  context.waiters.wake(0, Infinity);
  return 0;
}

/** How many requests were accepted; the error of the first one when it is none. */
function sysIoSubmit(task: Task, id: number, count: number, at: number): number {
  const context = task.mm.ioContexts.get(id);
  if (context === undefined || count < 0) return -Errno.EINVAL;
  for (let done = 0; done < count; done++) {
    const result = context.events.length >= context.maxEvents ? -Errno.EAGAIN : submit(task, context, task.mm.readUlong(at + done * 8));
    if (result < 0) return done > 0 ? done : result;
  }
  return count;
}

/** Continuation of io_getevents. */
interface GetEventsData {
  readonly deadlineNs: number;
}

function sysIoGetevents(task: Task, id: number, min: number, max: number, at: number, timeoutAt: number): SyscallResult {
  const context = task.mm.ioContexts.get(id);
  if (context === undefined || min < 0 || max < 0 || min > max) return -Errno.EINVAL;
  const state = task.syscall!;
  state.data ??= { deadlineNs: timeoutAt === 0 ? Infinity : task.kernel.monotonicNs() + readTimespecNs(task.mm, timeoutAt) } satisfies GetEventsData;
  const { deadlineNs } = state.data as GetEventsData;
  const isDue = state.timedOut || task.kernel.monotonicNs() >= deadlineNs;
  if (context.events.length < min && !isDue) return deadlineNs === Infinity ? waitOn(context.waiters, 0) : waitOn(context.waiters, 0, deadlineNs);
  return takeEvents(task, context, max, at);
}

/** struct io_event: data, obj, res, res2. */
function takeEvents(task: Task, context: IoContext, max: number, at: number): number {
  const events = context.events.splice(0, max);
  events.forEach(({ data, request, result }, index) => {
    [data, BigInt(request), BigInt.asUintN(64, BigInt(result)), 0n].forEach((word, n) => task.mm.writeU64(at + index * EVENT_BYTES + n * 8, word));
  });
  return events.length;
}

/** Every request is done already: there is none to cancel. */
function sysIoCancel(): number {
  return -Errno.EINVAL;
}

const SIGSET_BYTES = 8;

/** io_pgetevents: with a signal mask for the wait (pointer and size). */
function sysIoPgetevents(task: Task, id: number, min: number, max: number, at: number, timeoutAt: number, maskAt: number): SyscallResult {
  if (maskAt !== 0 && !task.syscall!.resumed) {
    const setAt = task.mm.readUlong(maskAt);
    if (setAt !== 0) {
      if (task.mm.readUlong(maskAt + 8) !== SIGSET_BYTES) return -Errno.EINVAL;
      task.setTemporaryMask(task.mm.readU64(setAt));
    }
  }
  return sysIoGetevents(task, id, min, max, at, timeoutAt);
}

const AIO = { groups: ['%desc'], support: { partial: 'requests are carried out when they are submitted; what would wait fails with EAGAIN; no IOCB_CMD_POLL' } } as const;

export const rows: readonly SyscallRow[] = [
  { groups: ['%desc'], support: 'full', nr: 206, name: 'io_setup', args: [uint('nr_events'), addr('ctx_idp')], man: 'io_setup(2)', handler: sysIoSetup },
  { groups: ['%desc'], support: 'full', nr: 207, name: 'io_destroy', args: [addr('ctx_id')], man: 'io_destroy(2)', handler: sysIoDestroy },
  { groups: ['%desc'], support: 'full', nr: 208, name: 'io_getevents', args: [addr('ctx_id'), long('min_nr'), long('nr'), outBuf('events', 0), addr('timeout')], restart: 'EINTR', man: 'io_getevents(2)', handler: sysIoGetevents },
  { ...AIO, nr: 209, name: 'io_submit', args: [addr('ctx_id'), long('nr'), addr('iocbpp')], man: 'io_submit(2)', handler: sysIoSubmit },
  { groups: ['%desc'], support: 'full', nr: 210, name: 'io_cancel', args: [addr('ctx_id'), addr('iocb'), addr('result')], man: 'io_cancel(2)', handler: sysIoCancel },
  { groups: ['%desc'], support: 'full', nr: 333, name: 'io_pgetevents', args: [addr('ctx_id'), long('min_nr'), long('nr'), outBuf('events', 0), addr('timeout'), addr('usig')], restart: 'EINTR', man: 'io_getevents(2)', handler: sysIoPgetevents },
];
