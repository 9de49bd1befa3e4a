// troupe parallel as a process: signals, kills, the kernel the jobs share.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TROUPE } from '../../support/paths.js';
import { run } from '../../support/run.js';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index + 1));

/** Resolves when the command has printed so many lines. */
function linesOf(child: ChildProcess, count: number): Promise<void> {
  let lines = 0;
  return new Promise((resolve) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10 && ++lines === count) resolve();
    }).on('end', resolve);
  });
}

describe('troupe parallel', function () {
  this.timeout(120_000);
  let dir = '';

  before(() => void (dir = mkdtempSync(join(tmpdir(), 'troupe-'))));
  after(() => rmSync(dir, { recursive: true }));

  const parallel = (...args: readonly string[]) => run(process.execPath, [TROUPE, 'parallel', '--cores', '2', ...args]);

  it('runs jobs in one kernel, whose files they share', async () => {
    const result = await parallel('-j1', 'cat /tmp/shared-by-jobs 2>/dev/null; echo {} >> /tmp/shared-by-jobs', ':::', 'a', 'b', 'c');
    expect(result).to.deep.equal({ stdout: 'a\na\nb\n', stderr: '', status: 0 });
  });

  it('kills jobs that use more than they may', async () => {
    const limited = async (option: string, value: string, command: string): Promise<string> => {
      const { stderr, status } = await parallel(option, value, command, ':::', 'x');
      expect(status).to.equal(1);
      return stderr;
    };
    expect(await limited('--limit-cpu', '0.1', 'while :; do :; done #')).to.match(/exceeded its limit of CPU time/);
    expect(await limited('--limit-instructions', '30000000', 'while :; do :; done #')).to.match(/exceeded its limit of instructions/);
    expect(await limited('--limit-tasks', '4', 'for i in 1 2 3 4 5 6; do sleep 100 & done; wait #')).to.match(/exceeded its limit of tasks/);
    expect(await limited('--limit-memory', '30M', 'x=$(head -c 60M /dev/zero | tr "\\0" a); sleep 1000 #')).to.match(/exceeded its limit of memory/);
    expect(await parallel('--limit-files', '20', 'ulimit -n #', ':::', 'x')).to.deep.equal({ stdout: '20\n', stderr: '', status: 0 });
  });

  it('--isolate: jobs see nothing of each other', async () => {
    const result = await parallel('--isolate', '-k', '-j2', 'cat /tmp/shared-by-jobs 2>/dev/null; echo {} $$ >> /tmp/shared-by-jobs; cat /tmp/shared-by-jobs; exit {}', ':::', '0', '3', '0');
    expect(result).to.deep.equal({ stdout: '0 1\n3 1\n0 1\n', stderr: '', status: 1 });
    const ended = await parallel('--isolate', '--timeout', '0.5', '--limit-tasks', '50', 'sleep 1000 #', ':::', 'x');
    expect([ended.status, ended.stderr]).to.deep.equal([1, 'troupe: this job was killed because it timed out:\nsleep 1000 # x\n']);
    expect(await parallel('--isolate', '--limit-instructions', '30000000', 'while :; do :; done #', ':::', 'x')).to.include({ status: 1 });
    expect((await parallel('--isolate', '--shell', '/no/shell', 'echo', ':::', 'a')).status).to.equal(255);
    expect((await parallel('--isolate', '--warm', 'cat', ':::', 'a')).status).to.equal(255);
  });

  it('ends with 255 for errors of its own', async () => {
    expect((await parallel('-j', 'many', 'echo', ':::', 'a')).status).to.equal(255);
    expect((await parallel('--shell', '/no/shell', 'echo', ':::', 'a')).status).to.equal(255);
    expect((await parallel('--resume', 'echo', ':::', 'a')).stderr).to.equal('troupe: resume: needs a log or a directory of results\n');
  });

  it('killed half way and resumed it has done each job once', async () => {
    const log = join(dir, 'log');
    const args = ['parallel', '--cores', '2', '-j3', '--joblog', log, '--resume', 'echo {}', ':::', ...numbers(40)];
    for (const lines of [9, 12]) {
      const child = spawn(process.execPath, [TROUPE, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
      await linesOf(child, lines);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const done = readFileSync(log, 'utf8').split('\n').slice(1, -1).map((line) => line.split('\t')[0]!);
    expect(done.length).to.be.at.least(9);
    const last = await run(process.execPath, [TROUPE, ...args]);
    expect(last.status).to.equal(0);
    expect([...done, ...last.stdout.trim().split('\n')].sort()).to.deep.equal(numbers(40).sort());
  });

  for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    it(`${signal} ends all jobs`, async () => {
      const child = spawn(process.execPath, [TROUPE, 'parallel', '--lb', '-j2', 'trap "" TERM; echo on; sleep 1000; sleep 1000', ':::', 'a', 'b', 'c'], { stdio: ['pipe', 'pipe', 'ignore'] });
      await linesOf(child, 2);
      child.kill(signal);
      expect((await once(child, 'exit'))[0]).to.equal(status);
    });
  }

  it('SIGHUP lets jobs end that run', async () => {
    const child = spawn(process.execPath, [TROUPE, 'parallel', '--lb', '-j1', 'echo on; sleep 0.5; echo off; exit 3'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin!.write('a\nb\n');
    await linesOf(child, 1);
    child.kill('SIGHUP');
    expect((await once(child, 'exit'))[0]).to.equal(1);
  });

  it('does not wait for input it does not need', async () => {
    const child = spawn(process.execPath, [TROUPE, 'parallel', '-j1', '--halt', 'now,fail=1', 'exit'], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin!.write('5\n');
    expect((await once(child, 'exit'))[0]).to.equal(5);
  });

  it('ends when nobody reads its output', async () => {
    const child = spawn(process.execPath, [TROUPE, 'parallel', '-j1', 'yes {} | head -c 200000', ':::', ...numbers(50)], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    expect((await once(child, 'exit'))[0]).to.equal(141);
  });
});
