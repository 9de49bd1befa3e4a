// What runs a program: the host CPU, qemu-user, runsc, Troupe with one of its engines.
// A task is { argv, launcher?, debian?, cores?, env? }: `debian` runs it in the Debian root with the work folder as /tmp,
// `launcher` is a program that starts argv (under qemu it stays native: qemu's execve leaves the emulator).
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { work } from './inputs.mjs';
import { debianRoot, troupe } from './paths.mjs';

const ENV = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/tmp', LC_ALL: 'C', TZ: 'UTC', GOMAXPROCS: '1' };
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** In a mount namespace, and a user namespace where we are not root. */
function inDebianRoot(argv) {
  const user = process.getuid?.() === 0 ? [] : ['-U', '-r'];
  const mounts = [['--rbind /dev', 'dev'], ['--rbind /proc', 'proc'], [`--bind ${quote(work)}`, 'tmp']];
  const script = [...mounts.map(([what, where]) => `mount ${what} ${quote(`${debianRoot}/${where}`)}`), `exec chroot ${quote(debianRoot)} ${argv.map(quote).join(' ')}`].join(' && ');
  return ['unshare', ...user, '-m', 'sh', '-c', script];
}

const onHost = (task, argv) => (task.debian ? inDebianRoot(argv) : argv);

const native = { name: 'native', command: (task) => onHost(task, [...(task.launcher ?? []), ...task.argv]) };

const qemu = (path) => ({
  name: 'qemu',
  command: (task) => onHost(task, [...(task.launcher ?? []), task.debian ? '/tmp/qemu' : path, ...(task.qemuArgv ?? task.argv)]),
});

const runsc = (path) => ({
  name: 'runsc',
  command: (task) => [path, '--rootless', '--network=none', '--ignore-cgroups', '--platform=ptrace', 'do', ...task.argv],
});

/** `flags`: options before `--`; `cores` overrides the task's; `more`: what is special about the engine. */
const troupeEngine = (name, node, flags, cores, more = {}) => ({
  name, env: { TROUPE_CODE_CACHE: 'off' }, ...more,
  command: (task) => {
    const where = task.debian ? ['run', '--rootfs', debianRoot, '--volume', `${work}:/tmp`] : ['do'];
    const env = Object.entries(ENV).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    return [node, troupe, ...where, ...flags, '--cores', String(cores ?? task.cores ?? 1), ...env, '--', ...(task.launcher ?? []), ...task.argv];
  },
});

/** jit: translations of earlier runs are there; first: they are not. */
export const ENGINE_NAMES = ['native', 'qemu', 'jit', 'first', 'interp'];
const KEPT = join(work, '../code');
/** Until little is translated anew. */
const KEEPING_RUNS = 3;

export function cpuEngines(names, { node, qemuPath }) {
  const make = {
    native: () => native,
    qemu: () => (qemuPath ? qemu(qemuPath) : undefined),
    jit: () => {
      rmSync(KEPT, { recursive: true, force: true });
      return troupeEngine('jit', node, ['--engine', 'jit'], undefined, { env: { TROUPE_CODE_CACHE: KEPT }, runsBefore: KEEPING_RUNS });
    },
    first: () => troupeEngine('first', node, ['--engine', 'jit']),
    interp: () => troupeEngine('interp', node, ['--engine', 'interp']),
  };
  return names.flatMap((name) => {
    if (!make[name]) throw new Error(`no such engine: ${name} (${ENGINE_NAMES.join(', ')})`);
    return make[name]() ?? [];
  });
}

/** Engines of the kernel benchmark; `engine`: Troupe's, undefined for its default. */
export function kernelEngines({ node, qemuPath, runscPath, engine }) {
  const flags = engine ? ['--engine', engine] : [];
  return [
    native,
    ...(qemuPath ? [qemu(qemuPath)] : []),
    ...(runscPath ? [runsc(runscPath)] : []),
    troupeEngine('troupe-1', node, flags, 1),
    troupeEngine('troupe-2', node, flags, 2),
  ];
}

/** Runs a task once: wall time and what it printed. */
export function runTask(engine, task, timeoutMs = 600_000) {
  const [command, ...args] = engine.command(task);
  const startMs = performance.now();
  const result = spawnSync(command, args, { encoding: 'latin1', env: { ...ENV, ...engine.env }, timeout: timeoutMs, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  const wallSeconds = (performance.now() - startMs) / 1000;
  return { status: result.status ?? 128, stdout: result.stdout ?? '', stderr: result.stderr ?? '', wallSeconds };
}
