/** What `troupe parallel` says on standard error while jobs run. */
import type { JobEvent } from '@troupe/kernel/jobs';

const HALT_REASON = { failed: 'This job failed', succeeded: 'This job succeeded' } as const;

/** Lines for an event, or nothing. */
export function notice(event: JobEvent, isVerbose: boolean): string {
  switch (event.kind) {
    case 'started':
      return isVerbose ? `${event.job.command}\n` : '';
    case 'ended':
      if (event.ending.reason === 'timeout') return `troupe: this job was killed because it timed out:\n${event.ending.job.command}\n`;
      if (event.ending.reason === 'limit') return `troupe: this job was killed because it exceeded its limit of ${event.ending.limit}:\n${event.ending.job.command}\n`;
      return '';
    case 'halted':
      return haltNotice(event);
    default:
      return '';
  }
}

function haltNotice({ when, ending, runningJobs }: Extract<JobEvent, { kind: 'halted' }>): string {
  const { signo, code } = ending.status;
  const reason = signo === 0 && code === 0 ? HALT_REASON.succeeded : HALT_REASON.failed;
  const rest = when === 'soon' && runningJobs > 0 ? `troupe: Starting no more jobs. Waiting for ${runningJobs} jobs to finish.\n` : '';
  return `troupe: ${reason}:\n${ending.job.command}\n${rest}`;
}
