/** epoll_create(2), epoll_ctl(2), epoll_wait(2). */
import { EPOLLIN, Errno, Nr, O_CLOEXEC, O_PATH } from '@troupe/abi';
import { Epoll, type EpollEvent } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { callDeadlineNs, isDue } from '../../ipc/deadline.js';
import { useWaitMask } from '../../ipc/wait-mask.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, flags, int, size, waitOn, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** struct epoll_event is packed on x86-64. */
const EVENT_BYTES = 12;
const MAX_EVENTS = Math.floor(0x7fff_ffff / EVENT_BYTES);
const NS_PER_MS = 1_000_000;

function sysEpollCreate1(task: Task, createFlags: number): number {
  if ((createFlags & ~O_CLOEXEC) !== 0) return -Errno.EINVAL;
  return installFile(task, new Epoll(), createFlags !== 0);
}

function sysEpollCreate(task: Task, sizeHint: number): number {
  return sizeHint <= 0 ? -Errno.EINVAL : sysEpollCreate1(task, 0);
}

function readEvent(task: Task, at: number): EpollEvent {
  return { events: task.mm.readI32(at), dataLow: task.mm.readU32(at + 4), dataHigh: task.mm.readU32(at + 8) };
}

function sysEpollCtl(task: Task, epollFd: number, operation: number, targetFd: number, eventAddr: number): number {
  const event = operation === EPOLL_CTL_DEL ? null : readEvent(task, eventAddr);
  const epoll = task.fds.get(epollFd);
  const target = task.fds.get(targetFd);
  if (!epoll || !target || (target.flags & O_PATH) !== 0) return -Errno.EBADF;
  if (!target.pollable) return -Errno.EPERM;
  if (!(epoll instanceof Epoll) || epoll === target) return -Errno.EINVAL;
  switch (operation) {
    case EPOLL_CTL_ADD:
      return epoll.add(targetFd, target, event!);
    case EPOLL_CTL_MOD:
      return epoll.modify(targetFd, target, event!);
    case EPOLL_CTL_DEL:
      return epoll.remove(targetFd, target);
    default:
      return -Errno.EINVAL;
  }
}

function doEpollWait(task: Task, epollFd: number, eventsAddr: number, maxEvents: number, deadlineNs: number): SyscallResult {
  if (maxEvents <= 0 || maxEvents > MAX_EVENTS) return -Errno.EINVAL;
  const epoll = task.fds.get(epollFd);
  if (!epoll) return -Errno.EBADF;
  if (!(epoll instanceof Epoll)) return -Errno.EINVAL;
  const events = epoll.collect(maxEvents);
  if (events.length > 0) {
    task.mm.copyOut(eventsAddr, encodeEvents(events));
    return events.length;
  }
  return isDue(task, deadlineNs) ? 0 : waitOn(epoll.waiters, EPOLLIN, deadlineNs);
}

function encodeEvents(events: readonly EpollEvent[]): Uint8Array {
  const bytes = new Uint8Array(events.length * EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  events.forEach((event, index) => {
    view.setUint32(index * EVENT_BYTES, event.events, true);
    view.setUint32(index * EVENT_BYTES + 4, event.dataLow, true);
    view.setUint32(index * EVENT_BYTES + 8, event.dataHigh, true);
  });
  return bytes;
}

function millisecondsDeadline(task: Task, timeoutMs: number): number {
  return callDeadlineNs(task, () => (timeoutMs < 0 ? Infinity : timeoutMs * NS_PER_MS));
}

function sysEpollWait(task: Task, epollFd: number, eventsAddr: number, maxEvents: number, timeoutMs: number): SyscallResult {
  return doEpollWait(task, epollFd, eventsAddr, maxEvents, millisecondsDeadline(task, timeoutMs));
}

function sysEpollPwait(task: Task, epollFd: number, eventsAddr: number, maxEvents: number, timeoutMs: number, maskAddr: number, maskBytes: number): SyscallResult {
  useWaitMask(task, maskAddr, maskBytes);
  return sysEpollWait(task, epollFd, eventsAddr, maxEvents, timeoutMs);
}

function sysEpollPwait2(task: Task, epollFd: number, eventsAddr: number, maxEvents: number, timeoutAddr: number, maskAddr: number, maskBytes: number): SyscallResult {
  const deadlineNs = callDeadlineNs(task, () => (timeoutAddr === 0 ? Infinity : readTimespecNs(task.mm, timeoutAddr)));
  useWaitMask(task, maskAddr, maskBytes);
  return doEpollWait(task, epollFd, eventsAddr, maxEvents, deadlineNs);
}

const WAIT_ARGS = [fd('epfd'), addr('events'), int('maxevents')] as const;
const MASK_ARGS = [addr('sigmask'), size('sigsetsize')] as const;
const CREATE_FLAGS = [['EPOLL_CLOEXEC', O_CLOEXEC]] as const;
const OPERATIONS = [['EPOLL_CTL_ADD', EPOLL_CTL_ADD], ['EPOLL_CTL_DEL', EPOLL_CTL_DEL], ['EPOLL_CTL_MOD', EPOLL_CTL_MOD]] as const;

export const rows: readonly SyscallRow[] = [
  { nr: Nr.epoll_create, name: 'epoll_create', args: [int('size')], groups: ['%desc'], support: 'full', man: 'epoll_create(2)', handler: sysEpollCreate },
  { nr: Nr.epoll_create1, name: 'epoll_create1', args: [flags('flags', CREATE_FLAGS)], groups: ['%desc'], support: 'full', man: 'epoll_create(2)', handler: sysEpollCreate1 },
  {
    nr: Nr.epoll_ctl, name: 'epoll_ctl', args: [fd('epfd'), choice('op', OPERATIONS), fd(), addr('event')], groups: ['%desc'],
    support: 'full', man: 'epoll_ctl(2)', handler: sysEpollCtl,
  },
  { nr: Nr.epoll_wait, name: 'epoll_wait', args: [...WAIT_ARGS, int('timeout')], groups: ['%desc'], restart: 'EINTR', support: 'full', man: 'epoll_wait(2)', handler: sysEpollWait },
  {
    nr: Nr.epoll_pwait, name: 'epoll_pwait', args: [...WAIT_ARGS, int('timeout'), ...MASK_ARGS], groups: ['%desc'], restart: 'EINTR',
    support: 'full', man: 'epoll_wait(2)', handler: sysEpollPwait,
  },
  {
    nr: Nr.epoll_pwait2, name: 'epoll_pwait2', args: [...WAIT_ARGS, addr('timeout'), ...MASK_ARGS], groups: ['%desc'], restart: 'EINTR',
    support: 'full', man: 'epoll_wait(2)', handler: sysEpollPwait2,
  },
];
