/** Jobs as copies of a machine that waits for input. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigError } from '@troupe/abi';
import { Kernel } from '@troupe/kernel';
import { runJobs, WarmExecutor, warmUp, type JobEvent, type JobsOptions, type WarmOptions } from '@troupe/kernel/jobs';
import { TROUPE } from '../support/paths.js';
import { run } from '../support/run.js';

const ENV = { PATH: '/usr/bin:/bin' };
/** Counts in memory and in a file, and runs what it reads. */
const SCRIPT = 'x=41; echo 1 > /tmp/count; while read -r line; do x=$((x + 1)); echo 2 >> /tmp/count; eval "$line"; done; exit "${code:-0}"';

const jobs = (...commands: string[]): Pick<JobsOptions, 'command' | 'sources'> => ({ command: [], sources: [{ from: { kind: 'values', values: commands }, isLinked: false }] });

async function executorOf(script: string, options: Partial<WarmOptions> = {}): Promise<WarmExecutor> {
  const kernel = await Kernel.create({ cores: 1 });
  try {
    return new WarmExecutor(await warmUp(kernel, { argv: ['/bin/bash', '-c', script], env: ENV, stdout: 'ignore', stderr: 'ignore' }), { cpus: 2, ...options });
  } finally {
    await kernel.close();
  }
}

async function outcome(options: JobsOptions, executor: WarmExecutor): Promise<{ readonly text: string; readonly endings: readonly string[] }> {
  let text = '';
  const endings: string[] = [];
  await runJobs({ keepsOrder: true, ...options }, executor, (event: JobEvent) => {
    if (event.kind === 'output') text += Buffer.from(event.bytes).toString();
    if (event.kind === 'ended') endings.push(`${event.ending.job.seq} ${event.ending.reason} ${event.ending.status.code} ${event.ending.status.signo}`);
  });
  return { text, endings: endings.sort() };
}

describe('jobs from a snapshot', () => {
  it('read their commands, share nothing, and end as they like', async function () {
    this.timeout(60_000);
    const executor = await executorOf(SCRIPT);
    const { text, endings } = await outcome({ ...jobs('echo "$x"; cat /tmp/count', 'echo err >&2; code=3', "echo '$x'", 'kill -9 $$'), slots: 2 }, executor);
    expect(text).to.equal("42\n1\n2\nerr\n$x\n");
    expect(endings).to.deep.equal(['1 exited 0 0', '2 exited 3 0', '3 exited 0 0', '4 exited 0 9']);
  });

  it('are ended at their limits, and when it is time', async function () {
    this.timeout(60_000);
    const executor = await executorOf(SCRIPT, { limits: { cpuTimeNs: 3e9 } });
    const { endings } = await outcome({ ...jobs('while :; do :; done', 'echo'), slots: 2 }, executor);
    expect(endings).to.deep.equal(['1 limit 0 9', '2 exited 0 0']);
    const late = await outcome({ ...jobs('while :; do sleep 1; done'), timeout: { kind: 'ms', ms: 300 } }, await executorOf(SCRIPT));
    expect(late.endings).to.deep.equal(['1 timeout 0 15']);
  });

  it('need a program that waits for input', async function () {
    this.timeout(60_000);
    expect(await executorOf('exit 3').catch((error: unknown) => error)).to.be.instanceOf(ConfigError).and.have.property('message').that.matches(/ended with status 3 before it waited for input/);
    const kernel = await Kernel.create({ cores: 1 });
    kernel.createProcess({ argv: ['/bin/bash', '-c', 'sleep 100'], env: ENV, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' });
    kernel.start();
    const executor = new WarmExecutor(await kernel.snapshot(), { cpus: 1 });
    await kernel.close();
    expect(await runJobs(jobs('echo'), executor, () => undefined).catch((error: unknown) => error)).to.be.instanceOf(ConfigError);
  });

  it('are an option of the command', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'troupe-warm-'));
    try {
      const parallel = (...args: string[]): ReturnType<typeof run> => run(process.execPath, [TROUPE, 'parallel', '-k', ...args], { cwd: folder });
      const warm = await parallel('--warm', `echo ready; ${SCRIPT}`, 'echo $((x * {}))', ':::', '1', '2', '3');
      expect(warm).to.deep.equal({ stdout: '42\n84\n126\n', stderr: 'ready\n', status: 0 });
      const kernel = await Kernel.create({ cores: 1 });
      try {
        await warmUp(kernel, { argv: ['/bin/bash', '-c', SCRIPT], env: ENV, stdout: 'inherit', stderr: 'inherit' });
        await kernel.saveTo(join(folder, 'image'));
      } finally {
        await kernel.close();
      }
      expect(await parallel('--from', 'image', '--tag', 'echo "$x"; code={}', ':::', '0', '5')).to.deep.equal({ stdout: '0\t42\n5\t42\n', stderr: '', status: 1 });
      expect(await parallel('--from', 'image', '--warm', 'cat', 'x', ':::', '1')).to.deep.equal({ stdout: '', stderr: 'troupe: --warm: cannot be used together with --from\n', status: 255 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
