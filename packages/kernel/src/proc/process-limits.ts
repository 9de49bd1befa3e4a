/** /proc/pid/limits (proc(5)). */
import { Rlimit } from '@troupe/abi';
import type { Task } from '../task/task.js';

const ROWS: readonly (readonly [name: string, resource: number, unit: string])[] = [
  ['Max cpu time', Rlimit.CPU, 'seconds'], ['Max file size', Rlimit.FSIZE, 'bytes'], ['Max data size', Rlimit.DATA, 'bytes'],
  ['Max stack size', Rlimit.STACK, 'bytes'], ['Max core file size', Rlimit.CORE, 'bytes'], ['Max resident set', Rlimit.RSS, 'bytes'],
  ['Max processes', Rlimit.NPROC, 'processes'], ['Max open files', Rlimit.NOFILE, 'files'], ['Max locked memory', Rlimit.MEMLOCK, 'bytes'],
  ['Max address space', Rlimit.AS, 'bytes'], ['Max file locks', Rlimit.LOCKS, 'locks'], ['Max pending signals', Rlimit.SIGPENDING, 'signals'],
  ['Max msgqueue size', Rlimit.MSGQUEUE, 'bytes'], ['Max nice priority', Rlimit.NICE, ''], ['Max realtime priority', Rlimit.RTPRIO, ''],
  ['Max realtime timeout', Rlimit.RTTIME, 'us'],
];

const shown = (limit: number): string => (limit === Infinity ? 'unlimited' : String(limit));

export function limitsText(task: Task): string {
  let text = `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} Units     \n`;
  for (const [name, resource, unit] of ROWS) {
    const { soft, hard } = task.group.limits.get(resource);
    text += `${name.padEnd(25)} ${shown(soft).padEnd(20)} ${shown(hard).padEnd(20)} ${unit.padEnd(10)}\n`;
  }
  return text;
}
