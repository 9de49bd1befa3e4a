// The command as a whole: statuses, streams, traces.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { TROUPE } from '../../support/paths.js';
import { run, troupe } from '../../support/run.js';

describe('the troupe command', function () {
  this.timeout(120_000);

  it('exit statuses: the guest\'s, 128 + signal, 125 for its own errors', async () => {
    expect((await troupe(['/bin/sh', '-c', 'exit 42'])).status).to.equal(42);
    expect((await troupe(['/bin/sh', '-c', 'kill -TERM $$'])).status).to.equal(143);
    expect((await troupe(['/bin/true'], { flags: ['--memory', 'lots'] })).status).to.equal(125);
    expect((await run(process.execPath, [TROUPE, 'run', '--', '/bin/true'])).status).to.equal(125);
    expect((await troupe(['/bin/true'], { flags: ['--engine', 'unicorn'] })).status).to.equal(125);
    const noVolume = await troupe(['/bin/true'], { flags: ['--volume', '/nope:/v'] });
    expect([noVolume.status, noVolume.stderr]).to.deep.equal([125, 'troupe: /nope: not a directory\n']);
  });

  it('passes standard input and 5 MB of output through', async () => {
    const input = Buffer.alloc(1_000_000, 'troupe\n');
    const ours = await troupe(['/bin/sh', '-c', 'cat > /tmp/in; for i in 1 2 3 4 5; do cat /tmp/in; done'], { input, cores: 2 });
    expect(ours.stdout.length).to.equal(5_000_000);
    const hash = createHash('sha256').update(ours.stdout, 'latin1').digest('hex');
    expect(hash).to.equal(createHash('sha256').update(Buffer.concat(Array.from({ length: 5 }, () => input))).digest('hex'));
  });

  it('leaves standard input that the program does not read to others', async () => {
    const script = '{ "$0" "$1" do --cores 1 -- /bin/echo one; "$0" "$1" do --cores 1 -- /bin/cat; } < "$2"';
    const { stdout } = await run('/bin/sh', ['-c', script, process.execPath, TROUPE, TROUPE]);
    expect(stdout).to.equal(`one\n${readFileSync(TROUPE, 'latin1')}`);
  });

  it('--deny makes calls fail', async () => {
    const denied = await troupe(['/bin/sh', '-c', 'mkdir /tmp/x; rmdir /tmp/y; echo $?'], { flags: ['--deny', 'mkdir=EROFS,rmdir'] });
    expect(denied.stderr).to.match(/Read-only file system/).and.match(/Operation not permitted/);
    expect(denied.stdout).to.equal('1\n');
    const unknown = await troupe(['/bin/true'], { flags: ['--deny', 'opneat'] });
    expect(unknown.stderr).to.equal("troupe: --deny: 'opneat' is neither a system call nor a %group\n");
    expect(unknown.status).to.equal(125);
  });

  it('--strace filters, -c counts, --stat prints counters', async () => {
    const traced = await troupe(['/bin/cat', '/etc/hostname'], { flags: ['--strace=openat'] });
    expect(traced.stderr).to.match(/^openat\(AT_FDCWD, "\/etc\/hostname", O_RDONLY\) = 3$/m);
    expect(traced.stderr).not.to.match(/^(read|close|mmap|rseq)\(/m);
    expect((await troupe(['/bin/true'], { flags: ['--strace=nonsense'] })).status).to.equal(125);
    expect((await troupe(['/bin/true'], { flags: ['-c'] })).stderr).to.match(/^% time +seconds +usecs\/call +calls +errors syscall$/m);
    expect((await troupe(['/bin/true'], { flags: ['--stat'] })).stderr).to.match(/^ +[1-9]\d* {2}instructions$/m);
  });
});
