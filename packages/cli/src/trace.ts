/** --strace: which calls, and where the lines go. */
import { ConfigError } from '@troupe/abi';
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
  dispatcher.traceSink = (task, line) => {
    const prefix = kernel.core.tasks.count > 1 ? `[pid ${task.tid}] ` : '';
    process.stderr.write(`${prefix}${line}\n`);
  };
}
