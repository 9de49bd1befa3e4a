/** poll(2), ppoll(2), select(2), pselect6(2). */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDBAND, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM, Errno, Nr, Reg, Restart, Rlimit } from '@troupe/abi';
import { callDeadlineNs, storeRemaining } from '../../ipc/deadline.js';
import { pollOrWait, type PollEntry } from '../../ipc/poll-set.js';
import { useWaitMask } from '../../ipc/wait-mask.js';
import type { Task } from '../../task/task.js';
import { addr, inoutBuf, int, size, uint, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs, readTimevalNs } from '../timespec.js';

const POLLFD_BYTES = 8;
/** Descriptors beyond what any table holds are never set in practice; Linux caps at the table size too. */
const MAX_SELECT_FDS = 1 << 20;
const NS_PER_MS = 1_000_000;

const SELECT_READ = EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR;
const SELECT_WRITE = EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR;

function readPollFds(task: Task, fdsAddr: number, count: number): PollEntry[] {
  const bytes = task.mm.copyIn(fdsAddr, count * POLLFD_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, index) => ({
    fd: view.getInt32(index * POLLFD_BYTES, true), events: view.getUint16(index * POLLFD_BYTES + 4, true), revents: 0,
  }));
}

function doPoll(task: Task, fdsAddr: number, count: number, deadlineNs: number): SyscallResult {
  if (count > task.group.limits.soft(Rlimit.NOFILE)) return -Errno.EINVAL;
  const entries = readPollFds(task, fdsAddr, count);
  return pollOrWait(task, entries, deadlineNs, (ready) => {
    entries.forEach((entry, index) => task.mm.writeU16(fdsAddr + index * POLLFD_BYTES + 6, entry.revents));
    return ready;
  });
}

function sysPoll(task: Task, fdsAddr: number, count: number, timeoutMs: number): SyscallResult {
  return doPoll(task, fdsAddr, count, callDeadlineNs(task, () => (timeoutMs < 0 ? Infinity : timeoutMs * NS_PER_MS)));
}

function sysPpoll(task: Task, fdsAddr: number, count: number, timeoutAddr: number, maskAddr: number, maskBytes: number): SyscallResult {
  const deadlineNs = callDeadlineNs(task, () => (timeoutAddr === 0 ? Infinity : readTimespecNs(task.mm, timeoutAddr)));
  useWaitMask(task, maskAddr, maskBytes);
  const result = doPoll(task, fdsAddr, count, deadlineNs);
  if (typeof result === 'number') storeRemaining(task, 'timespec', timeoutAddr);
  return orInterrupted(task, result);
}

/** Nothing ready and the time is over, but the swapped mask let a signal through: that one wins (pselect(2)). */
function orInterrupted(task: Task, result: SyscallResult): SyscallResult {
  return result === 0 && task.signalPending ? -Restart.ERESTARTNOHAND : result;
}

function isSet(bits: Uint8Array | null, fd: number): boolean {
  return bits !== null && (bits[fd >> 3]! & (1 << (fd & 7))) !== 0;
}

interface SelectSets {
  readonly addrs: readonly number[];
  readonly bits: readonly (Uint8Array | null)[];
}

function readSets(task: Task, count: number, addrs: readonly number[]): SelectSets {
  const sizeBytes = Math.ceil(count / 64) * 8;
  return { addrs, bits: addrs.map((at) => (at === 0 ? null : task.mm.copyIn(at, sizeBytes))) };
}

const SET_EVENTS = [SELECT_READ, SELECT_WRITE, EPOLLPRI] as const;

function entriesOf(sets: SelectSets, count: number): PollEntry[] {
  const entries: PollEntry[] = [];
  for (let fd = 0; fd < count; fd++) {
    let events = 0;
    SET_EVENTS.forEach((bits, set) => (events |= isSet(sets.bits[set]!, fd) ? bits : 0));
    if (events !== 0) entries.push({ fd, events, revents: 0 });
  }
  return entries;
}

/** Writes the ready descriptors back; the result counts bits, not descriptors. */
function storeSets(task: Task, sets: SelectSets, entries: readonly PollEntry[]): number {
  let count = 0;
  sets.bits.forEach((asked, set) => {
    if (asked === null) return;
    const out = new Uint8Array(asked.length);
    for (const { fd, revents } of entries) {
      if (!isSet(asked, fd) || (revents & SET_EVENTS[set]!) === 0) continue;
      out[fd >> 3]! |= 1 << (fd & 7);
      count++;
    }
    task.mm.copyOut(sets.addrs[set]!, out);
  });
  return count;
}

function doSelect(task: Task, count: number, addrs: readonly number[], deadlineNs: number): SyscallResult {
  if (count < 0) return -Errno.EINVAL;
  const checked = Math.min(count, MAX_SELECT_FDS, Math.max(64, Math.ceil(task.fds.sizeSlots / 64) * 64));
  const sets = readSets(task, checked, addrs);
  const entries = entriesOf(sets, checked);
  if (entries.some(({ fd }) => task.fds.getOpen(fd) === null)) return -Errno.EBADF;
  return pollOrWait(task, entries, deadlineNs, () => storeSets(task, sets, entries));
}

function sysSelect(task: Task, count: number, readAddr: number, writeAddr: number, exceptAddr: number, timeoutAddr: number): SyscallResult {
  const deadlineNs = callDeadlineNs(task, () => (timeoutAddr === 0 ? Infinity : readTimevalLenient(task, timeoutAddr)));
  const result = doSelect(task, count, [readAddr, writeAddr, exceptAddr], deadlineNs);
  if (typeof result === 'number') storeRemaining(task, 'timeval', timeoutAddr);
  return result;
}

/** select(2) accepts microseconds beyond a second; negative values are EINVAL. */
function readTimevalLenient(task: Task, at: number): number {
  const micros = BigInt.asIntN(64, task.mm.readU64(at + 8));
  if (micros < 1_000_000n) return readTimevalNs(task.mm, at);
  return Number(BigInt.asIntN(64, task.mm.readU64(at))) * 1e9 + Number(micros) * 1000;
}

/** The sixth argument points to the mask and its size (select(2), "C library/kernel differences"). */
function usePselectMask(task: Task, packAddr: number): void {
  if (packAddr === 0) return;
  const maskAddr = task.mm.readUlong(packAddr);
  if (maskAddr !== 0) useWaitMask(task, maskAddr, task.mm.readUlong(packAddr + 8));
}

function sysPselect6(task: Task, count: number, readAddr: number, writeAddr: number, exceptAddr: number, timeoutAddr: number, packAddr: number): SyscallResult {
  const deadlineNs = callDeadlineNs(task, () => (timeoutAddr === 0 ? Infinity : readTimespecNs(task.mm, timeoutAddr)));
  usePselectMask(task, packAddr);
  const result = doSelect(task, count, [readAddr, writeAddr, exceptAddr], deadlineNs);
  if (typeof result === 'number') storeRemaining(task, 'timespec', timeoutAddr);
  return orInterrupted(task, result);
}

/** Stores the time left when a wait is interrupted; the address is still in the argument register. */
function storeOnInterrupt(kind: 'timespec' | 'timeval', register: number): (task: Task) => undefined {
  return (task) => {
    storeRemaining(task, kind, Number(task.getReg(register)));
    return undefined;
  };
}

export const rows: readonly SyscallRow[] = [
  {
    nr: Nr.poll, name: 'poll', args: [addr('fds'), uint('nfds'), int('timeout')], groups: ['%desc'], restart: 'ERESTART_RESTARTBLOCK',
    support: 'full', man: 'poll(2)', handler: sysPoll,
  },
  {
    nr: Nr.ppoll, name: 'ppoll', args: [addr('fds'), uint('nfds'), inoutBuf('tmo_p', 16), addr('sigmask'), size('sigsetsize')], groups: ['%desc'],
    restart: 'ERESTARTNOHAND', support: 'full', man: 'poll(2)', handler: sysPpoll, interrupted: storeOnInterrupt('timespec', Reg.RDX),
  },
  {
    nr: Nr.select, name: 'select', args: [int('nfds'), addr('readfds'), addr('writefds'), addr('exceptfds'), inoutBuf('timeout', 16)], groups: ['%desc'],
    restart: 'ERESTARTNOHAND', support: 'full', man: 'select(2)', handler: sysSelect, interrupted: storeOnInterrupt('timeval', Reg.R8),
  },
  {
    nr: Nr.pselect6, name: 'pselect6', args: [int('nfds'), addr('readfds'), addr('writefds'), addr('exceptfds'), inoutBuf('timeout', 16), addr('sigmask')],
    groups: ['%desc'], restart: 'ERESTARTNOHAND', support: 'full', man: 'select(2)', handler: sysPselect6, interrupted: storeOnInterrupt('timespec', Reg.R8),
  },
];
