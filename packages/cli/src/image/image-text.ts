/** What an image holds, for people. */
import type Table from 'cli-table3';
import type { ImageInfo, ProcessInfo } from '@troupe/kernel';

const MIB = 2 ** 20;
const PAGE_KIB = 4;

const plain = { style: { head: [], border: [] } };

/** The table's package is loaded here, as nothing else needs it. */
export async function imageText(info: ImageInfo, objects: number): Promise<string> {
  const { default: NewTable } = await import('cli-table3');
  const lines = [
    `saved      ${new Date(info.createdMs).toISOString()}`,
    `host name  ${info.hostname}`,
    `cores      ${info.cores}`,
    `memory     ${((info.usedPages * PAGE_KIB) / 1024).toFixed(1)} MiB in use, limit ${(info.memoryLimitBytes / MIB).toFixed(0)} MiB`,
    `objects    ${objects}`,
    `processes  ${info.processes.length}`,
  ];
  return `${lines.join('\n')}\n\n${processTable(NewTable, info.processes)}\n\n${fileTable(NewTable, info.processes)}\n`;
}

function processTable(NewTable: typeof Table, processes: readonly ProcessInfo[]): string {
  const table = new NewTable({ head: ['PID', 'PPID', 'TID', 'NAME', 'RSS KiB', 'STATE', 'CALL'], ...plain });
  for (const { pid, ppid, name, residentPages, threads } of processes) {
    threads.forEach(({ tid, state, call }, index) => table.push(index === 0 ? [pid, ppid, tid, name, residentPages * PAGE_KIB, state, call ?? ''] : ['', '', tid, '', '', state, call ?? '']));
  }
  return table.toString();
}

function fileTable(NewTable: typeof Table, processes: readonly ProcessInfo[]): string {
  const table = new NewTable({ head: ['PID', 'FD', 'OFFSET', 'FILE'], ...plain });
  for (const { pid, files } of processes) for (const { fd, path, offBytes } of files) table.push([pid, fd, offBytes, path]);
  return table.toString();
}
