// Debian's programs in time that is not the host's: nobody waits, and date arithmetic stays right.
import { expect } from 'chai';
import { hasRootfs, ROOTFS } from '../support/debian.js';
import { ensureRootfs } from '../support/rootfs.js';
import { troupe } from '../support/run.js';

const PYTHON = `import time, datetime, threading, sched
clock, date = time.monotonic(), datetime.datetime.now()
threads = [threading.Thread(target=time.sleep, args=(n * 600,)) for n in range(1, 5)]
for t in threads: t.start()
for t in threads: t.join()
print(round(time.monotonic() - clock, -1), round((datetime.datetime.now() - date).total_seconds(), -1))
s = sched.scheduler(); log = []
for delay in (300, 100, 200): s.enter(delay, 1, log.append, (delay,))
s.run(); print(log)`;

const SCRIPT = `SECONDS=0; start=$(date +%s); sleep 3600; echo $(( ($(date +%s) - start) / 10 )) $(( SECONDS / 10 ))
timeout 100 sleep 1000; echo $?
touch old; sleep 86400; touch new; test new -nt old && find . -name new -newermt "@$((start + 80000))"
(trap 'echo alarm; exit' ALRM; sleep 50 & perl -e 'alarm 3000; sleep 100000'; echo perl $?)
python3 -c '${PYTHON}'
printf 'all: a b\\na:\\n\\t@sleep 500; echo a\\nb:\\n\\t@sleep 250; echo b\\n' > Makefile; make -s -j2`;

const EXPECTED = ['360 360', '124', './new', 'perl 142', '2400.0 2400.0', '[100, 200, 300]', 'b', 'a', ''].join('\n');

describe('virtual time', function () {
  this.timeout(120_000);

  before(function () {
    ensureRootfs();
    if (hasRootfs()) return;
    if (process.env['CI']) throw new Error('the Debian root folder is missing: apt-get and dpkg-deb are needed');
    this.skip();
  });

  for (const cores of [1, 2]) {
    it(`two days of sleep in a few seconds (${cores} core${cores > 1 ? 's' : ''})`, async () => {
      const ours = await troupe(['bash', '-c', SCRIPT], { cores, rootfs: ROOTFS, flags: ['--time', 'virtual', '--env', 'PATH=/usr/bin:/bin', '--workdir', '/tmp'], timeoutMs: 100_000 });
      expect(ours.stderr).to.match(/^(Alarm clock|bash: line \d+: +\d+ Alarm clock.*)?\s*$/);
      expect(ours.stdout).to.equal(EXPECTED);
      expect(ours.status).to.equal(0);
    });
  }

  it('stands still, or passes faster', async () => {
    const frozen = await troupe(['bash', '-c', 'date +%s%N; for i in {1..3000}; do :; done; date +%s%N'], { rootfs: ROOTFS, flags: ['--time', 'frozen', '--env', 'PATH=/usr/bin:/bin'] });
    const [before, after] = frozen.stdout.trim().split('\n');
    expect(after).to.equal(before);
    const fast = await troupe(['bash', '-c', 'a=$(date +%s); sleep 600; echo $(( $(date +%s) - a >= 600 ))'], { rootfs: ROOTFS, flags: ['--time', 'x600', '--env', 'PATH=/usr/bin:/bin'] });
    expect(fast.stdout).to.equal('1\n');
  });

  it('refuses what it does not know', async () => {
    const { stderr, status } = await troupe(['true'], { flags: ['--time', 'slow'] });
    expect(stderr).to.equal("troupe: --time: 'slow' is none of host, virtual, frozen, xN (example: x60)\n");
    expect(status).to.equal(125);
  });
});
