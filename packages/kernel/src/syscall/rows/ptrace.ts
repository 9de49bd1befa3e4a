/** ptrace(2). */
import { Errno, Ptrace } from '@troupe/abi';
import { taskWithPid } from '../../namespace/id-view.js';
import { attach, interrupt, seize, traceMe } from '../../ptrace/attach.js';
import { kill, REQUESTS } from '../../ptrace/requests.js';
import type { Task } from '../../task/task.js';
import { addr, choice, int, u64, type SyscallRow } from '../row.js';

function sysPtrace(task: Task, request: number, pid: number, at: number, rawData: bigint): number {
  if (request === Ptrace.TRACEME) return traceMe(task);
  const target = taskWithPid(task, pid);
  const data = Number(rawData);
  if (target === undefined || target.state === 'dead') return -Errno.ESRCH;
  if (request === Ptrace.ATTACH) return attach(task, target);
  if (request === Ptrace.SEIZE) return seize(task, target, at, data);
  if (target.tracing?.tracer !== task || !target.isAlive) return -Errno.ESRCH;
  if (request === Ptrace.KILL) return kill(target);
  if (request === Ptrace.INTERRUPT) return interrupt(target);
  if (target.tracing.stop === null || target.tracing.isListening) return -Errno.ESRCH;
  return REQUESTS[request]?.(task, target, at, data, rawData) ?? -Errno.EIO;
}

const SYMBOLS = Object.entries(Ptrace).map(([name, value]) => [`PTRACE_${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  {
    nr: 101, name: 'ptrace', args: [choice('request', SYMBOLS), int('pid'), addr('addr'), u64('data')], groups: ['%process'],
    support: { partial: 'debug registers: no watched reads, and writes that change nothing are not seen' }, man: 'ptrace(2)', handler: sysPtrace,
  },
];
