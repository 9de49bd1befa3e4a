// Policy hooks on real programs: observe, change, answer, deny, and what happens when a hook fails.
import { Kernel, type SyscallCall, type SyscallOutcome } from '@troupe/kernel';
import { ConfigError } from '@troupe/abi';
import { expect } from 'chai';

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
  readonly reports: readonly string[];
}

/** Runs a shell command in a kernel of its own that `prepare` puts hooks into. */
async function runWith(command: string, prepare: (kernel: Kernel) => void): Promise<Ran> {
  const reports: string[] = [];
  await using kernel = await Kernel.create({ cores: 1, memoryBytes: 256 << 20, onReport: (message) => reports.push(message) });
  prepare(kernel);
  const child = kernel.createProcess({ argv: ['/bin/sh', '-c', command], env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const text = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    let all = '';
    for await (const chunk of stream) all += chunk.toString('utf8');
    return all;
  };
  const both = [text(child.stdout!), text(child.stderr!)] as const;
  kernel.start();
  const [stdout, stderr] = await Promise.all(both);
  return { stdout, stderr, code: (await child.wait()).code, reports };
}

describe('Kernel.onSyscall', function () {
  this.timeout(60_000);

  it('observes arguments as the row describes them, and outcomes', async () => {
    const seen: { text: string; flags: string; command: string; outcome: SyscallOutcome }[] = [];
    const programs: unknown[] = [];
    await runWith('cat /etc/hostname-that-is-not', (kernel) => {
      kernel.onSyscall('execve', (call) => void programs.push(call.args));
      kernel.onSyscall('openat', {
        exit: (call, outcome) => void seen.push({ text: String(call.arg('pathname')), flags: call.symbols('flags'), command: call.command, outcome }),
      });
    });
    expect(seen.at(-1)).to.deep.equal({ text: '/etc/hostname-that-is-not', flags: 'O_RDONLY', command: 'cat', outcome: -2 });
    expect(programs).to.have.length(1);
    expect(programs[0]).to.deep.include({ pathname: '/usr/bin/cat', argv: ['cat', '/etc/hostname-that-is-not'] });
    expect((programs[0] as { envp: string[] }).envp).to.include('LC_ALL=C');
  });

  it('changes numbers, text and buffers of a call, and leaves registers alone', async () => {
    const written: string[] = [];
    const ran = await runWith('cat /elsewhere; umask 077; umask', (kernel) => {
      kernel.onSyscall('openat', (call) => {
        if (call.arg('pathname') === '/elsewhere') call.set('pathname', '/etc/passwd');
      });
      kernel.onSyscall('umask', (call) => call.set('mask', 0o022));
      kernel.onSyscall('write', (call) => void written.push(Buffer.from(call.arg('buf') as Uint8Array).toString('utf8')));
    });
    expect(ran.stdout).to.match(/^root:/).and.match(/0022\n$/);
    expect(ran.stdout).to.equal(written.join(''));
  });

  it('answers and denies; the first verdict counts; a removed hook is not asked', async () => {
    let later = 0;
    const ran = await runWith('id -u; cat /etc/passwd', (kernel) => {
      kernel.onSyscall('geteuid', () => ({ result: 4321 }));
      kernel.onSyscall('geteuid', () => void later++);
      kernel.onSyscall('openat', (call) => (call.arg('pathname') === '/etc/passwd' ? { errno: 'EACCES' } : undefined));
      kernel.onSyscall('write', () => ({ errno: 'ENOSPC' }))();
    });
    expect(ran.stdout).to.equal('4321\n');
    expect(ran.stderr).to.match(/\/etc\/passwd: Permission denied/);
    expect(ran.code).to.equal(1);
    expect(later).to.equal(0);
  });

  it('takes groups and all calls; knows their names', async () => {
    const names = new Set<string>();
    const files = new Set<string>();
    await runWith('true', (kernel) => {
      kernel.onSyscall('*', { enter: (call) => void names.add(call.name), exit: () => undefined });
      kernel.onSyscall('%file', (call) => void files.add(call.name));
      expect(() => kernel.onSyscall('opneat', () => undefined)).to.throw(ConfigError, /opneat/);
    });
    expect([...names]).to.include.members(['openat', 'mmap', 'exit_group', 'read']);
    expect([...files]).to.include('openat').and.not.include('mmap');
  });

  it('that throws fails the call with EIO and is reported; so does a promise, a bad errno, a bad argument', async () => {
    const failures: ((call: SyscallCall) => unknown)[] = [
      () => { throw new Error('no good'); },
      async () => Promise.reject(new Error('later')),
      () => ({ errno: 'ENOWAY' }),
      (call) => call.set('nothing', 1),
    ];
    for (const fail of failures) {
      const ran = await runWith('cat /etc/passwd; echo goes on', (kernel) => {
        kernel.onSyscall('openat', (call) => (call.arg('pathname') === '/etc/passwd' ? (fail(call) as undefined) : undefined));
      });
      expect(ran.stderr).to.match(/\/etc\/passwd: Input\/output error/);
      expect(ran.stdout).to.equal('goes on\n');
      expect(ran.reports).to.have.length(1);
      expect(ran.reports[0]).to.match(/^hook of openat failed: /);
    }
  });

  it('that throws after the call fails it as well', async () => {
    const ran = await runWith('cat /etc/passwd', (kernel) => {
      kernel.onSyscall('openat', { exit: (call) => { if (call.arg('pathname') === '/etc/passwd') throw new Error('late'); } });
    });
    expect(ran.stderr).to.match(/Input\/output error/);
    expect(ran.reports[0]).to.match(/late/);
  });

  it('sees a call that waits once, and a restarted one again', async () => {
    let waits = 0;
    const ran = await runWith('sleep 0.3 & wait; echo done', (kernel) => {
      kernel.onSyscall('wait4', () => void waits++);
    });
    expect(ran.stdout).to.equal('done\n');
    expect(waits).to.be.within(1, 4);
  });
});
