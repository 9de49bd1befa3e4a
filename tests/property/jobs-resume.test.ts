// A run that is killed at any point and resumed, as often as one likes, neither loses a job nor repeats one that is done.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { runJobs, type JobEvent, type JobsOptions, type RunControl } from '@troupe/kernel/jobs';
import { FakeExecutor } from '../support/job-executor.js';

interface Killed {
  /** Event after which the world stops. */
  readonly afterEvents: number;
  /** Bytes of the last line that did not reach the disk. */
  readonly tornBytes: number;
}

interface Seen {
  readonly started: number[];
  readonly printed: number[];
}

/** Runs until the kill; what happens later in that run is not part of this world: the log is that of the moment. */
async function runUntil(options: JobsOptions, log: string, kill: Killed | undefined): Promise<Seen> {
  const executor = new FakeExecutor();
  const seen: Seen = { started: [], printed: [] };
  let control: RunControl | undefined;
  let count = 0;
  const onEvent = (event: JobEvent): void => {
    if (kill !== undefined && count >= kill.afterEvents) return;
    if (event.kind === 'started') seen.started.push(event.job.seq);
    if (event.kind === 'output') seen.printed.push(event.seq);
    if (++count !== kill?.afterEvents) return;
    copyFileSync(`${log}.live`, log);
    control!.interrupt();
  };
  if (existsSync(log)) copyFileSync(log, `${log}.live`);
  await runJobs({ ...options, log: `${log}.live` }, executor, onEvent, (started) => (control = started));
  if (kill === undefined || count < kill.afterEvents) copyFileSync(`${log}.live`, log);
  else tear(log, kill.tornBytes);
  return seen;
}

/** The last write may be incomplete, those before it are whole. */
function tear(log: string, bytes: number): void {
  const text = readFileSync(log, 'latin1');
  const lastLine = text.length - (text.lastIndexOf('\n', text.length - 2) + 1);
  truncateSync(log, statSync(log).size - Math.min(bytes, lastLine));
}

const recorded = (log: string): number[] => readFileSync(log, 'latin1').split('\n').slice(1, -1).map((line) => Number(line.split('\t')[0]));

describe('a run that is killed and resumed', function () {
  this.timeout(120_000);

  const kill = fc.record({ afterEvents: fc.integer({ min: 1, max: 40 }), tornBytes: fc.oneof(fc.constant(0), fc.nat(80)) });
  const setting = fc.record({
    commands: fc.array(fc.tuple(fc.nat(3), fc.constantFrom(0, 0, 1, 7)), { minLength: 1, maxLength: 12 }), slots: fc.integer({ min: 1, max: 4 }), keepsOrder: fc.boolean(), kills: fc.array(kill, { maxLength: 3 }),
  });

  it('does every job, and none again that has a record', async () => {
    await fc.assert(fc.asyncProperty(setting, async ({ commands, slots, keepsOrder, kills }) => {
      const dir = mkdtempSync(join(tmpdir(), 'troupe-'));
      const log = join(dir, 'log');
      try {
        const options: JobsOptions = {
          command: [], sources: [{ from: { kind: 'values', values: commands.map(([ms, status]) => `${ms} ${status}`) }, isLinked: false }], slots, keepsOrder, resume: 'unfinished',
        };
        const printed = new Set<number>();
        for (const point of [...kills, undefined]) {
          const before = existsSync(log) ? recorded(log) : [];
          const seen = await runUntil(options, log, point);
          for (const seq of seen.printed) printed.add(seq);
          expect(seen.started.filter((seq) => before.includes(seq))).to.deep.equal([]);
          expect(recorded(log).filter((seq) => !printed.has(seq))).to.deep.equal([]);
        }
        const all = commands.map((_, index) => index + 1);
        expect(recorded(log).sort((a, b) => a - b)).to.deep.equal(all);
        expect([...printed].sort((a, b) => a - b)).to.deep.equal(all);
      } finally {
        rmSync(dir, { recursive: true });
      }
    }), { numRuns: 150 });
  });
});
