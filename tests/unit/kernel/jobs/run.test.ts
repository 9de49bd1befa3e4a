import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lastValueFrom, take, toArray } from 'rxjs';
import { ConfigError } from '@troupe/abi';
import { jobEvents, parseHalt, runJobs, type JobEvent, type JobsOptions, type RunSummary } from '@troupe/kernel/jobs';
import { FakeExecutor } from '../../../support/job-executor.js';

interface Outcome {
  readonly summary: RunSummary;
  readonly events: readonly JobEvent[];
  readonly executor: FakeExecutor;
}

const jobs = (...commands: string[]): Pick<JobsOptions, 'command' | 'sources'> => ({ command: [], sources: [{ from: { kind: 'values', values: commands }, isLinked: false }] });

async function outcome(options: JobsOptions, executor = new FakeExecutor()): Promise<Outcome> {
  const events: JobEvent[] = [];
  const summary = await runJobs(options, executor, (event) => events.push(event));
  return { summary, events, executor };
}

const seqs = (events: readonly JobEvent[], kind: 'output' | 'recorded'): number[] => events.flatMap((event) => (event.kind === kind ? [event.seq] : []));

describe('a run of jobs', () => {
  let dir = '';

  before(() => void (dir = mkdtempSync(join(tmpdir(), 'troupe-'))));
  after(() => rmSync(dir, { recursive: true }));

  it('keeps the slots full and counts failures', async () => {
    const { summary, executor } = await outcome({ ...jobs('5 0', '1 1', '1 2', '1 0', '1 0'), slots: 3 });
    expect(executor.started).to.deep.equal([1, 2, 3, 4, 5]);
    expect(executor.mostRunning).to.equal(3);
    expect(summary).to.include({ exitStatus: 2, failed: 2, succeeded: 3, killed: 0, skipped: 0 });
    expect((await outcome(jobs(...Array.from({ length: 120 }, () => '0 1')))).summary.exitStatus).to.equal(101);
  });

  it('gives output in the order of the input when asked', async () => {
    const options = jobs('40 0', '1 0', '20 0', '1 0');
    const ordered = await outcome({ ...options, slots: 4, keepsOrder: true });
    expect(seqs(ordered.events, 'output')).to.deep.equal([1, 2, 3, 4]);
    expect(seqs(ordered.events, 'recorded')).to.deep.equal([1, 2, 3, 4]);
    expect(seqs((await outcome({ ...options, slots: 4 })).events, 'output')).to.have.members([1, 2, 3, 4]);
  });

  it('tries again, first those that failed, and prints the last try', async () => {
    const { summary, executor, events } = await outcome({ ...jobs('1 1 1 0', '1 3', '1 0'), slots: 1, tries: 3 });
    expect(executor.started).to.deep.equal([1, 1, 1, 2, 2, 2, 3]);
    expect(summary).to.include({ exitStatus: 1, succeeded: 2 });
    expect(seqs(events, 'output')).to.deep.equal([1, 2, 3]);
  });

  it('halts', async () => {
    const halted = async (rule: string, ...commands: string[]): Promise<readonly number[]> => {
      const { summary, executor } = await outcome({ ...jobs(...commands), slots: 2, halt: parseHalt(rule) });
      return [summary.exitStatus, executor.started.length, summary.killed];
    };
    expect(await halted('now,fail=1', '1 7', '5000 0', '1 0')).to.deep.equal([7, 2, 1]);
    expect(await halted('soon,fail=1', '1 7', '20 0', '1 0')).to.deep.equal([7, 2, 0]);
    expect(await halted('soon,fail=2', '1 7', '1 0', '30 3', '1 0', '1 9')).to.deep.equal([2, 5, 0]);
    expect(await halted('now,success=1', '1 0', '5000 0', '1 0')).to.deep.equal([0, 2, 1]);
    expect(await halted('now,fail=50%', '1 1', '1 1', '5000 0', '1 0')).to.deep.equal([50, 3, 1]);
    expect(await halted('never', '1 1', '1 1')).to.deep.equal([2, 2, 0]);
  });

  it('ends jobs that take too long', async () => {
    const { summary, events } = await outcome({ ...jobs('5000 0', '1 0'), timeout: { kind: 'ms', ms: 20 } });
    expect(summary).to.include({ exitStatus: 1, succeeded: 1 });
    const ending = events.flatMap((event) => (event.kind === 'ended' && event.ending.job.seq === 1 ? [event.ending] : []))[0]!;
    expect([ending.reason, ending.status.signo]).to.deep.equal(['timeout', 15]);
    const relative = await outcome({ ...jobs('2 0', '2 0', '2 0', '9000 0'), slots: 1, timeout: { kind: 'percent', percent: 1000 } });
    expect(relative.summary.exitStatus).to.equal(1);
  });

  it('waits for room and for memory', async () => {
    const narrow = new FakeExecutor();
    narrow.room = 2;
    expect((await outcome({ ...jobs(...Array.from({ length: 9 }, () => '1 0')), slots: 5 }, narrow)).summary.succeeded).to.equal(9);
    const poor = new FakeExecutor();
    poor.free = 99;
    await outcome({ ...jobs('1 0', '1 0', '1 0'), slots: 3, memFreeBytes: 100 }, poor);
    expect(poor.mostRunning).to.equal(1);
  });

  it('puts the youngest back when memory runs out', async () => {
    const executor = new FakeExecutor();
    const events: JobEvent[] = [];
    const done = runJobs({ ...jobs('400 0', '400 0'), slots: 2, memFreeBytes: 100 }, executor, (event) => {
      events.push(event);
      if (event.kind === 'started' && executor.started.length === 2) executor.free = 10;
      if (event.kind === 'retried') executor.free = 1000;
    });
    expect(await done).to.include({ succeeded: 2, exitStatus: 0 });
    expect(executor.started).to.deep.equal([1, 2, 2]);
    expect(events.filter(({ kind }) => kind === 'retried').length).to.equal(1);
  });

  it('writes results to files', async () => {
    const base = join(dir, 'results');
    const sources = [['a/b', '..'], ['x']].map((values) => ({ from: { kind: 'values' as const, values }, isLinked: false }));
    const options: JobsOptions = { command: ['1 0 #'], sources, results: base };
    const { events } = await outcome(options);
    expect(seqs(events, 'output')).to.deep.equal([]);
    expect(readdirSync(base)).to.deep.equal(['1']);
    expect(readdirSync(join(base, '1'))).to.have.members(['a\\_b', '\\.\\.']);
    expect(readdirSync(join(base, '1/a\\_b/2/x'))).to.have.members(['seq', 'stderr', 'stdout']);
    expect(readFileSync(join(base, '1/a\\_b/2/x/stdout'), 'latin1')).to.equal('out 1\n');
    expect((await outcome({ ...options, resume: 'unfinished' })).summary).to.include({ skipped: 2, succeeded: 0 });
    await outcome({ ...options, results: `${join(dir, 'named')}/{2}-{#}` });
    expect(readdirSync(join(dir, 'named'))).to.have.members(['x-1', 'x-1.err', 'x-1.seq', 'x-2', 'x-2.err', 'x-2.seq']);
  });

  it('resumes what a log names as unfinished or failed', async () => {
    const log = join(dir, 'log');
    const options: JobsOptions = { ...jobs('1 0', '1 4 0', '1 0'), slots: 1, log };
    await outcome({ ...options, halt: parseHalt('now,fail=1') });
    expect((await outcome({ ...options, resume: 'unfinished' })).executor.started).to.deep.equal([3]);
    expect((await outcome({ ...options, resume: 'failed' })).executor.started).to.deep.equal([2]);
    expect(readFileSync(log, 'latin1').split('\n').map((line) => line.split('\t').filter((_, index) => index === 0 || index === 6).join(' ')))
      .to.deep.equal(['Seq Exitval', '1 0', '2 4', '3 0', '2 4', '']);
  });

  it('says what cannot work', async () => {
    const failure = async (options: JobsOptions): Promise<unknown> => outcome(options).catch((error: unknown) => error);
    expect(await failure({ ...jobs('1 0'), resume: 'unfinished' })).to.be.instanceOf(ConfigError);
    expect(await failure({ ...jobs('1 0'), log: join(dir, 'no/log') })).to.be.instanceOf(ConfigError);
    expect(await failure({ command: [], sources: [{ from: { kind: 'file', path: join(dir, 'none') }, isLinked: false }] })).to.be.instanceOf(ConfigError);
    const executor = new FakeExecutor();
    const broken = runJobs(jobs('1 0', '1 0', '1 0', '1 0'), executor, (event) => {
      if (event.kind === 'output') throw new Error('full');
    });
    expect(await broken.catch((error: unknown) => (error as Error).message)).to.equal('full');
    expect([executor.running, executor.started.length < 4]).to.deep.equal([0, true]);
  });

  it('is a stream of events that ends the jobs when nobody listens', async () => {
    const executor = new FakeExecutor();
    const all = await lastValueFrom(jobEvents(jobs('1 0', '1 1'), executor).pipe(toArray()));
    expect(all.at(-1)).to.deep.include({ kind: 'finished' });
    expect(all.filter(({ kind }) => kind === 'recorded').length).to.equal(2);
    await lastValueFrom(jobEvents(jobs('60000 0', '1 0'), executor).pipe(take(2)));
    await new Promise(setImmediate);
    expect(executor.running).to.equal(0);
  });
});
