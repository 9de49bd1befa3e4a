/** Pages of an image come into memory when they are touched, however that happens, and are never taken for what they are not. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ImageError, Kernel, type LoadOptions } from '@troupe/kernel';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';
import { Output, saveToBytes } from '../support/save.js';

const PROGRAM = compileGuest('absent', [], join(ROOT, 'tests/save/programs'));
const SIGBUS = 7;
const SIGSEGV = 11;

/** What the program writes after its line of input, and how it ends. */
async function finish(kernel: Kernel): Promise<string> {
  try {
    const process = kernel.processes[0]!;
    const output = new Output();
    output.listen(process);
    process.stdin!.end('\n');
    const { code, signo } = await process.wait();
    await output.end();
    return `${output.text}exit ${code} signal ${signo}`;
  } finally {
    await kernel.close();
  }
}

const absentFrames = (kernel: Kernel): number => {
  const { frames } = kernel.core;
  return [...frames.usedFrames()].filter((frame, at) => at % 2 === 0 && frames.isAbsent(frame * 4096)).length;
};

describe('absent pages', () => {
  const native = `${execFileSync(PROGRAM, { input: '\n', encoding: 'utf8' }).replace('ready\n', '')}exit 0 signal 0`;
  let kernel: Kernel;
  let folder: string;
  let path: string;

  before(async function () {
    this.timeout(60_000);
    kernel = await Kernel.create({ cores: 1 });
    const process = kernel.createProcess({ argv: [PROGRAM], stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
    kernel.start();
    await new Promise((resolve) => process.stdout!.once('data', resolve));
  });

  after(() => kernel.close());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-absent-'));
    path = join(folder, 'image');
    await kernel.saveTo(path);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const load = (options: LoadOptions = {}): Promise<Kernel> => Kernel.loadFrom(path, { cores: 1, ...options });

  for (const cores of [1, 2]) {
    it(`of a snapshot come as they are touched, ${cores} cores`, async function () {
      this.timeout(60_000);
      const copy = await (await kernel.snapshot()).start({ cores });
      expect(absentFrames(copy)).to.be.greaterThan(700);
      expect(await finish(copy)).to.equal(native);
    });
  }

  it('of a file that is removed meanwhile come too', async function () {
    this.timeout(60_000);
    const copy = await load({ cores: 2 });
    expect(absentFrames(copy)).to.be.greaterThan(700);
    rmSync(path);
    expect(await finish(copy)).to.equal(native);
  });

  it('come by themselves, and then the file is closed', async function () {
    this.timeout(60_000);
    const copy = await load({ isPaused: true });
    while (copy.core.frames.absent !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(path, 'other');
    copy.unpause();
    expect(await finish(copy)).to.equal(native);
  });

  it('are in the next image', async function () {
    this.timeout(60_000);
    const copy = await load({ isPaused: true });
    const bytes = await saveToBytes(copy);
    expect(absentFrames(copy)).to.equal(0);
    await copy.close();
    expect(await finish(await Kernel.loadFrom(bytes, { cores: 1 }))).to.equal(native);
  });

  it('are not needed of an image that comes through a pipe with a name', async function () {
    this.timeout(60_000);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const written = new Promise((resolve) => spawn('cp', [path, pipe]).once('close', resolve));
    const copy = await Kernel.loadFrom(pipe, { cores: 1 });
    expect(absentFrames(copy)).to.equal(0);
    expect(await finish(copy)).to.equal(native);
    expect(await written).to.equal(0);
  });

  it('are not needed of a compressed image', async function () {
    this.timeout(60_000);
    const paused = await (await kernel.snapshot()).start({ cores: 1, isPaused: true });
    const bytes = await saveToBytes(paused, true);
    await paused.close();
    const copy = await Kernel.loadFrom(bytes, { cores: 1 });
    expect(absentFrames(copy)).to.equal(0);
    expect(await finish(copy)).to.equal(native);
  });

  for (const [what, spoil] of Object.entries({
    'were changed': () => writeFileSync(path, readFileSync(path).map((byte) => byte ^ 0x10)),
    'were cut off': () => truncateSync(path, 3000),
  })) {
    it(`that ${what} end the program, and are no image`, async function () {
      this.timeout(60_000);
      const reports: string[] = [];
      const copy = await load({ isPaused: true, onReport: (message) => reports.push(message) });
      spoil();
      const problem = await saveToBytes(copy).catch((error: unknown) => error);
      expect(problem).to.be.instanceOf(ImageError).and.include({ problem: 'damaged', where: 'memory' });
      expect(reports).to.deep.equal(['pages of the image that this machine came from cannot be read any more, or have changed: programs that use them get SIGBUS']);
      copy.unpause();
      // SIGSEGV where the kernel needed the page (rseq(2), a signal frame).
      expect(await finish(copy)).to.be.oneOf([SIGBUS, SIGSEGV].map((signo) => `exit 0 signal ${signo}`));
    });
  }
});
