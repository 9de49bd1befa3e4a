/**
 * The report of a run as one page that needs nothing else: a timeline with a row for each slot, how busy each core
 * was, and the table of jobs. It has no script; pictures are SVG, details are tooltips.
 */
import { meanBusy, type CoreUse } from './core-use.js';
import { isFailure, type JobRecord, type RunReport } from './run-report.js';
import { bytesText, secondsText, statusText, summaryText } from './text-report.js';

const WIDTH = 1000;
const ROW = 18;
const LABEL = 70;
const CORE_ROW = 44;
const TICKS = 10;

const STYLE = `
:root { color-scheme: light dark; --ok: #2e7d32; --bad: #c62828; --again: #ef6c00; --busy: #1565c0; --line: #8884; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.ok { fill: var(--ok); } .bad { fill: var(--bad); } .again { fill: var(--again); } .busy { fill: var(--busy); } .grid { stroke: var(--line); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { text-align: left; font-family: monospace; white-space: pre-wrap; overflow-wrap: anywhere; } tr.bad td:nth-child(8) { color: var(--bad); }
`;

/** Text for elements and attributes; control characters that pages may not hold become U+FFFD. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']|\p{Cc}/gu, (char) => (/\p{Cc}/u.test(char) ? (/[\t\n\r]/.test(char) ? char : '\u{fffd}') : `&#${char.charCodeAt(0)};`));
}

const classOf = (job: JobRecord): string => (job.isRetried ? 'again' : isFailure(job) ? 'bad' : 'ok');
const fixed = (value: number): string => value.toFixed(2);

/** A length of time that divides the whole into about TICKS parts: 1, 2 or 5 times a power of ten. */
function tickMs(elapsedMs: number): number {
  const raw = Math.max(1, elapsedMs) / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((factor) => raw <= factor * power) ?? 10);
}

function grid(elapsedMs: number, height: number): string {
  const step = tickMs(elapsedMs);
  const lines: string[] = [];
  for (let at = 0; at <= elapsedMs; at += step) {
    const x = fixed(LABEL + (at / Math.max(1, elapsedMs)) * (WIDTH - LABEL));
    lines.push(`<line class="grid" x1="${x}" y1="0" x2="${x}" y2="${height}"/><text x="${x}" y="${height + 13}">${Number((at / 1000).toPrecision(6))} s</text>`);
  }
  return lines.join('');
}

function timeline({ elapsedMs, jobs, slots }: RunReport): string {
  const used = Math.max(1, ...jobs.map(({ slot }) => slot));
  const height = Math.min(slots, used) * ROW;
  const scale = (WIDTH - LABEL) / Math.max(1, elapsedMs);
  const bars = jobs.map((job) => {
    const title = escapeHtml(`${job.seq}: ${job.command}\n${secondsText(job.endMs - job.startMs)} s, ${statusText(job)}`);
    return `<rect class="${classOf(job)}" x="${fixed(LABEL + job.startMs * scale)}" y="${(job.slot - 1) * ROW + 2}" width="${fixed(Math.max(0.5, (job.endMs - job.startMs) * scale))}" height="${ROW - 4}"><title>${title}</title></rect>`;
  });
  const labels = Array.from({ length: height / ROW }, (_, index) => `<text x="0" y="${index * ROW + 13}">slot ${index + 1}</text>`);
  return `<svg id="timeline" viewBox="0 0 ${WIDTH} ${height + 18}" role="img" aria-label="jobs over time">${grid(elapsedMs, height)}${labels.join('')}${bars.join('\n')}</svg>`;
}

function utilisation({ binMs, busy }: CoreUse, elapsedMs: number): string {
  const spanMs = Math.max(elapsedMs, 1);
  const scale = (WIDTH - LABEL) / spanMs;
  const height = busy.length * CORE_ROW;
  const rows = busy.map((shares, core) => {
    const base = core * CORE_ROW + CORE_ROW - 4;
    const bars = shares.map((share, bin) => (share === 0 || bin * binMs >= spanMs ? '' : `<rect class="busy" x="${fixed(LABEL + bin * binMs * scale)}" y="${fixed(base - share * (CORE_ROW - 8))}" width="${fixed(Math.min(binMs, spanMs - bin * binMs) * scale)}" height="${fixed(share * (CORE_ROW - 8))}"/>`));
    return `<text x="0" y="${base - 8}">core ${core}: ${Math.round(meanBusy(shares) * 100)} %</text>${bars.join('')}`;
  });
  return `<svg id="cores" viewBox="0 0 ${WIDTH} ${height + 18}" role="img" aria-label="how busy each core was">${grid(elapsedMs, height)}${rows.join('\n')}</svg>`;
}

function row(job: JobRecord): string {
  const cells = [job.attempt > 1 ? `${job.seq} (${job.attempt})` : String(job.seq), String(job.slot), secondsText(job.startMs), secondsText(job.endMs - job.startMs), secondsText(job.cpuMs), bytesText(job.maxRssBytes), bytesText(job.outputBytes), statusText(job), job.command];
  return `<tr class="${classOf(job)}">${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}

export function htmlReport(report: RunReport): string {
  const { cores, elapsedMs, jobs, startedAt } = report;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>troupe parallel: ${jobs.length} jobs</title><style>${STYLE}</style></head><body>
<h1>troupe parallel</h1>
<p>${escapeHtml(startedAt)}: ${escapeHtml(summaryText(report))}.</p>
<h2>Jobs over time</h2>
${timeline(report)}
${cores === null ? '' : `<h2>Cores</h2>\n${utilisation(cores, elapsedMs)}`}
<h2>Jobs</h2>
<table id="jobs"><thead><tr>${['Job', 'Slot', 'Start s', 'Time s', 'CPU s', 'Memory', 'Output', 'Exit', 'Command'].map((name) => `<th>${name}</th>`).join('')}</tr></thead>
<tbody>
${jobs.map(row).join('\n')}
</tbody></table>
</body></html>
`;
}
