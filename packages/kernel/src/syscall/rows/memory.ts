/** Memory mapping calls (mmap(2) and relatives). */
import { Cap, Errno, hasCap, MS_NOEXEC, PAGE_SIZE } from '@troupe/abi';
import { Rlimit } from '@troupe/abi/linux/limits.js';
import { Madv, MapFlag, Mcl, MLOCK_ONFAULT, Mremap, Msync, Prot } from '@troupe/abi/linux/mman.js';
import { lockedBytes } from '../../mm/advice.js';
import { mappingOf, type FileMapping } from '../../mm/file-mapping.js';
import { ALL_PROT, pageUp } from '../../mm/heap.js';
import { TASK_SIZE } from '../../mm/layout.js';
import type { Task } from '../../task/task.js';
import { addr, fd, flags, int, long, outBuf, size, uint, type SyscallRow } from '../row.js';

type Symbols = readonly (readonly [string, number])[];

const PROT_NAMES: Symbols = [['PROT_READ', 1], ['PROT_WRITE', 2], ['PROT_EXEC', 4], ['PROT_GROWSDOWN', Prot.GROWSDOWN], ['PROT_GROWSUP', Prot.GROWSUP], ['PROT_NONE', 0]];
const named = (prefix: string, table: Readonly<Record<string, number>>): Symbols => Object.entries(table).map(([name, value]) => [`${prefix}${name}`, value] as const);
const MAP_NAMES: Symbols = named('MAP_', MapFlag).filter(([, value]) => value !== MapFlag.TYPE_MASK && value !== MapFlag.SHARED_VALIDATE);

/** Limits of the process apply to the address space it uses now. */
function memoryOf(task: Task): Task['mm'] {
  task.mm.limits = task.group.limits;
  return task.mm;
}

/** The file to map, or -errno: access mode, mount flags and type are checked here. */
function fileToMap(task: Task, fdNo: number, prot: number, shared: boolean): FileMapping | number {
  const file = task.fds.getOpen(fdNo);
  if (file === null) return -Errno.EBADF;
  if (!file.readable) return -Errno.EACCES;
  if (shared && prot & Prot.WRITE && !file.writable) return -Errno.EACCES;
  if (prot & Prot.EXEC && file.node.mount.flags & MS_NOEXEC) return -Errno.EPERM;
  return mappingOf(file, shared, task.fs.root);
}

function maxProtOf(file: FileMapping, shared: boolean): number {
  const noExec = (file.description.node.mount.flags & MS_NOEXEC) !== 0;
  return ALL_PROT & ~(shared && !file.description.writable ? Prot.WRITE : 0) & ~(noExec ? Prot.EXEC : 0);
}

function sysMmap(task: Task, at: number, lengthBytes: number, prot: number, mapFlags: number, fdNo: number, offBytes: number): number {
  if (offBytes % PAGE_SIZE !== 0) return -Errno.EINVAL;
  const type = mapFlags & MapFlag.TYPE_MASK;
  if (type !== MapFlag.SHARED && type !== MapFlag.PRIVATE && type !== MapFlag.SHARED_VALIDATE) return -Errno.EINVAL;
  const mm = memoryOf(task);
  const locked = mm.locksFuture ? MapFlag.LOCKED : 0;
  const request = { addr: at, lengthBytes, prot, flags: mapFlags | locked, isEager: true };
  if (mapFlags & MapFlag.HUGETLB) return -Errno.ENOMEM;
  if (mapFlags & MapFlag.ANONYMOUS) return mm.mmap(request);
  const shared = type !== MapFlag.PRIVATE;
  const file = fileToMap(task, fdNo, prot, shared);
  if (typeof file === 'number') return file;
  if (lengthBytes === 0) return -Errno.EINVAL;
  if (offBytes < 0 || offBytes + lengthBytes > Number.MAX_SAFE_INTEGER) return -Errno.EOVERFLOW;
  return mm.mmap({ ...request, file, offBytes, maxProt: maxProtOf(file, shared) });
}

function sysMprotect(task: Task, at: number, lengthBytes: number, prot: number): number {
  return memoryOf(task).mprotect(at, lengthBytes, prot);
}

/** Protection keys are not provided; -1 means "none", as plain mprotect. */
function sysPkeyMprotect(task: Task, at: number, lengthBytes: number, prot: number, pkey: number): number {
  return pkey === -1 ? sysMprotect(task, at, lengthBytes, prot) : -Errno.EINVAL;
}

function sysMremap(task: Task, at: number, oldBytes: number, newBytes: number, remapFlags: number, newAddr: number): number {
  return memoryOf(task).mremap({ addr: at, oldBytes, newBytes, flags: remapFlags, newAddr });
}

function sysMincore(task: Task, at: number, lengthBytes: number, vec: number): number {
  const answer = task.mm.mincore(at, lengthBytes);
  if (typeof answer === 'number') return answer;
  task.mm.copyOut(vec, answer);
  return 0;
}

function mayLock(task: Task, moreBytes: number): number {
  if (hasCap(task.creds, Cap.IPC_LOCK)) return 0;
  const limit = task.group.limits.soft(Rlimit.MEMLOCK);
  if (limit === 0) return -Errno.EPERM;
  return lockedBytes(task.mm) + moreBytes > limit ? -Errno.ENOMEM : 0;
}

function sysMlock(task: Task, at: number, lengthBytes: number): number {
  return sysMlock2(task, at, lengthBytes, 0);
}

function sysMlock2(task: Task, at: number, lengthBytes: number, lockFlags: number): number {
  if (lockFlags & ~MLOCK_ONFAULT) return -Errno.EINVAL;
  if (at + lengthBytes > TASK_SIZE) return lengthBytes > TASK_SIZE ? -Errno.EINVAL : -Errno.ENOMEM;
  const refused = mayLock(task, pageUp(lengthBytes));
  return refused !== 0 ? refused : task.mm.mlock(at, lengthBytes, lockFlags === 0);
}

function sysMlockall(task: Task, lockFlags: number): number {
  if (lockFlags === 0 || lockFlags & ~(Mcl.CURRENT | Mcl.FUTURE | Mcl.ONFAULT) || lockFlags === Mcl.ONFAULT) return -Errno.EINVAL;
  const refused = mayLock(task, lockFlags & Mcl.CURRENT ? task.mm.vmas.bytes : 0);
  if (refused !== 0) return refused;
  task.mm.locksFuture = (lockFlags & Mcl.FUTURE) !== 0;
  if (lockFlags & Mcl.CURRENT) lockEverything(task, true);
  return 0;
}

function sysMunlockall(task: Task): number {
  task.mm.locksFuture = false;
  lockEverything(task, false);
  return 0;
}

function lockEverything(task: Task, locked: boolean): void {
  for (const vma of [...task.mm.vmas]) {
    if (locked) task.mm.mlock(vma.start, vma.sizeBytes, false);
    else task.mm.munlock(vma.start, vma.sizeBytes);
  }
}

const memoryRow = (row: Omit<SyscallRow, 'groups' | 'support'> & Partial<SyscallRow>): SyscallRow => ({ groups: ['%memory'], support: 'full', ...row });
const prot = flags('prot', PROT_NAMES);

export const rows: readonly SyscallRow[] = [
  memoryRow({ nr: 9, name: 'mmap', args: [addr('addr'), size('length'), prot, flags('flags', MAP_NAMES), fd(), long('offset')], man: 'mmap(2)', handler: sysMmap }),
  memoryRow({ nr: 10, name: 'mprotect', args: [addr('addr'), size('len'), prot], man: 'mprotect(2)', handler: sysMprotect }),
  memoryRow({ nr: 11, name: 'munmap', args: [addr('addr'), size('length')], man: 'munmap(2)', handler: (task: Task, at: number, length: number) => task.mm.munmap(at, length) }),
  memoryRow({ nr: 12, name: 'brk', args: [addr('addr')], inCore: true, man: 'brk(2)', handler: (task: Task, at: number) => memoryOf(task).setBreak(at) }),
  memoryRow({
    nr: 25, name: 'mremap', args: [addr('old_address'), size('old_size'), size('new_size'), flags('flags', named('MREMAP_', Mremap)), addr('new_address')],
    man: 'mremap(2)', handler: sysMremap,
  }),
  memoryRow({
    nr: 26, name: 'msync', args: [addr('addr'), size('length'), flags('flags', named('MS_', Msync))], man: 'msync(2)',
    handler: (task: Task, at: number, length: number, syncFlags: number) => task.mm.msync(at, length, syncFlags),
  }),
  memoryRow({ nr: 27, name: 'mincore', args: [addr('addr'), size('length'), outBuf('vec', 0)], man: 'mincore(2)', handler: sysMincore }),
  memoryRow({
    nr: 28, name: 'madvise', args: [addr('addr'), size('length'), flags('advice', named('MADV_', Madv))], man: 'madvise(2)',
    support: { partial: 'MADV_FREE frees at once; MADV_COLLAPSE, MADV_HWPOISON and guard advice are EINVAL' },
    handler: (task: Task, at: number, length: number, advice: number) => task.mm.madvise(at, length, advice),
  }),
  memoryRow({ nr: 149, name: 'mlock', args: [addr('addr'), size('len')], man: 'mlock(2)', handler: sysMlock }),
  memoryRow({ nr: 150, name: 'munlock', args: [addr('addr'), size('len')], man: 'munlock(2)', handler: (task: Task, at: number, length: number) => task.mm.munlock(at, length) }),
  memoryRow({ nr: 151, name: 'mlockall', args: [flags('flags', named('MCL_', Mcl))], man: 'mlockall(2)', handler: sysMlockall }),
  memoryRow({ nr: 152, name: 'munlockall', args: [], man: 'munlockall(2)', handler: sysMunlockall }),
  memoryRow({ nr: 325, name: 'mlock2', args: [addr('addr'), size('len'), uint('flags')], man: 'mlock2(2)', handler: sysMlock2 }),
  memoryRow({
    nr: 329, name: 'pkey_mprotect', args: [addr('addr'), size('len'), prot, int('pkey')], man: 'pkey_mprotect(2)',
    support: { partial: 'no protection keys: only pkey -1' }, handler: sysPkeyMprotect,
  }),
];
