// Debian's strace and gdb print the same natively and under Troupe, addresses and ids apart.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasRootfs, MACHINES, machineName, nativeScript, ROOTFS, troupeScript } from '../support/debian.js';
import { ROOT } from '../support/paths.js';
import { ensureRootfs } from '../support/rootfs.js';
import type { RunResult } from '../support/run.js';

const DEBUG = join(ROOT, 'tests/real/debug');
const SHELL = ['bash'];

/** Where the program lies in the root folder, natively and under Troupe. */
const GUEST_DIR = '/var/tmp';

function compileTarget(optimisation: string): string {
  const name = `debug-target${optimisation}`;
  copyFileSync(join(DEBUG, 'target.c'), join(ROOTFS, GUEST_DIR, 'target.c'));
  execFileSync('gcc', ['-g', optimisation, '-pthread', `-fdebug-prefix-map=${DEBUG}=${GUEST_DIR}`, '-o', join(ROOTFS, GUEST_DIR, name), join(DEBUG, 'target.c')]);
  return `${GUEST_DIR}/${name}`;
}

const gdbScript = (session: string, program: string): string => `cat > session.gdb <<'END'\n${session}\nEND\ngdb -nx -batch -x session.gdb ${program} 2>&1`;

/** What gdb and the traced program print, and apart from it what the program's grandchild does, which nobody holds up. */
function sessionOf(output: string): { text: string; fromGrandchild: number } {
  const text = withoutIds(output);
  return { text: text.replaceAll(/^executed\n/gm, ''), fromGrandchild: text.split(/^executed$/m).length - 1 };
}

/** Addresses, process ids and the width of columns differ, and how far another thread has come in the C library. */
function withoutIds(text: string): string {
  return text.replace(/(0x[0-9a-f]+ in )?(\?\?|\w+) \(\) +from \/lib\/x86_64-linux-gnu\/libc\.so\.6/g, 'libc').replace(/0x[0-9a-f]+/g, 'ADDR').replace(/(process|LWP|Thread) (ADDR \(LWP )?\d+/g, '$1 ID').replace(/[ \t]+/g, ' ');
}

/** The library search depends on the CPU, the machine's figures on the machine. */
const MACHINE_DEPENDENT = /glibc-hwcaps|\/x86_64-linux-gnu\/(tls|haswell|avx512_1|x86_64)[/"]|^(sysinfo|uname)\(|RLIMIT_NPROC|^brk\(/;

/** One text per traced process, sorted. */
function traces(output: string): string[] {
  const sections = output.split('== trace\n').slice(1);
  return sections.map((section) => section.split('\n').filter((line) => !MACHINE_DEPENDENT.test(line)).map(normalLine).join('\n')).sort();
}

function normalLine(line: string): string {
  return line.replace(/0x[0-9a-f]+|\bNULL\b/g, 'ADDR').replace(/("(\\x[0-9a-f]{2})+")/g, 'RANDOM').replace(/st_size=\d+/g, 'st_size=N')
    .replace(/stx_mask=.*/, 'STATX').replace(/^(mmap\(ADDR, )\d+(, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS)/, '$1SIZE$2')
    .replace(/si_pid=\d+/g, 'si_pid=ID').replace(/si_[us]time=[^,}]+/g, 'TIME').replace(/= \d+$/, '= N').replace(/, \d+\) += /, ', SIZE) = ').replace(/ += /, ' = ');
}

describe('debuggers', function () {
  this.timeout(300_000);

  before(function () {
    ensureRootfs();
    if (hasRootfs()) return;
    if (process.env['CI']) throw new Error('the Debian root folder is missing: apt-get and dpkg-deb are needed');
    console.log('      skipped: debuggers (apt-get or dpkg-deb is missing)');
    this.skip();
  });

  describe('strace', () => {
    const script = `strace -ff -o t bash -c 'ls / | wc -l' </dev/null | cat; echo "status $?"; for f in t.*; do echo '== trace'; cat $f; done`;
    let native: Promise<RunResult> | undefined;
    for (const machine of MACHINES) {
      it(`-f bash -c 'ls | wc -l' (${machineName(machine)})`, async () => {
        const expected = await (native ??= nativeScript(script, SHELL));
        const ours = await troupeScript(script, machine, SHELL);
        expect(ours.stdout.split('== trace')[0]).to.equal(expected.stdout.split('== trace')[0]);
        expect(traces(ours.stdout)).to.have.length(3).and.deep.equal(traces(expected.stdout));
      });
    }

    it('-e inject, and the status of a traced shell that kills itself', async () => {
      const text = `strace -f -qq -o /dev/null -e trace=openat -e inject=openat:error=EACCES:when=3+ cat /etc/passwd 2>&1; echo $?; strace -qq -e trace=kill -e signal=none bash -c 'kill -TERM $$' 2>&1 | sed 's/[0-9][0-9]*/N/g'`;
      const expected = await nativeScript(text, SHELL);
      const ours = await troupeScript(text, { cores: 1 }, SHELL);
      expect(ours.stdout).to.equal(expected.stdout);
    });
  });

  describe('gdb', () => {
    const session = readFileSync(join(DEBUG, 'session.gdb'), 'utf8');
    for (const optimisation of ['-O0', '-O2']) {
      let native: Promise<RunResult> | undefined;
      for (const machine of MACHINES) {
        it(`breakpoints, registers, steps, memory, forks and threads (${optimisation}, ${machineName(machine)})`, async () => {
          const script = gdbScript(session, compileTarget(optimisation));
          const expected = await (native ??= nativeScript(script, SHELL));
          const ours = await troupeScript(script, machine, SHELL);
          expect(sessionOf(ours.stdout)).to.deep.equal(sessionOf(expected.stdout));
        });
      }
    }

    it('watches memory and stops at addresses by debug registers', async () => {
      const script = gdbScript(readFileSync(join(DEBUG, 'watch.gdb'), 'utf8'), compileTarget('-O0'));
      const expected = await nativeScript(script, SHELL);
      for (const machine of MACHINES) expect(sessionOf((await troupeScript(script, machine, SHELL)).stdout), machineName(machine)).to.deep.equal(sessionOf(expected.stdout));
    });

    it('calls functions of the program, changes registers, attaches to a running process', async () => {
      const program = compileTarget('-O0');
      const calls = gdbScript('set confirm off\nbreak half\nrun\nprint depth(2, &table)\nset var $xmm0.v2_double[0] = 5\nset var v = 8\nfinish\nset var counter = 9\ncontinue', program);
      expect((await troupeScript(calls, { cores: 1 }, SHELL)).stdout).to.match(/\$1 = 19[\s\S]*Value returned is \$2 = 4[\s\S]*got 11 4\.00 9 aaaa/);
      const attach = 'sleep 100 & pid=$!; gdb -nx -batch -p $pid -ex "backtrace 1" -ex "print \\$orig_rax" -ex detach 2>&1 | grep -c "^#0.*clock_nanosleep\\|= 230"; kill $pid';
      expect((await troupeScript(attach, { cores: 2 }, SHELL)).stdout).to.equal('2\n');
    });
  });
});
