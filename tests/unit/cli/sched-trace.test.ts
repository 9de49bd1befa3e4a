// --trace-sched: the file is a trace that viewers take, and what it says can be true.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TROUPE } from '../../support/paths.js';
import { run } from '../../support/run.js';

interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly id?: number;
  readonly args: Readonly<Record<string, unknown>>;
}

const CORES_PID = 1;
const KERNEL_TRACK = 9999;
/** Threads read clocks of their own, µs. */
const TOLERANCE = 20;

describe('--trace-sched', function () {
  this.timeout(120_000);
  let directory: string;

  before(() => (directory = mkdtempSync(join(tmpdir(), 'troupe-sched-'))));
  after(() => rmSync(directory, { recursive: true }));

  async function trace(args: readonly string[]): Promise<TraceEvent[]> {
    const file = join(directory, 'trace.json');
    const [subcommand, ...rest] = args;
    const result = await run(process.execPath, [TROUPE, subcommand!, '--trace-sched', file, ...rest]);
    expect([result.status, result.stderr]).to.deep.equal([0, '']);
    return (JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] }).traceEvents;
  }

  /** Spans of a track, in order of time; none begins before the one before has ended. */
  function expectNoOverlap(spans: readonly TraceEvent[], what: string): void {
    const sorted = [...spans].sort((a, b) => a.ts - b.ts);
    sorted.forEach((span, index) => {
      const before = sorted[index - 1];
      expect(span.dur, what).to.be.at.least(0);
      if (before !== undefined) expect(span.ts, `${what}: ${before.name} and ${span.name}`).to.be.at.least(before.ts + before.dur - TOLERANCE);
    });
  }

  function check(events: readonly TraceEvent[], cores: number): void {
    const spans = events.filter(({ ph }) => ph === 'X');
    const tracks = new Map<string, TraceEvent[]>();
    for (const span of spans) tracks.set(`${span.pid}/${span.tid}`, [...(tracks.get(`${span.pid}/${span.tid}`) ?? []), span]);
    for (const [track, all] of tracks) expectNoOverlap(all, track);
    const used = new Set(spans.filter(({ pid, tid }) => pid === CORES_PID && tid !== KERNEL_TRACK).map(({ tid }) => tid));
    expect([...used].every((core) => core >= 0 && core < cores)).to.equal(true);
    const named = new Set(events.filter(({ ph, name }) => ph === 'M' && name === 'thread_name').map(({ pid, tid }) => `${pid}/${tid}`));
    for (const track of tracks.keys()) expect(named.has(track), `name of ${track}`).to.equal(true);
    const ids = (ph: string): number[] => events.filter((event) => event.ph === ph).map(({ id }) => id!).sort((a, b) => a - b);
    expect(ids('s')).to.deep.equal(ids('f'));
  }

  it('shows tasks on two cores, the kernel, waits and who wakes whom', async () => {
    const events = await trace(['do', '--cores', '2', '--', '/bin/sh', '-c', 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done & j=0; while [ $j -lt 5000 ]; do j=$((j+1)); done; echo x | cat >/dev/null; wait']);
    check(events, 2);
    const names = new Set(events.filter(({ ph }) => ph === 'X').map(({ name }) => name));
    for (const name of ['on core 0', 'on core 1', 'execve', 'in kernel: execve', 'blocked: wait4', 'waits for a core']) expect(names.has(name), name).to.equal(true);
    expect(events.some(({ ph }) => ph === 's')).to.equal(true);
    expect(events.some(({ name, args }) => name === 'process_name' && /^cat \d+$/.test(String(args['name'])))).to.equal(true);
  });

  it('shows the jobs of troupe parallel', async () => {
    const events = await trace(['parallel', '--cores', '2', '-j', '2', '/bin/true', ':::', '1', '2', '3', '4']);
    check(events, 2);
    expect(new Set(events.filter(({ name, args }) => name === 'process_name' && /^true \d+$/.test(String(args['name']))).map(({ pid }) => pid)).size).to.equal(4);
  });

  it('refuses a file that cannot be written', async () => {
    const result = await run(process.execPath, [TROUPE, 'do', '--trace-sched', '/nonexistent/t.json', '--', '/bin/true']);
    expect(result.status).to.equal(125);
    expect(result.stderr).to.match(/^troupe: --trace-sched \/nonexistent\/t\.json: ENOENT/);
  });
});
