/** System V shared memory (sysvipc(7)). */
import { Cap, Errno, IPC_PERM_BYTES, IpcCommand, PAGE_SIZE, SHMID_DS_BYTES, Shm, ShmCommand, hasCap } from '@troupe/abi';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import type { IpcNamespace } from '../../namespace/ipc-namespace.js';
import { applyPermission, checkIpcAccess, checkIpcOwner, newPermission, Wants, writePermission } from '../../sysv/permission.js';
import { SharedSegment } from '../../sysv/shared-segment.js';
import type { Task } from '../../task/task.js';
import { addr, choice, flags, int, size, type SyscallRow } from '../row.js';

const SHMMIN = 1;

const nowSeconds = (task: Task): number => Number(task.kernel.realtimeNs() / 1_000_000_000n);

function pagesInUse({ segments }: IpcNamespace): number {
  return segments.all().reduce((sum, segment) => sum + segment.sizeBytes / PAGE_SIZE, 0);
}

function newSegment(task: Task, key: number, sizeBytes: number, shmFlags: number): SharedSegment | number {
  const { ipc } = task.namespaces;
  const { limits, segments } = ipc;
  if (sizeBytes < SHMMIN || BigInt(sizeBytes) > limits.shmmax) return -Errno.EINVAL;
  if ((shmFlags & Shm.HUGETLB) !== 0) return -Errno.ENOMEM;
  if (BigInt(pagesInUse(ipc) + Math.ceil(sizeBytes / PAGE_SIZE)) > limits.shmall) return -Errno.ENOSPC;
  if (sizeBytes > task.kernel.memory.limitBytes) return -Errno.ENOMEM;
  segments.maxObjects = limits.shmmni;
  const id = segments.nextId();
  if (id < 0) return id;
  const permission = newPermission(task, shmFlags);
  return new SharedSegment({ table: segments, pool: task.kernel.frames, key, id, sizeBytes, permission, creatorPid: task.group.tgid, realtimeNs: task.kernel.vfs.environment.realtimeNs });
}

function sysShmget(task: Task, key: number, sizeBytes: number, shmFlags: number): number {
  const fits = (segment: SharedSegment): number => (segment.requestedBytes < sizeBytes ? -Errno.EINVAL : 0);
  return task.namespaces.ipc.segments.get(task, key, shmFlags, fits, () => newSegment(task, key, sizeBytes, shmFlags));
}

function sysShmat(task: Task, id: number, at: number, shmFlags: number): number {
  const segment = task.namespaces.ipc.segments.byId(id);
  if (typeof segment === 'number') return segment;
  let start = at;
  if (at % PAGE_SIZE !== 0) {
    if ((shmFlags & Shm.RND) === 0) return -Errno.EINVAL;
    start = at - (at % PAGE_SIZE);
  }
  if ((shmFlags & Shm.REMAP) !== 0 && start === 0) return -Errno.EINVAL;
  const isReadOnly = (shmFlags & Shm.RDONLY) !== 0;
  const isExecutable = (shmFlags & Shm.EXEC) !== 0;
  const denied = checkIpcAccess(task, segment.permission, Wants.READ | (isReadOnly ? 0 : Wants.WRITE) | (isExecutable ? Wants.EXEC : 0));
  if (denied !== 0) return denied;
  const fixed = start === 0 ? 0 : (shmFlags & Shm.REMAP) !== 0 ? MapFlag.FIXED : MapFlag.FIXED_NOREPLACE;
  const prot = Prot.READ | (isReadOnly ? 0 : Prot.WRITE) | (isExecutable ? Prot.EXEC : 0);
  const maxProt = Prot.READ | Prot.EXEC | (isReadOnly ? 0 : Prot.WRITE);
  const mapped = task.mm.mmap({ addr: start, lengthBytes: segment.sizeBytes, prot, flags: MapFlag.SHARED | fixed, file: segment, maxProt });
  if (mapped < 0) return mapped === -Errno.EEXIST ? -Errno.EINVAL : mapped;
  segment.lastPid = task.group.tgid;
  return mapped;
}

/** Unmaps the pieces of the segment whose mapping begins (or began, before it was cut) at the address. */
function sysShmdt(task: Task, at: number): number {
  if (at % PAGE_SIZE !== 0) return -Errno.EINVAL;
  const first = [...task.mm.vmas].find((vma) => vma.file instanceof SharedSegment && vma.start - vma.offset === at);
  if (first === undefined) return -Errno.EINVAL;
  const segment = first.file as SharedSegment;
  segment.lastPid = task.group.tgid;
  const pieces = [...task.mm.vmas].filter((vma) => vma.file === segment && vma.start - vma.offset === at);
  for (const piece of pieces) task.mm.munmap(piece.start, piece.sizeBytes);
  return 0;
}

function statBytes(segment: SharedSegment): Buffer {
  const bytes = Buffer.alloc(SHMID_DS_BYTES);
  writePermission(bytes, segment.key, segment.id, segment.permission);
  bytes.writeBigUInt64LE(BigInt(segment.requestedBytes), 48);
  [segment.attachedAt, segment.detachedAt, segment.changedAt].forEach((time, index) => bytes.writeBigInt64LE(BigInt(time), 56 + index * 8));
  bytes.writeInt32LE(segment.creatorPid, 80);
  bytes.writeInt32LE(segment.lastPid, 84);
  bytes.writeBigUInt64LE(BigInt(segment.attachCount), 88);
  return bytes;
}

/** struct shminfo. */
function limitBytes(ipc: IpcNamespace): Buffer {
  const bytes = Buffer.alloc(72);
  const { shmall, shmmax, shmmni } = ipc.limits;
  [shmmax, BigInt(SHMMIN), BigInt(shmmni), BigInt(shmmni), shmall].forEach((value, index) => bytes.writeBigUInt64LE(value, index * 8));
  return bytes;
}

/** struct shm_info. */
function usageBytes(ipc: IpcNamespace): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeInt32LE(ipc.segments.count, 0);
  bytes.writeBigUInt64LE(BigInt(pagesInUse(ipc)), 8);
  bytes.writeBigUInt64LE(BigInt(ipc.segments.all().reduce((sum, segment) => sum + segment.residentPages, 0)), 16);
  return bytes;
}

function sysShmctl(task: Task, id: number, command: number, at: number): number {
  const { ipc } = task.namespaces;
  if (id < 0 || command < 0) return -Errno.EINVAL;
  if (command === IpcCommand.INFO || command === ShmCommand.INFO) {
    task.mm.copyOut(at, command === IpcCommand.INFO ? limitBytes(ipc) : usageBytes(ipc));
    return ipc.segments.maxIndex;
  }
  const isByIndex = command === ShmCommand.STAT || command === ShmCommand.STAT_ANY;
  const segment = isByIndex ? ipc.segments.byIndex(id) : ipc.segments.byId(id);
  if (typeof segment === 'number') return segment;
  switch (command) {
    case IpcCommand.STAT: case ShmCommand.STAT: case ShmCommand.STAT_ANY: return stat(task, segment, command, at);
    case IpcCommand.RMID: case IpcCommand.SET: return change(task, segment, command, at);
    case ShmCommand.LOCK: case ShmCommand.UNLOCK: return lock(task, segment, command === ShmCommand.LOCK);
    default: return -Errno.EINVAL;
  }
}

function stat(task: Task, segment: SharedSegment, command: number, at: number): number {
  const denied = command === ShmCommand.STAT_ANY ? 0 : checkIpcAccess(task, segment.permission, Wants.READ);
  if (denied !== 0) return denied;
  task.mm.copyOut(at, statBytes(segment));
  return command === IpcCommand.STAT ? 0 : segment.id;
}

function change(task: Task, segment: SharedSegment, command: number, at: number): number {
  const denied = checkIpcOwner(task, segment.permission);
  if (command === IpcCommand.SET) task.mm.copyIn(at, IPC_PERM_BYTES);
  if (denied !== 0) return denied;
  if (command === IpcCommand.RMID) segment.markForRemoval();
  else {
    const refused = applyPermission(task, at, segment.permission);
    if (refused !== 0) return refused;
    segment.changedAt = nowSeconds(task);
  }
  return 0;
}

/** SHM_LOCK: memory is never swapped out, so only the mark is kept. */
function lock(task: Task, segment: SharedSegment, isLocked: boolean): number {
  if (!hasCap(task.creds, Cap.IPC_LOCK) && checkIpcOwner(task, segment.permission) !== 0) return -Errno.EPERM;
  segment.permission.mode = isLocked ? segment.permission.mode | Shm.LOCKED : segment.permission.mode & ~Shm.LOCKED;
  return 0;
}

const SHMGET_FLAGS = [['IPC_CREAT', 0o1000], ['IPC_EXCL', 0o2000], ['SHM_HUGETLB', Shm.HUGETLB], ['SHM_NORESERVE', Shm.NORESERVE]] as const;
const SHMAT_FLAGS = [['SHM_RDONLY', Shm.RDONLY], ['SHM_RND', Shm.RND], ['SHM_REMAP', Shm.REMAP], ['SHM_EXEC', Shm.EXEC]] as const;
const COMMANDS = [...Object.entries(IpcCommand).map(([name, value]) => [`IPC_${name}`, value] as const), ...Object.entries(ShmCommand).map(([name, value]) => [`SHM_${name}`, value] as const)];

export const rows: readonly SyscallRow[] = [
  { nr: 29, name: 'shmget', args: [int('key'), size('size'), flags('shmflg', SHMGET_FLAGS)], groups: ['%ipc'], support: { partial: 'no huge pages' }, man: 'shmget(2)', handler: sysShmget },
  { nr: 30, name: 'shmat', args: [int('shmid'), addr('shmaddr'), flags('shmflg', SHMAT_FLAGS)], groups: ['%ipc', '%memory'], support: 'full', man: 'shmop(2)', handler: sysShmat },
  { nr: 31, name: 'shmctl', args: [int('shmid'), choice('cmd', COMMANDS), addr('buf')], groups: ['%ipc'], support: 'full', man: 'shmctl(2)', handler: sysShmctl },
  { nr: 67, name: 'shmdt', args: [addr('shmaddr')], groups: ['%ipc', '%memory'], support: 'full', man: 'shmop(2)', handler: sysShmdt },
];
