/** Copies of one machine in memory live on their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Kernel, type Process } from '@troupe/kernel';
import { timer } from 'rxjs';
import { Output } from '../support/save.js';

const SHELL = 'x=0; while read -r line; do x=$((x + line)); echo "$x"; echo "$x" > /tmp/sum; done; cat /tmp/sum; exit $((x % 256))';

async function answer(process: Process, input: string): Promise<string> {
  const output = new Output();
  output.listen(process);
  process.stdin!.write(input);
  process.stdin!.end();
  const { code } = await process.wait();
  await output.end();
  return `${output.text}exit ${code}`;
}

describe('snapshots', () => {
  let kernel: Kernel;
  let process: Process;

  beforeEach(async function () {
    this.timeout(60_000);
    kernel = await Kernel.create({ cores: 1 });
    process = kernel.createProcess({ argv: ['/bin/bash', '-c', SHELL], env: { PATH: '/usr/bin:/bin' }, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
    kernel.start();
    process.stdin!.write('5\n');
    await new Promise((resolve) => process.stdout!.once('data', resolve));
  });

  afterEach(() => kernel.close());

  it('start copies that share neither memory nor files nor streams', async function () {
    this.timeout(60_000);
    const snapshot = await kernel.snapshot();
    const copies = await Promise.all([snapshot.start({ cores: 1 }), snapshot.start({ cores: 2 }), snapshot.start({ cores: 1 })]);
    const answers = await Promise.all(copies.map((copy, index) => answer(copy.processes[0]!, `${index + 1}\n`)));
    await Promise.all(copies.map((copy) => copy.close()));
    expect(answers).to.deep.equal(['6\n6\nexit 6', '7\n7\nexit 7', '8\n8\nexit 8']);
    expect(await answer(process, '10\n')).to.equal('15\n15\nexit 15');
  });

  it('can be made of a copy', async function () {
    this.timeout(60_000);
    const child = await kernel.fork({ cores: 1 });
    const grandchild = await child.fork({ cores: 1 });
    await child.close();
    expect(await answer(grandchild.processes[0]!, '1\n2\n')).to.equal('6\n8\n8\nexit 8');
    await grandchild.close();
  });

  it('can be read from images, whatever holds them', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'troupe-snapshot-'));
    try {
      const chain = [join(folder, '1'), join(folder, '2')];
      await kernel.saveTo(chain[0]!, { incremental: true, compress: true });
      process.stdin!.write('5\n');
      await new Promise((resolve) => process.stdout!.once('data', resolve));
      await kernel.saveTo(chain[1]!, { incremental: true });
      const snapshot = await Kernel.readSnapshot(chain);
      rmSync(folder, { recursive: true });
      const copies = await Promise.all([1, 2].map((cores) => snapshot.start({ cores })));
      const answers = await Promise.all(copies.map((copy, index) => answer(copy.processes[0]!, `${index + 1}\n`)));
      await Promise.all(copies.map((copy) => copy.close()));
      expect(answers).to.deep.equal(['11\n11\nexit 11', '12\n12\nexit 12']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('leave work of the host program with the machine that it was given to', async function () {
    this.timeout(60_000);
    const done: string[] = [];
    const work = timer(3_600_000, kernel.scheduler).subscribe(() => done.push('work'));
    const before = kernel.core.timers.armedCount;
    const copy = await kernel.fork({ cores: 1 });
    expect(kernel.core.timers.armedCount).to.equal(before);
    expect(copy.core.timers.armedCount).to.equal(before - 1);
    expect(await answer(copy.processes[0]!, '1\n')).to.equal('6\n6\nexit 6');
    await copy.close();
    expect(work.closed).to.equal(false);
    work.unsubscribe();
    expect(done).to.deep.equal([]);
  });

  it('stay paused when asked to', async function () {
    this.timeout(60_000);
    const copy = await (await kernel.snapshot()).start({ cores: 1, isPaused: true });
    const stoppedNs = copy.core.timekeeper.monotonicNs();
    const grandchild = await copy.fork({ cores: 1, isPaused: true });
    expect([copy, grandchild].map(({ core }) => core.timekeeper.monotonicNs())).to.deep.equal([stoppedNs, stoppedNs]);
    await grandchild.close();
    const whole = answer(copy.processes[0]!, '1\n');
    expect(await Promise.race([whole, new Promise((resolve) => setTimeout(resolve, 200, 'paused'))])).to.equal('paused');
    copy.unpause();
    expect(await whole).to.equal('6\n6\nexit 6');
    await copy.close();
  });
});

describe('files of the host in images', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-volume-'));
    writeFileSync(join(folder, 'data'), 'one\ntwo\nthree\n');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  async function readingKernel(): Promise<Kernel> {
    const kernel = await Kernel.create({ cores: 1, volumes: [{ hostPath: folder, guestPath: '/mnt/volume', readOnly: false }] });
    const process = kernel.createProcess({
      argv: ['/bin/bash', '-c', 'exec 3< /mnt/volume/data; read -r a <&3; echo "$a"; read -r go; cat <&3; echo more >> /mnt/volume/log'], env: { PATH: '/usr/bin:/bin' },
      stdin: 'pipe', stdout: 'pipe', stderr: 'pipe',
    });
    kernel.start();
    await new Promise((resolve) => process.stdout!.once('data', resolve));
    return kernel;
  }

  it('are opened again where they were', async function () {
    this.timeout(60_000);
    const kernel = await readingKernel();
    const copy = await kernel.fork({ cores: 1 });
    await kernel.close();
    expect(await answer(copy.processes[0]!, 'go\n')).to.equal('two\nthree\nexit 0');
    await copy.close();
  });

  it('that have changed or gone are named', async function () {
    this.timeout(60_000);
    const kernel = await readingKernel();
    const snapshot = await kernel.snapshot();
    const problem = async (): Promise<string> => snapshot.start({ cores: 1 }).then(() => 'started', (error: Error) => error.message);
    writeFileSync(join(folder, 'data'), 'other');
    expect(await problem()).to.equal(`files of the host: ${folder}/data has changed`);
    rmSync(join(folder, 'data'));
    expect(await problem()).to.equal(`files of the host: ${folder}/data is gone`);
    expect(await kernel.snapshot().catch((error: Error) => error.message)).to.match(/data is open and has no name on the host any more$/);
    await kernel.close();
  });
});
