/** --strace: which calls, and where the lines go. */
import { writeSync } from 'node:fs';
import { ConfigError, signalName, type SigInfo } from '@troupe/abi';
import { SYSCALL_ROWS, type Kernel } from '@troupe/kernel';

/** Names and %groups separated by commas; `!` in front negates the whole. */
export function parseExpression(expression: string): (row: { readonly name: string; readonly groups: readonly string[] }) => boolean {
  if (expression === '' || expression === 'all') return () => true;
  const text = expression.replace(/^trace=/, '');
  const isNegated = text.startsWith('!');
  const items = new Set(text.replace(/^!/, '').split(','));
  for (const item of items) {
    const isKnown = SYSCALL_ROWS.some((row) => row.name === item || (row.groups as readonly string[]).includes(item));
    if (!isKnown) throw new ConfigError(`'${item}' is neither a system call nor a %group`, '--strace');
  }
  return (row) => (items.has(row.name) || row.groups.some((group) => items.has(group))) !== isNegated;
}

export function installTrace(kernel: Kernel, expression: string): void {
  const { dispatcher } = kernel.core;
  dispatcher.traceFilter = parseExpression(expression);
  const write = (tid: number, line: string): void => {
    const prefix = kernel.core.tasks.count > 1 ? `[pid ${tid}] ` : '';
    writeSync(2, `${prefix}${line}\n`);
  };
  dispatcher.traceSink = (task, line) => write(task.tid, line);
  kernel.core.onSignal = (task, info) => write(task.tid, `${signalLine(info)} rip=0x${task.rip.toString(16)}`);
}

/** As strace prints a delivered signal. */
function signalLine(info: SigInfo): string {
  const name = signalName(info.signo);
  const detail = info.addr === undefined ? `si_pid=${info.pid ?? 0}, si_uid=${info.uid ?? 0}` : `si_addr=0x${info.addr.toString(16)}`;
  return `--- ${name} {si_signo=${name}, si_code=${info.code}, ${detail}} ---`;
}
