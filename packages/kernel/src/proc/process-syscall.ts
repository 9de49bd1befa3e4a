/** /proc/pid/syscall: the call a task waits in, its arguments, stack pointer and program counter (proc(5)). */
import { Reg } from '@troupe/abi';
import type { Task } from '../task/task.js';

const ARGUMENTS = [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9];

export function syscallText(task: Task): string {
  if (task.state !== 'blocked' && task.state !== 'stopped') return 'running\n';
  const values = [...(task.origRax < 0 ? [] : ARGUMENTS.map((reg) => task.getReg(reg))), task.getReg(Reg.RSP), task.rip];
  return `${[task.origRax, ...values.map((value) => `0x${value.toString(16)}`)].join(' ')}\n`;
}
