// Reports and progress of runs.
import { CoreUseMeter, htmlReport, ProgressMeter, ReportBuilder, runJobs, textReport, type JobEvent, type RunReport } from '@troupe/kernel/jobs';
import { expect } from 'chai';
import { FakeExecutor } from '../../../support/job-executor.js';

const values = (...all: string[]) => [{ from: { kind: 'values' as const, values: all }, isLinked: false }];

/** Three jobs: one succeeds, one fails twice, one fails once and then succeeds. */
async function finishedRun(): Promise<{ readonly report: RunReport; readonly events: readonly JobEvent[] }> {
  const builder = new ReportBuilder();
  const events: JobEvent[] = [];
  expect(builder.report(2, null)).to.equal(null);
  await runJobs({ command: [], sources: values('5 0', '5 3 3', '5 1 0'), slots: 2, tries: 2, countsJobs: true }, new FakeExecutor(), (event) => {
    events.push(event);
    builder.add(event);
  });
  return { report: builder.report(2, { binMs: 10, busy: [[1, 0.5], [0, 0.25]] })!, events };
}

/** Names of elements that were not closed, or closed wrongly. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const EMPTY = new Set(['meta']);
  for (const [, slash, name, rest] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*)>/g)) {
    if (slash === '/') {
      if (open.pop() !== name) wrong.push(name!);
    } else if (!rest!.endsWith('/') && !EMPTY.has(name!)) open.push(name!);
  }
  return [...wrong, ...open];
}

describe('report of a run', () => {
  it('has every try with its times and status, and the counts of the run', async () => {
    const { report } = await finishedRun();
    expect(report).to.include({ version: 1, succeeded: 2, failed: 1, killed: 0, skipped: 0, slots: 2, exitStatus: 1 });
    const tries = report.jobs.map(({ seq, attempt, status, isRetried, outputBytes }) => [seq, attempt, status.code, isRetried, outputBytes]).sort();
    expect(tries).to.deep.equal([[1, 1, 0, false, 6], [2, 1, 3, true, 6], [2, 2, 3, false, 6], [3, 1, 1, true, 6], [3, 2, 0, false, 6]]);
    for (const { startMs, endMs } of report.jobs) expect(startMs >= 0 && startMs <= endMs && endMs <= report.elapsedMs).to.equal(true);
    for (const one of report.jobs) for (const other of report.jobs) if (one !== other && one.slot === other.slot) expect(one.endMs <= other.startMs || other.endMs <= one.startMs).to.equal(true);
    expect(JSON.parse(JSON.stringify(report))).to.deep.equal(report);
  });

  it('is a table for people', async () => {
    const lines = textReport((await finishedRun()).report).split('\n');
    expect(lines[0]).to.match(/^ *Seq +Slot +Start s +Time s +CPU s +Memory +Output +Exit +Command$/);
    expect(lines.filter((line) => /^ *\d+( \(2\))? +[12] +\d+\.\d\d/.test(line))).to.have.length(5);
    expect(lines.slice(-4, -1).join('\n')).to.match(/^2 succeeded, 1 failed; [\d.]+ s in 2 slots, 0\.00 s of CPU time\nbusy: core 0 75 %, core 1 13 %\nfailed: 2$/);
  });

  it('is a page of its own with a bar for each try, a row for each core and a table', async () => {
    const html = htmlReport((await finishedRun()).report);
    expect(unbalanced(html)).to.deep.equal([]);
    expect(html).not.to.match(/<script|<link|https?:|src=|url\(|@import/);
    const timeline = /<svg id="timeline"[^]*?<\/svg>/.exec(html)![0];
    expect([...timeline.matchAll(/<rect class="(\w+)"/g)].map(([, name]) => name).sort()).to.deep.equal(['again', 'again', 'bad', 'ok', 'ok']);
    const cores = /<svg id="cores"[^]*?<\/svg>/.exec(html)![0];
    expect([...cores.matchAll(/core (\d): (\d+) %/g)].map(([, core, share]) => `${core} ${share}`)).to.deep.equal(['0 75', '1 13']);
    expect([...html.matchAll(/<tr class=/g)]).to.have.length(5);
    for (const [, x, width] of timeline.matchAll(/<rect [^>]*?x="([\d.]+)"[^>]*? width="([\d.]+)"/g)) expect(Number(x) >= 70 && Number(x) + Number(width) <= 1001).to.equal(true);
  });

  it('shows commands as text, whatever is in them', async () => {
    const { report } = await finishedRun();
    const command = `</td><script>alert("x & 'y'")</script>\u0001`;
    const html = htmlReport({ ...report, jobs: report.jobs.map((job) => ({ ...job, command })) });
    expect(unbalanced(html)).to.deep.equal([]);
    expect(html.includes('<script') || html.includes('\u0001')).to.equal(false);
    expect(html).to.contain('&#60;script&#62;alert(&#34;x &#38; &#39;y&#39;&#34;)');
  });

  it('is a page even without jobs', () => {
    const report: RunReport = { version: 1, startedAt: '2026-01-01T00:00:00.000Z', elapsedMs: 0, exitStatus: 0, succeeded: 0, failed: 0, killed: 0, skipped: 0, slots: 1, jobs: [], cores: new CoreUseMeter(1).use() };
    expect(unbalanced(htmlReport(report))).to.deep.equal([]);
    expect(htmlReport(report)).not.to.match(/NaN|Infinity|undefined/);
  });
});

describe('use of cores', () => {
  it('puts slices into bins', () => {
    const meter = new CoreUseMeter(2);
    meter.addSlice(0, 5e6, 25e6);
    meter.addSlice(1, 30e6, 31e6);
    expect(meter.use()).to.deep.equal({ binMs: 10, busy: [[0.5, 1, 0.5, 0], [0, 0, 0, 0.1]] });
  });

  it('keeps the time spent, however long it runs, in a bounded number of bins', () => {
    const meter = new CoreUseMeter(1);
    let spentNs = 0;
    for (let n = 0; n < 1000; n++) {
      const lengthNs = ((n * 37) % 90) * 1e6;
      meter.addSlice(0, n * 100e6, n * 100e6 + lengthNs);
      spentNs += lengthNs;
    }
    const { binMs, busy } = meter.use();
    expect(busy[0]!.length).to.be.at.most(240);
    expect(busy[0]!.reduce((sum, share) => sum + share * binMs, 0)).to.be.closeTo(spentNs / 1e6, spentNs / 1e6 / 100);
  });
});

describe('progress of a run', () => {
  it('counts what is done, failed and running, and tells how long the rest takes', async () => {
    const { events } = await finishedRun();
    const meter = new ProgressMeter();
    const seen = events.map((event, index) => {
      meter.add(event, index * 100);
      return meter.progress(index * 100);
    });
    expect(seen[0]).to.deep.equal({ done: 0, failed: 0, running: 0, total: 3, leftMs: undefined });
    expect(Math.max(...seen.map(({ running }) => running))).to.equal(2);
    expect(seen.at(-1)).to.deep.equal({ done: 3, failed: 1, running: 0, total: 3, leftMs: 0 });
    const first = events.findIndex(({ kind }) => kind === 'ended');
    expect(seen[first]!.leftMs).to.equal((first - events.findIndex(({ kind }) => kind === 'started')) * 100 * 2);
  });
});
