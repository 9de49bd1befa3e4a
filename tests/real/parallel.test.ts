// troupe parallel and GNU parallel print the same and end with the same status.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { CACHE, ROOT, TROUPE } from '../support/paths.js';
import { run, type RunResult } from '../support/run.js';

interface Case {
  readonly args: readonly string[];
  readonly input?: string;
}

const dry = (...args: readonly string[]): Case => ({ args: ['--dry-run', '-k', '-j1', ...args] });
const live = (...args: readonly string[]): Case => ({ args: ['-k', '-j1', ...args] });
const fed = (input: string, ...args: readonly string[]): Case => ({ args: ['-k', '-j1', ...args], input });

const QUOTED = ['a b', "it's", "''", "x'", '', 'x*y', 'a-b_c.d/e+f,g', 'é', 'a%b@c:d=e', '"', '$HOME', '\\', 'a\tb', '~', '{}'];

const CASES: readonly Case[] = [
  dry('echo', '{}', ':::', ...QUOTED),
  dry('echo', ':::', 'a', 'b'),
  dry('echo', '{/.}', '{//}', '{/}', '{.}', ':::', '/a/b.tar.gz', 'file', '.hid', 'a.b/c', 'd/', '/x'),
  dry('echo {} {1.} {2/} {2//}', ':::', 'd/A.c', 'B', ':::', 'x/C', 'D'),
  dry('echo', '{3}', '{-1}', '{-2}', '{#}', ':::', 'a', ':::', 'b', 'c'),
  dry('echo', '{#}', ':::', 'a', 'b'),
  dry('echo', ':::', 'A', 'B', ':::+', 'C', 'D', ':::', '1', '2'),
  dry('--link', 'echo', ':::', 'A', 'B', 'C', ':::', '1', '2'),
  dry('-n2', 'echo', 'pre-{}-post', '{.}', ':::', 'a.x', 'b.y', 'c'),
  dry('-N2', 'echo', '{1}', '{2}', '{}', ':::', 'a', 'b', 'c'),
  dry('-N3', 'echo', ':::', 'a', 'b', 'c', 'd'),
  dry('-n0', 'echo', ':::', '1', '2'),
  dry('-n3', '--tag', 'echo', ':::', 'a', 'b', ':::', 'c', 'd'),
  dry('--colsep', ',', 'echo', '{2}', '{1}', '{}', ':::', 'a,b', 'c d,e'),
  dry('--colsep', ',', 'echo', ':::', 'a,b', 'c d,e'),
  dry('-C', ' +', 'echo', '{1}-{2}', ':::', 'a   b'),
  dry('-I', '@@', 'echo', '@@', '{}', '{.}', ':::', 'a.c', 'b'),
  dry('-q', 'echo', '{}', 'x y', '$HOME', "it's", ':::', 'a b'),
  dry('-q', 'awk', '{print $1}', ':::', 'a'),
  dry('echo {', '{}}', ':::', 'a'),
  dry('--tag', 'echo', ':::', 'a b'),
  dry(':::', 'echo a; exit 2', 'true'),
  dry('echo', '::::', 'FILE', 'FILE'),
  dry('echo', '{2}', '{1}', '::::', 'FILE', ':::', '1', '2'),
  dry('-a', 'FILE', 'echo', '{}', 'x'),
  dry('-a', 'FILE', '-a', 'FILE', 'echo'),
  dry('-a', 'FILE', 'echo', ':::', '1'),
  dry('echo', ':::', 'x', '::::+', 'FILE'),
  fed('a\n\nb', '--dry-run', 'echo'),
  fed('a\n\nb', '-r', '--dry-run', 'echo'),
  fed('a\0b c\0', '-0', '--dry-run', 'echo'),
  fed('a,b', '-d,', '--dry-run', 'echo'),
  fed('1\n2', '--dry-run', 'echo', '{1}', '{2}', '::::', '-', ':::', 'a', 'b'),
  fed('', 'echo'),
  fed('echo 1\nexit 3\n'),
  fed('a\nb c\n', 'echo', '<{}>', '|', 'cat'),
  live('--tag', 'printf "%s\\n" {} x; echo err >&2', ':::', 'a c', 'b'),
  live('--tag', '-N2', 'echo', ':::', 'a', 'b', 'c'),
  live('--tagstring', 'T{}-{#}', 'printf abc{}', ':::', 'a b', 'c'),
  live('echo $PARALLEL_SEQ $PARALLEL_JOBSLOT', ':::', 'a', 'b'),
  live('cat; echo {}', ':::', 'a', 'b'),
  live('exit {}', ':::', '0', '3', '4'),
  live('kill -9 $$; true', ':::', 'a'),
  live('no-such-program', ':::', 'a'),
  { args: ['-k', '-j2', 'sleep 0.$((3-{})); echo {}', ':::', '1', '2', '3'] },
  { args: ['-k', '-j0', '--lb', 'sleep 0.{}; echo {}', ':::', '2', '1', '3'] },
  live('--halt', 'now,fail=1', 'exit {}', ':::', '0', '3', '4'),
  live('--halt', 'soon,fail=50%', 'exit {}', ':::', '0', '3', '2', '4'),
  live('--halt', 'now,fail=30%', 'sh -c "exit 1" #', ':::', '1', '2', '3', '4', '5', '6', '7'),
  live('--halt', 'soon,success=1', 'exit {}', ':::', '4', '0', '2'),
  live('--halt', 'now,done=2', 'exit {}', ':::', '4', '0', '2'),
  live('--halt', 'now,fail=1', 'kill -9 $$; true', ':::', '1'),
  live('--timeout', '1', 'sleep {}; echo {}', ':::', '0', '9'),
  live('--retries', '3', 'echo {}; exit {}', ':::', '0', '3'),
  live('--delay', '0.1', 'echo', ':::', '1', '2'),
  { args: ['-u', '-j1', 'echo {}; echo e{} >&2', ':::', '1', '2'] },
  { args: ['-j1', '--nosuch', 'true', ':::', 'a'] },
  { args: ['-j1', 'echo', '::::', '/no/such/file'] },
];

function gnuParallel(): string {
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/debian-tools.mjs'), 'parallel'], { encoding: 'utf8', timeout: 120_000 });
  return stdout.trim();
}

const hasPerl = !spawnSync('perl', ['-v']).error;

if (hasPerl) {
  describe('troupe parallel and GNU parallel', function () {
    this.timeout(120_000);
    let dir = '';
    let gnu = '';

    before(() => {
      gnu = gnuParallel();
      dir = mkdtempSync(join(CACHE, 'parallel-'));
      mkdirSync(join(dir, 'home/.parallel'), { recursive: true });
      // It asks for a citation otherwise.
      writeFileSync(join(dir, 'home/.parallel/will-cite'), '');
      writeFileSync(join(dir, 'file'), 'one\ntwo three\n');
    });

    after(() => rmSync(dir, { recursive: true }));

    const env = { PATH: process.env['PATH'], HOME: '', PARALLEL_SHELL: '/bin/sh', LC_ALL: 'C.UTF-8' };

    const both = async ({ args, input = '' }: Case): Promise<readonly [RunResult, RunResult]> => {
      const words = args.map((word) => (word === 'FILE' ? join(dir, 'file') : word));
      const options = { env: { ...env, HOME: join(dir, 'home') }, input, cwd: dir };
      return [await run('perl', [gnu, ...words], options), await run(process.execPath, [TROUPE, 'parallel', ...words], options)];
    };

    /** A log without the times. */
    const logged = (path: string): string[] => readFileSync(path, 'utf8').split('\n').map((line) => line.split('\t').filter((_, index) => index !== 2 && index !== 3).join(' '));

    it('write the same logs, and go on from each other\'s', async () => {
      const options = { env: { ...env, HOME: join(dir, 'home') }, cwd: dir };
      const words = ['-j1', '--timeout', '1', '--halt', 'never', 'echo {}; sleep {3}; exit {2}', ':::', 'a b', 'c', ':::+', '0', '5', ':::', '0', '9'];
      const twoLines = ['echo {}\nkill -9 $$', ':::', 'x'];
      const theirLog = join(dir, 'their-log');
      const ourLog = join(dir, 'our-log');
      for (const step of [words, ['--resume', ...words, '3'], ['--resume-failed', ...words, '3']]) {
        const theirs = await run('perl', [gnu, '--joblog', theirLog, ...step], options);
        const ours = await run(process.execPath, [TROUPE, 'parallel', '--joblog', ourLog, ...step], options);
        expect([ours.stdout, ours.status]).to.deep.equal([theirs.stdout, theirs.status]);
        expect(logged(ourLog)).to.deep.equal(logged(theirLog));
      }
      const resumed = await run(process.execPath, [TROUPE, 'parallel', '--joblog', theirLog, '--resume', ...words, '3'], options);
      expect([resumed.stdout, resumed.status]).to.deep.equal(['', 0]);
      await run('perl', [gnu, '--joblog', theirLog, ...twoLines], options);
      await run(process.execPath, [TROUPE, 'parallel', '--joblog', ourLog, ...twoLines], options);
      expect(logged(ourLog)).to.deep.equal(logged(theirLog));
    });

    it('leave the same results', async () => {
      const options = { env: { ...env, HOME: join(dir, 'home') }, cwd: dir };
      const words = ['-j1', 'echo {}; echo e >&2', ':::', 'a/b', 'c\td', 'e\\f', ':::', 'X'];
      const tree = (path: string): string[] => readdirSync(join(dir, path), { recursive: true, encoding: 'utf8' }).sort();
      const theirs = await run('perl', [gnu, '--results', 'theirs', ...words], options);
      const ours = await run(process.execPath, [TROUPE, 'parallel', '--results', 'ours', ...words], options);
      expect([ours.stdout, ours.status]).to.deep.equal([theirs.stdout, theirs.status]);
      expect(tree('ours')).to.deep.equal(tree('theirs'));
      for (const name of tree('theirs')) if (/[a-z]$/.test(name) && !statSync(join(dir, 'theirs', name)).isDirectory()) expect(readFileSync(join(dir, 'ours', name), 'utf8'), name).to.equal(readFileSync(join(dir, 'theirs', name), 'utf8'));
    });

    for (const test of CASES) {
      it(`${test.args.join(' ')}${test.input === undefined ? '' : ` < ${JSON.stringify(test.input)}`}`, async () => {
        const [theirs, ours] = await both(test);
        expect(ours.status).to.equal(theirs.status);
        // Errors of its own GNU parallel explains in its own way.
        if (theirs.status !== 255) expect(ours.stdout).to.equal(theirs.stdout);
        if (theirs.status === 0) expect(ours.stderr).to.equal(theirs.stderr.replace(/^parallel: /gm, 'troupe: '));
      });
    }
  });
}
