/** Incremental images hold only what differs from the one before, and need all before them. */
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { ImageError, Kernel, type Process, type SaveStatistics } from '@troupe/kernel';
import { Output } from '../support/save.js';

const SHELL = 'x=0; big=$(seq 1 20000); while read -r line; do x=$((x + line)); echo "$x"; [ "$line" = 100 ] && big=; done; echo "${#big}"; exit "$x"';

describe('incremental images', () => {
  let kernel: Kernel;
  let process: Process;
  const images: Buffer[] = [];
  const statistics: SaveStatistics[] = [];

  async function save(): Promise<void> {
    const stream = new PassThrough();
    const parts: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => parts.push(bytes));
    statistics.push(await kernel.saveTo(stream, { incremental: true }));
    stream.end();
    images.push(Buffer.concat(parts));
  }

  async function say(line: string): Promise<void> {
    process.stdin!.write(`${line}\n`);
    await new Promise((resolve) => process.stdout!.once('data', resolve));
  }

  async function goOn(chain: readonly Buffer[], input: string): Promise<string> {
    const copy = await Kernel.loadFrom(chain, { cores: 1 });
    try {
      const [first] = copy.processes;
      const output = new Output();
      output.listen(first!);
      first!.stdin!.end(input);
      const { code } = await first!.wait();
      await output.end();
      return `${output.text}exit ${code}`;
    } finally {
      await copy.close();
    }
  }

  const problem = (chain: readonly Buffer[]): Promise<ImageError> => Kernel.loadFrom(chain, { cores: 1 }).then(() => { throw new Error('was loaded'); }, (error: ImageError) => error);

  before(async function () {
    this.timeout(60_000);
    kernel = await Kernel.create({ cores: 1 });
    process = kernel.createProcess({ argv: ['/bin/bash', '-c', SHELL], env: { PATH: '/usr/bin:/bin' }, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
    kernel.start();
    await say('5');
    await save();
    await say('7');
    await save();
    // Memory goes back, and another part of it is used.
    await say('100');
    await save();
  });

  after(() => kernel.close());

  it('are smaller than the first', () => {
    expect(statistics[1]!.storedPages).to.be.lessThan(statistics[0]!.storedPages / 5);
    expect(images[1]!.length).to.be.lessThan(images[0]!.length / 4);
  });

  it('give the machine of the last one', async function () {
    this.timeout(60_000);
    expect(await goOn(images.slice(0, 1), '1\n')).to.equal('6\n108893\nexit 6');
    expect(await goOn(images.slice(0, 2), '1\n')).to.equal('13\n108893\nexit 13');
    expect(await goOn(images, '1\n')).to.equal('113\n0\nexit 113');
  });

  it('are refused without those before, or in another order', async () => {
    expect(await problem([images[1]!])).to.be.instanceOf(ImageError).and.include({ problem: 'incompatible' });
    expect((await problem([images[0]!, images[2]!])).message).to.match(/^images: is an increment of image [0-9a-f]{32}, which does not come before it$/);
    expect((await problem([images[0]!, images[0]!])).message).to.equal('images: is complete: nothing comes before it');
    expect((await problem([])).message).to.equal('images: no image');
  });
});
