/** Kernel.create: options that cannot be, and signals. */
import { ConfigError } from '@troupe/abi';
import { ExecError, Kernel, type KernelOptions, type ProcessOptions } from '@troupe/kernel';
import { expect } from 'chai';

async function refusal(options: KernelOptions): Promise<unknown> {
  try {
    await using kernel = await Kernel.create(options);
    return kernel;
  } catch (error) {
    return error;
  }
}

describe('Kernel.create', function () {
  this.timeout(60_000);

  const wrong: Record<string, [KernelOptions, RegExp]> = {
    'a volume that is not there': [{ volumes: [{ hostPath: '/nope', guestPath: '/v', readOnly: true }] }, /^\/nope: not a directory$/],
    'a root that is not there': [{ root: { kind: 'overlay', hostPath: '/nope' } }, /^\/nope: not a directory$/],
    'a root that is no archive': [{ root: { kind: 'tar', hostPath: '/etc/passwd' } }, /^\/etc\/passwd: not a readable tar archive/],
    'no cores': [{ cores: 0 }, /^cores: 0 is not a number from 1 to /],
    'part of a core': [{ cores: 1.5 }, /^cores: 1.5 is not/],
    'too many cores': [{ cores: 1000 }, /^cores: 1000 is not/],
    'hardly any memory': [{ memoryBytes: 4096 }, /^memoryBytes: 4096 is less than /],
  };
  for (const [name, [options, message]] of Object.entries(wrong)) {
    it(`refuses ${name}, and leaves no thread behind`, async () => {
      const error = await refusal(options);
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as Error).message).to.match(message);
    });
  }

  it('refuses a signal that has been aborted', async () => {
    expect(await refusal({ signal: AbortSignal.abort() })).to.have.property('name', 'AbortError');
  });

  it('a later abort kills every process', async () => {
    const controller = new AbortController();
    await using kernel = await Kernel.create({ cores: 1, signal: controller.signal });
    const processes = [1, 2].map(() => kernel.createProcess({ argv: ['/bin/sleep', '100'] }));
    kernel.start();
    controller.abort();
    await kernel.waitExited();
    for (const process of processes) expect((await process.wait()).signo).to.equal(9);
  });

  it('refuses programs with typed errors', async () => {
    await using kernel = await Kernel.create({ cores: 1 });
    const create = (options: ProcessOptions) => (): unknown => kernel.createProcess(options);
    expect(create({ argv: [] })).to.throw(ConfigError, /no program given/);
    expect(create({ argv: ['no-such-program'] })).to.throw(ExecError, /ENOENT/);
    expect(create({ argv: ['/etc'] })).to.throw(ExecError, /EACCES/);
    expect(create({ argv: ['/bin/true'], cwd: '/nope' })).to.throw(ConfigError, /'\/nope': ENOENT/);
  });
});
