/** Time limits of jobs: seconds, with a unit, or a percentage of the median of the jobs that succeeded (parallel(1) --timeout). */
import { ConfigError } from '@troupe/abi';

export type Timeout = { readonly kind: 'ms'; readonly ms: number } | { readonly kind: 'percent'; readonly percent: number };

const UNIT_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** `1.5`, `2m`, `1h30m` (parallel(1) TIME POSTFIXES). Throws ConfigError. */
export function parseDurationMs(text: string, option: string): number {
  if (!/^(\d+(\.\d+)?|\.\d+)([smhd](\d+(\.\d+)?|\.\d+))*[smhd]?$/.test(text)) throw new ConfigError(`'${text}' is not a time (examples: 2.5, 90s, 1h30m)`, option);
  let ms = 0;
  for (const [, value, unit] of text.matchAll(/([\d.]+)([smhd]?)/g)) ms += Number(value) * UNIT_MS[unit || 's']!;
  return ms;
}

export function parseTimeout(text: string): Timeout {
  const percent = /^(\d+)%$/.exec(text)?.[1];
  return percent === undefined ? { kind: 'ms', ms: parseDurationMs(text, '--timeout') } : { kind: 'percent', percent: Number(percent) };
}

/** Fewer samples say nothing about the median. */
const MIN_SAMPLES = 3;
/** Older samples are forgotten. */
const MAX_SAMPLES = 1001;

/** How long jobs take that succeed. */
export class RuntimeMedian {
  private readonly _sortedMs: number[] = [];
  private readonly _arrivedMs: number[] = [];

  add(ms: number): void {
    this._arrivedMs.push(ms);
    this._sortedMs.splice(position(this._sortedMs, ms), 0, ms);
    if (this._arrivedMs.length > MAX_SAMPLES) this._sortedMs.splice(position(this._sortedMs, this._arrivedMs.shift()!), 1);
  }

  get ms(): number | undefined {
    return this._sortedMs.length < MIN_SAMPLES ? undefined : this._sortedMs[this._sortedMs.length >> 1];
  }
}

/** Where `ms` is, or belongs, in a sorted list. */
function position(sortedMs: readonly number[], ms: number): number {
  let low = 0;
  let high = sortedMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sortedMs[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The limit of a job that runs now; undefined: none yet. */
export function limitMs(timeout: Timeout | undefined, median: RuntimeMedian): number | undefined {
  if (timeout === undefined) return undefined;
  if (timeout.kind === 'ms') return timeout.ms;
  return median.ms === undefined ? undefined : (median.ms * timeout.percent) / 100;
}
