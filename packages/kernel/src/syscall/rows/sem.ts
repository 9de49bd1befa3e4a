/** System V semaphores (sysvipc(7)). */
import { Errno, IpcCommand, IpcFlag, SEMBUF_BYTES, SEMID_DS_BYTES, SEM_UNDO, SEM_VALUE_MAX, SemCommand } from '@troupe/abi';
import type { IpcNamespace } from '../../namespace/ipc-namespace.js';
import { applyPermission, checkIpcAccess, checkIpcOwner, newPermission, Wants, writePermission } from '../../sysv/permission.js';
import { BLOCKED, SemaphoreSet, type PendingOperation, type SemaphoreOperation } from '../../sysv/semaphore-set.js';
import { SemaphoreUndo } from '../../sysv/semaphore-undo.js';
import type { Task } from '../../task/task.js';
import { addr, choice, flags, inBuf, int, size, waitOn, type SyscallResult, type SyscallRow } from '../row.js';
import { readTimespecNs } from '../timespec.js';

const seconds = (task: Task): number => Number(task.kernel.realtimeNs() / 1_000_000_000n);
const used = ({ semaphores }: IpcNamespace): number => semaphores.all().reduce((sum, set) => sum + set.values.length, 0);

function newSet(task: Task, key: number, count: number, semFlags: number): SemaphoreSet | number {
  const { ipc } = task.namespaces;
  const [, total, , maxSets] = ipc.limits.sem;
  if (count === 0) return -Errno.EINVAL;
  if (used(ipc) + count > total) return -Errno.ENOSPC;
  ipc.semaphores.maxObjects = maxSets;
  const id = ipc.semaphores.nextId();
  return id < 0 ? id : new SemaphoreSet(key, id, newPermission(task, semFlags), count, seconds(task));
}

function sysSemget(task: Task, key: number, count: number, semFlags: number): number {
  const { limits, semaphores } = task.namespaces.ipc;
  if (count < 0 || count > limits.sem[0]) return -Errno.EINVAL;
  return semaphores.get(task, key, semFlags, (set) => (count > set.values.length ? -Errno.EINVAL : 0), () => newSet(task, key, count, semFlags));
}

/** Continuation of semop: its entry among the pending operations of the set. */
interface SemopData {
  readonly setId: number;
  readonly entry: PendingOperation;
  readonly deadlineNs: number;
}

function readOperations(task: Task, at: number, count: number): SemaphoreOperation[] {
  const bytes = Buffer.from(task.mm.copyIn(at, count * SEMBUF_BYTES));
  return Array.from({ length: count }, (_, n) => ({
    index: bytes.readUInt16LE(n * SEMBUF_BYTES), change: bytes.readInt16LE(n * SEMBUF_BYTES + 2), flags: bytes.readInt16LE(n * SEMBUF_BYTES + 4),
  }));
}

function sysSemop(task: Task, id: number, at: number, count: number): SyscallResult {
  return sysSemtimedop(task, id, at, count, 0);
}

function sysSemtimedop(task: Task, id: number, at: number, count: number, timeoutAt: number): SyscallResult {
  const state = task.syscall!;
  if (state.data !== undefined) return goOn(task, state.data as SemopData);
  const { limits, semaphores } = task.namespaces.ipc;
  if (count < 1 || id < 0) return -Errno.EINVAL;
  if (count > limits.sem[2]) return -Errno.E2BIG;
  const timeoutNs = timeoutAt === 0 ? Infinity : readTimespecNs(task.mm, timeoutAt);
  const operations = readOperations(task, at, count);
  const set = semaphores.byId(id);
  if (typeof set === 'number') return set;
  if (operations.some(({ index }) => index >= set.values.length)) return -Errno.EFBIG;
  const alters = operations.some(({ change }) => change !== 0);
  const denied = checkIpcAccess(task, set.permission, alters ? Wants.WRITE : Wants.READ);
  if (denied !== 0) return denied;
  const undo = operations.some((operation) => operation.flags & SEM_UNDO) ? (task.semaphoreUndo ??= new SemaphoreUndo()) : null;
  const entry: PendingOperation = { operations, pid: task.group.tgid, undo, result: null };
  const result = set.attempt(entry);
  if (result !== BLOCKED) {
    if (result === 0) set.operatedAt = seconds(task);
    if (result === 0 && alters) set.settle(seconds(task));
    return result;
  }
  set.pending.push(entry);
  const data: SemopData = { setId: id, entry, deadlineNs: task.kernel.monotonicNs() + timeoutNs };
  state.data = data;
  return goOn(task, data);
}

function goOn(task: Task, { deadlineNs, entry, setId }: SemopData): SyscallResult {
  if (entry.result !== null) return entry.result;
  const set = task.namespaces.ipc.semaphores.byId(setId);
  if (typeof set === 'number') return -Errno.EIDRM;
  if (task.syscall!.timedOut || task.kernel.monotonicNs() >= deadlineNs) {
    set.withdraw(entry);
    return -Errno.EAGAIN;
  }
  return deadlineNs === Infinity ? waitOn(set.waiters, 0) : waitOn(set.waiters, 0, deadlineNs);
}

/** A signal: the call ends, unless it was done already. */
function semopInterrupted(task: Task): number | undefined {
  const data = task.syscall?.data as SemopData | undefined;
  if (data === undefined) return undefined;
  if (data.entry.result !== null) return data.entry.result;
  const set = task.namespaces.ipc.semaphores.byId(data.setId);
  if (typeof set !== 'number') set.withdraw(data.entry);
  return undefined;
}

const SEMUSZ = 20;

/** struct seminfo (semctl(2)): limits, or with SEM_INFO what is in use. */
function infoBytes(ipc: IpcNamespace, isUsage: boolean): Buffer {
  const bytes = Buffer.alloc(40);
  const [perSet, total, perCall, sets] = ipc.limits.sem;
  const defaults = 1_024_000_000;
  const words = [defaults, sets, total, defaults, perSet, perCall, 500, isUsage ? ipc.semaphores.count : SEMUSZ, SEM_VALUE_MAX, isUsage ? used(ipc) : SEM_VALUE_MAX];
  words.forEach((word, index) => bytes.writeInt32LE(word, index * 4));
  return bytes;
}

function statBytes(set: SemaphoreSet): Buffer {
  const bytes = Buffer.alloc(SEMID_DS_BYTES);
  writePermission(bytes, set.key, set.id, set.permission);
  bytes.writeBigInt64LE(BigInt(set.operatedAt), 48);
  bytes.writeBigInt64LE(BigInt(set.changedAt), 64);
  bytes.writeBigUInt64LE(BigInt(set.values.length), 80);
  return bytes;
}

function sysSemctl(task: Task, id: number, index: number, command: number, arg: number): number {
  const { ipc } = task.namespaces;
  if (id < 0) return -Errno.EINVAL;
  if (command === IpcCommand.INFO || command === SemCommand.INFO) {
    task.mm.copyOut(arg, infoBytes(ipc, command === SemCommand.INFO));
    return ipc.semaphores.maxIndex;
  }
  const isByIndex = command === SemCommand.STAT || command === SemCommand.STAT_ANY;
  const set = isByIndex ? ipc.semaphores.byIndex(id) : ipc.semaphores.byId(id);
  if (typeof set === 'number') return set;
  switch (command) {
    case IpcCommand.STAT: case SemCommand.STAT: case SemCommand.STAT_ANY: return stat(task, set, command, arg);
    case IpcCommand.RMID: case IpcCommand.SET: return change(task, set, command, arg);
    case SemCommand.SETVAL: case SemCommand.SETALL: return setValues(task, set, command === SemCommand.SETALL ? null : index, arg);
    case SemCommand.GETALL: return getAll(task, set, arg);
    default: return getOne(task, set, index, command);
  }
}

function stat(task: Task, set: SemaphoreSet, command: number, at: number): number {
  const denied = command === SemCommand.STAT_ANY ? 0 : checkIpcAccess(task, set.permission, Wants.READ);
  if (denied !== 0) return denied;
  task.mm.copyOut(at, statBytes(set));
  return command === IpcCommand.STAT ? 0 : set.id;
}

function change(task: Task, set: SemaphoreSet, command: number, at: number): number {
  const denied = checkIpcOwner(task, set.permission);
  if (denied !== 0) return denied;
  if (command === IpcCommand.RMID) {
    task.namespaces.ipc.semaphores.remove(set);
    set.destroy();
    return 0;
  }
  const refused = applyPermission(task, at, set.permission);
  if (refused === 0) set.changedAt = seconds(task);
  return refused;
}

/** SETVAL of one semaphore, or SETALL (`index` null). */
function setValues(task: Task, set: SemaphoreSet, index: number | null, arg: number): number {
  if (index !== null && (index < 0 || index >= set.values.length)) return -Errno.EINVAL;
  const values = index === null ? set.values.map((_, n) => task.mm.readU16(arg + n * 2)) : [arg | 0];
  if (index !== null && (values[0]! < 0 || values[0]! > SEM_VALUE_MAX)) return -Errno.ERANGE;
  const denied = checkIpcAccess(task, set.permission, Wants.WRITE);
  if (denied !== 0) return denied;
  if (values.some((value) => value > SEM_VALUE_MAX)) return -Errno.ERANGE;
  values.forEach((value, n) => {
    const at = index ?? n;
    set.values[at] = value;
    set.lastPids[at] = task.group.tgid;
    set.clearAdjustments(at);
  });
  set.changedAt = seconds(task);
  set.settle(seconds(task));
  return 0;
}

function getAll(task: Task, set: SemaphoreSet, at: number): number {
  const denied = checkIpcAccess(task, set.permission, Wants.READ);
  if (denied !== 0) return denied;
  const bytes = Buffer.alloc(set.values.length * 2);
  set.values.forEach((value, index) => bytes.writeUInt16LE(value, index * 2));
  task.mm.copyOut(at, bytes);
  return 0;
}

function getOne(task: Task, set: SemaphoreSet, index: number, command: number): number {
  const { GETNCNT, GETPID, GETVAL, GETZCNT } = SemCommand;
  if (![GETNCNT, GETPID, GETVAL, GETZCNT].includes(command as 11)) return -Errno.EINVAL;
  const denied = checkIpcAccess(task, set.permission, Wants.READ);
  if (denied !== 0) return denied;
  if (index < 0 || index >= set.values.length) return -Errno.EINVAL;
  if (command === GETVAL) return set.values[index]!;
  if (command === GETPID) return set.lastPids[index]!;
  return set.waiting(index, command === GETZCNT);
}

const SEMGET_FLAGS = [['IPC_CREAT', IpcFlag.CREAT], ['IPC_EXCL', IpcFlag.EXCL]] as const;
const COMMANDS = [...Object.entries(IpcCommand).map(([name, value]) => [`IPC_${name}`, value] as const), ...Object.entries(SemCommand).map(([name, value]) => [name.startsWith('GET') || name.startsWith('SET') ? name : `SEM_${name}`, value] as const)];
const IPC = ['%ipc'] as const;

export const rows: readonly SyscallRow[] = [
  { nr: 64, name: 'semget', args: [int('key'), int('nsems'), flags('semflg', SEMGET_FLAGS)], groups: IPC, support: 'full', man: 'semget(2)', handler: sysSemget },
  { nr: 65, name: 'semop', args: [int('semid'), inBuf('sops', 0), size('nsops')], groups: IPC, restart: 'EINTR', support: 'full', man: 'semop(2)', handler: sysSemop, interrupted: semopInterrupted },
  { nr: 66, name: 'semctl', args: [int('semid'), int('semnum'), choice('cmd', COMMANDS), addr('arg')], groups: IPC, support: 'full', man: 'semctl(2)', handler: sysSemctl },
  { nr: 220, name: 'semtimedop', args: [int('semid'), inBuf('sops', 0), size('nsops'), addr('timeout')], groups: IPC, restart: 'EINTR', support: 'full', man: 'semop(2)', handler: sysSemtimedop, interrupted: semopInterrupted },
];
