/** --bar and --eta: how far the run is, on standard error: a live line on a terminal, a line now and then elsewhere. */
import { ProgressMeter, type JobEvent, type Progress } from '@troupe/kernel/jobs';

const LIVE_MS = 200;
const PLAIN_MS = 10_000;
const CLEAR_LINE = '\r\u001b[K';

export type ProgressStyle = 'bar' | 'eta';

/** The part of a terminal stream that is used. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${String(seconds % 60).padStart(2, '0')}s`;
  return hours > 0 ? `${hours}h${String(minutes).padStart(2, '0')}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : `${seconds}s`;
}

export function progressText({ done, failed, leftMs, running, total }: Progress, style: ProgressStyle, columns: number): string {
  const share = total === undefined || total === 0 ? 0 : done / total;
  const counts = `${done}/${total ?? '?'} done, ${running} running${failed > 0 ? `, ${failed} failed` : ''}, ETA ${leftMs === undefined ? '?' : durationText(leftMs)}`;
  if (style === 'eta') return counts.slice(0, columns);
  const width = Math.max(0, Math.min(40, columns - counts.length - 8));
  const filled = Math.floor(share * width);
  return `${String(Math.floor(share * 100)).padStart(3)}% ${width > 0 ? `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ` : ''}${counts}`.slice(0, columns);
}

export class ProgressDisplay {
  private readonly _meter = new ProgressMeter();
  private readonly _timer: NodeJS.Timeout;
  private _shown = '';
  private _isStopped = false;

  constructor(readonly style: ProgressStyle, readonly output: ProgressOutput = process.stderr) {
    this._timer = setInterval(() => this._show(), output.isTTY ? LIVE_MS : PLAIN_MS);
    this._timer.unref();
  }

  add(event: JobEvent): void {
    this._meter.add(event, performance.now());
  }

  /** Other text is about to be written to the terminal. */
  hide(): void {
    if (this._shown === '') return;
    this.output.write(CLEAR_LINE);
    this._shown = '';
  }

  private _show(): void {
    const text = progressText(this._meter.progress(performance.now()), this.style, (this.output.columns ?? 80) - 1);
    if (!this.output.isTTY) return void this.output.write(`${text}\n`);
    if (text === this._shown) return;
    this.output.write(`${CLEAR_LINE}${text}`);
    this._shown = text;
  }

  /** The last state stays. Further calls do nothing. */
  stop(): void {
    if (this._isStopped) return;
    this._isStopped = true;
    clearInterval(this._timer);
    this._show();
    if (this.output.isTTY) this.output.write('\n');
    this._shown = '';
  }
}
