/** The Debian root folder, and running a shell script in it natively and under Troupe. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './paths.js';
import { run, troupe, type RunResult } from './run.js';

export const ROOTFS = join(CACHE, 'debian/rootfs');
export const hasRootfs = (): boolean => existsSync(join(CACHE, 'debian/stamp'));

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root', LC_ALL: 'C', TERM: 'dumb', TZ: 'UTC' };

/** The script starts in an empty /tmp/work. */
function wrapped(script: string): string {
  return `umask 022; rm -rf /tmp/work; mkdir -p /tmp/work; cd /tmp/work\n${script}\nstatus=$?; cd /; rm -rf /tmp/work; exit $status`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * In namespaces of its own: mounts, pids, and users where we are not root. The folder becomes the root of its
 * mount namespace (not a chroot, in which no user namespaces can be made).
 */
export function nativeScript(script: string, shell: readonly string[]): Promise<RunResult> {
  const user = process.getuid?.() === 0 ? [] : ['-U', '-r'];
  const root = quote(ROOTFS);
  const steps = [
    `mount --bind ${root} ${root}`, `cd ${root}`, 'mount -t proc proc proc', 'mount --rbind /dev dev', 'mkdir -p mnt', 'pivot_root . mnt', 'cd /', 'busybox umount -l /mnt',
    `exec ${shell.join(' ')} -c ${quote(wrapped(script))}`,
  ];
  return run('unshare', [...user, '-m', '-p', '-f', '--kill-child', 'sh', '-c', steps.join(' && ')], { env: ENV, timeoutMs: 60_000 });
}

export interface ScriptMachine {
  readonly cores: number;
  /** Default: jit. */
  readonly engine?: 'interp' | 'jit';
}

export function troupeScript(script: string, { cores, engine = 'jit' }: ScriptMachine, shell: readonly string[], timeoutMs = 300_000): Promise<RunResult> {
  const flags = Object.entries(ENV).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  return troupe([...shell, '-c', wrapped(script)], { cores, rootfs: ROOTFS, flags: ['--engine', engine, ...flags], timeoutMs });
}

/** One and two cores, translated code and the interpreter. */
export const MACHINES: readonly Required<ScriptMachine>[] = [
  { cores: 1, engine: 'jit' }, { cores: 2, engine: 'jit' }, { cores: 1, engine: 'interp' }, { cores: 2, engine: 'interp' },
];

export const machineName = ({ cores, engine }: Required<ScriptMachine>): string => `${engine}, ${cores} core${cores > 1 ? 's' : ''}`;
