/** Calls that reach into memory of other processes or order memory between threads. */
import { Errno } from '@troupe/abi';
import { Membarrier } from '@troupe/abi/linux/mman.js';
import { shootdown } from '../../mm/shootdown.js';
import { taskWithPid } from '../../namespace/id-view.js';
import { mayPtrace } from '../../task/permission.js';
import type { Task } from '../../task/task.js';
import { addr, flags, int, size, uint, type SyscallRow } from '../row.js';

const IOV_MAX = 1024;
const CHUNK_BYTES = 1 << 20;
const SUPPORTED_BARRIERS =
  Membarrier.GLOBAL | Membarrier.GLOBAL_EXPEDITED | Membarrier.REGISTER_GLOBAL_EXPEDITED | Membarrier.PRIVATE_EXPEDITED |
  Membarrier.REGISTER_PRIVATE_EXPEDITED | Membarrier.PRIVATE_EXPEDITED_SYNC_CORE | Membarrier.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | Membarrier.PRIVATE_EXPEDITED_RSEQ | Membarrier.REGISTER_PRIVATE_EXPEDITED_RSEQ;
const REGISTERS = Membarrier.REGISTER_GLOBAL_EXPEDITED | Membarrier.REGISTER_PRIVATE_EXPEDITED | Membarrier.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | Membarrier.REGISTER_PRIVATE_EXPEDITED_RSEQ;
const CMD_FLAG_CPU = 1;

interface Range {
  addr: number;
  sizeBytes: number;
}

function readRanges(task: Task, at: number, count: number): Range[] {
  const ranges: Range[] = [];
  for (let i = 0; i < count; i++) ranges.push({ addr: task.mm.readUlong(at + i * 16), sizeBytes: task.mm.readUlong(at + i * 16 + 8) });
  return ranges;
}

/** Moves bytes between two lists of ranges; the count, or -EFAULT when nothing could be moved. */
function transfer(from: Task, to: Task, source: Range[], target: Range[]): number {
  let done = 0;
  while (source.length > 0 && target.length > 0) {
    const [src, dst] = [source[0]!, target[0]!];
    const count = Math.min(src.sizeBytes, dst.sizeBytes, CHUNK_BYTES);
    const bytes = new Uint8Array(count);
    const had = from.mm.copyInPartial(src.addr, bytes);
    const wrote = to.mm.copyOutPartial(dst.addr, bytes.subarray(0, had));
    done += wrote;
    if (wrote < count) return done > 0 ? done : -Errno.EFAULT;
    for (const range of [src, dst]) {
      range.addr += count;
      range.sizeBytes -= count;
    }
    if (src.sizeBytes === 0) source.shift();
    if (dst.sizeBytes === 0) target.shift();
  }
  return done;
}

/** Shared work of process_vm_readv and process_vm_writev. */
function reach(task: Task, pid: number, local: number, localCount: number, remote: number, remoteCount: number, callFlags: number, writes: 'read' | 'write'): number {
  if (callFlags !== 0 || localCount > IOV_MAX || remoteCount > IOV_MAX) return -Errno.EINVAL;
  const mine = readRanges(task, local, localCount);
  const theirs = readRanges(task, remote, remoteCount);
  const target = taskWithPid(task, pid);
  if (target === undefined || !target.isAlive) return -Errno.ESRCH;
  if (!mayPtrace(task, target)) return -Errno.EPERM;
  return writes === 'read' ? transfer(target, task, theirs, mine) : transfer(task, target, mine, theirs);
}

/** What a process must have registered for before its private barriers work. */
const REGISTRATIONS: ReadonlyMap<number, number> = new Map([
  [Membarrier.PRIVATE_EXPEDITED, Membarrier.REGISTER_PRIVATE_EXPEDITED], [Membarrier.PRIVATE_EXPEDITED_SYNC_CORE, Membarrier.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE],
  [Membarrier.PRIVATE_EXPEDITED_RSEQ, Membarrier.REGISTER_PRIVATE_EXPEDITED_RSEQ],
]);

/**
 * Cores keep program order at traps, so passing a safepoint is a full barrier; it also ends critical sections of rseq(2).
 * MEMBARRIER_CMD_FLAG_CPU names one CPU: all of them are more than asked for.
 */
function sysMembarrier(task: Task, command: number, callFlags: number): number {
  if (callFlags !== 0 && (command !== Membarrier.PRIVATE_EXPEDITED_RSEQ || callFlags !== CMD_FLAG_CPU)) return -Errno.EINVAL;
  if (command === Membarrier.QUERY) return SUPPORTED_BARRIERS;
  if ((command & SUPPORTED_BARRIERS) !== command || (command & (command - 1)) !== 0) return -Errno.EINVAL;
  if (command & REGISTERS) {
    task.mm.barriers |= command;
    return 0;
  }
  const registration = REGISTRATIONS.get(command);
  if (registration !== undefined) {
    if ((task.mm.barriers & registration) === 0) return -Errno.EPERM;
    shootdown(task.shared, task.mm.asId);
  } else for (const space of task.kernel.memory.spaces.values()) shootdown(task.shared, space.asId);
  return 0;
}

const vector = [int('pid'), addr('local_iov'), size('liovcnt'), addr('remote_iov'), size('riovcnt'), size('flags')] as const;

export const rows: readonly SyscallRow[] = [
  {
    nr: 310, name: 'process_vm_readv', args: vector, groups: ['%memory'], support: 'full', man: 'process_vm_readv(2)',
    handler: (task: Task, pid: number, l: number, lc: number, r: number, rc: number, f: number) => reach(task, pid, l, lc, r, rc, f, 'read'),
  },
  {
    nr: 311, name: 'process_vm_writev', args: vector, groups: ['%memory'], support: 'full', man: 'process_vm_writev(2)',
    handler: (task: Task, pid: number, l: number, lc: number, r: number, rc: number, f: number) => reach(task, pid, l, lc, r, rc, f, 'write'),
  },
  {
    nr: 324, name: 'membarrier', args: [flags('cmd', Object.entries(Membarrier).map(([name, value]) => [`MEMBARRIER_CMD_${name}`, value] as const)), uint('flags'), int('cpu_id')],
    groups: ['%memory'], support: 'full', man: 'membarrier(2)', handler: sysMembarrier,
  },
];
