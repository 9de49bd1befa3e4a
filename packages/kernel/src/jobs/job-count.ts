/** How many jobs run at once: N, +N, -N (more or fewer than CPUs), N% of the CPUs, 0 for as many as possible (parallel(1) -j). */
import { ConfigError } from '@troupe/abi';

/** With -j 0: what the default limit of tasks can hold with some processes per job. */
export const MOST_JOBS = 1000;

export function parseJobCount(text: string, cpus: number): number {
  const match = /^([+-]?)(\d+)(%?)$/.exec(text);
  if (!match || (match[1] !== '' && match[3] !== '')) throw new ConfigError(`'${text}' is none of N, +N, -N, N%, 0`, '--jobs');
  const value = Number(match[2]);
  if (match[3] === '%') return Math.max(1, Math.min(MOST_JOBS, Math.floor((cpus * value) / 100)));
  if (match[1] === '+') return Math.min(MOST_JOBS, cpus + value);
  if (match[1] === '-') return Math.max(1, cpus - value);
  return value === 0 ? MOST_JOBS : Math.min(MOST_JOBS, value);
}
