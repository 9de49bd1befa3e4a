// --bar, --eta and --report of troupe parallel.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgressDisplay, progressText } from 'troupe/parallel/progress-display.js';
import type { JobEvent, RunReport } from '@troupe/kernel/jobs';
import { expect } from 'chai';
import { TROUPE } from '../../support/paths.js';
import { run } from '../../support/run.js';

describe('display of progress', () => {
  it('fits into the line, with a bar when there is room', () => {
    const half = { done: 5, failed: 1, running: 2, total: 10, leftMs: 83_000 };
    expect(progressText(half, 'eta', 79)).to.equal('5/10 done, 2 running, 1 failed, ETA 1m23s');
    expect(progressText(half, 'bar', 79)).to.match(/^ 50% \[(#+)(\.+)\] 5\/10 done, 2 running, 1 failed, ETA 1m23s$/);
    for (const columns of [10, 30, 50, 200]) expect(progressText(half, 'bar', columns).length).to.be.at.most(columns);
    expect(progressText({ done: 0, failed: 0, running: 0, total: undefined, leftMs: undefined }, 'bar', 79)).to.match(/^ {2}0% .*0\/\? done, 0 running, ETA \?$/);
  });

  it('takes its line away before other text on a terminal, and leaves the last state', () => {
    const written: string[] = [];
    const display = new ProgressDisplay('eta', { isTTY: true, columns: 60, write: (text) => written.push(text) });
    display.add({ kind: 'planned', totalJobs: 1 } satisfies JobEvent);
    display.hide();
    expect(written).to.deep.equal([]);
    display.stop();
    display.stop();
    expect(written).to.deep.equal(['\r\u001b[K0/1 done, 0 running, ETA ?', '\n']);
  });
});

describe('troupe parallel --report', function () {
  this.timeout(120_000);
  let directory: string;

  before(() => (directory = mkdtempSync(join(tmpdir(), 'troupe-report-'))));
  after(() => rmSync(directory, { recursive: true }));

  it('writes what its name asks for, beside a trace, and says how far it is', async () => {
    const [json, html, trace] = ['r.json', 'r.html', 't.json'].map((name) => join(directory, name)) as [string, string, string];
    const result = await run(process.execPath, [
      TROUPE, 'parallel', '--cores', '2', '-j2', '-k', '--eta', '--report', json, '--report', html, '--report', '-', '--trace-sched', trace, 'echo {}; exit {}', ':::', '0', '0', '3',
    ]);
    expect([result.stdout, result.status]).to.deep.equal(['0\n0\n3\n', 1]);
    expect(result.stderr).to.match(/^3\/3 done, 0 running, 1 failed, ETA 0s$/m).and.match(/^2 succeeded, 1 failed; /m);
    const report = JSON.parse(readFileSync(json, 'utf8')) as RunReport;
    expect(report.jobs.map(({ seq, status }) => [seq, status.code]).sort()).to.deep.equal([[1, 0], [2, 0], [3, 3]]);
    expect(report.cores!.busy).to.have.length(2);
    expect(report.cores!.busy.flat().some((share) => share > 0)).to.equal(true);
    expect(readFileSync(html, 'utf8')).to.match(/^<!doctype html>/).and.match(/<svg id="cores"/);
    expect((JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: unknown[] }).traceEvents.length).to.be.greaterThan(20);
  });

  it('ends with 255 when a report cannot be written', async () => {
    const result = await run(process.execPath, [TROUPE, 'parallel', '--report', '/nonexistent/r.json', 'true', ':::', '1']);
    expect(result.status).to.equal(255);
    expect(result.stderr).to.contain('--report /nonexistent/r.json');
  });
});
