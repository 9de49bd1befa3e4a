/** The report of a run for people: a table of its jobs, and what became of them. */
import { meanBusy } from './core-use.js';
import { isFailure, type JobRecord, type RunReport } from './run-report.js';

const COMMAND_CHARS = 60;
const HEAD = ['Seq', 'Slot', 'Start s', 'Time s', 'CPU s', 'Memory', 'Output', 'Exit', 'Command'] as const;

export function statusText({ limit, reason, status }: JobRecord): string {
  if (reason === 'limit') return `limit of ${limit}`;
  if (reason !== 'exited') return reason;
  return status.signo === 0 ? String(status.code) : `signal ${status.signo}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = bytes < 1024 ** 2 ? 1 : bytes < 1024 ** 3 ? 2 : 3;
  return `${(bytes / 1024 ** unit).toFixed(1)} ${' KMG'[unit]}iB`;
}

export const secondsText = (ms: number): string => (ms / 1000).toFixed(2);

/** One sentence on the run. */
export function summaryText({ elapsedMs, failed, jobs, killed, skipped, slots, succeeded }: RunReport): string {
  const cpuMs = jobs.reduce((sum, job) => sum + job.cpuMs, 0);
  const rest = [killed > 0 ? `${killed} killed` : '', skipped > 0 ? `${skipped} done before` : ''].filter(Boolean).map((text) => `, ${text}`).join('');
  return `${succeeded} succeeded, ${failed} failed${rest}; ${secondsText(elapsedMs)} s in ${slots} slots, ${secondsText(cpuMs)} s of CPU time`;
}

function cellsOf(job: JobRecord): string[] {
  const command = job.command.replace(/\s+/g, ' ');
  return [
    job.attempt > 1 ? `${job.seq} (${job.attempt})` : String(job.seq), String(job.slot), secondsText(job.startMs), secondsText(job.endMs - job.startMs), secondsText(job.cpuMs), bytesText(job.maxRssBytes),
    bytesText(job.outputBytes), statusText(job), command.length > COMMAND_CHARS ? `${command.slice(0, COMMAND_CHARS - 1)}…` : command,
  ];
}

export function textReport(report: RunReport): string {
  const rows = [[...HEAD], ...report.jobs.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const last = HEAD.length - 1;
  const lines = rows.map((row) => row.map((cell, column) => (column === last ? cell : cell.padStart(widths[column]!))).join('  '));
  const cores = report.cores?.busy.map((busy, core) => `core ${core} ${Math.round(meanBusy(busy) * 100)} %`) ?? [];
  const failures = report.jobs.filter((job) => isFailure(job) && !job.isRetried).map(({ seq }) => seq);
  return [...lines, '', summaryText(report), ...(cores.length > 0 ? [`busy: ${cores.join(', ')}`] : []), ...(failures.length > 0 ? [`failed: ${failures.join(' ')}`] : []), ''].join('\n');
}
