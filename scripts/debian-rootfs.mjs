#!/usr/bin/env node
// Builds a Debian root folder for the tests in .cache/debian/rootfs, without root rights:
// apt resolves and downloads the packages into its own state folder, dpkg-deb unpacks them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PACKAGES = [
  'bash', 'binutils', 'bsdutils', 'busybox-static', 'bzip2', 'coreutils', 'dash', 'diffutils', 'file', 'findutils', 'gawk', 'gcc',
  'git', 'grep', 'gzip', 'jq', 'libc-bin', 'libc6-dev', 'libcap2-bin', 'lua5.4', 'make', 'mawk', 'openssl', 'perl', 'procps', 'python3', 'sed', 'sqlite3',
  'tar', 'util-linux', 'xz-utils',
];

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const base = join(root, '.cache', 'debian');
export const rootfs = join(base, 'rootfs');
const stamp = join(base, 'stamp');
const wanted = createHash('sha256').update(JSON.stringify([PACKAGES, 3])).digest('hex');

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.slice(0, 6).join(' ')} failed: ${result.stderr}`);
  return result.stdout;
}

/** apt with its own state: as if no package were installed. */
function apt(...args) {
  const dirs = ['state/lists/partial', 'cache/archives/partial'].map((dir) => join(base, 'apt', dir));
  for (const dir of dirs) mkdirSync(dir, { recursive: true });
  const status = join(base, 'apt', 'status');
  if (!existsSync(status)) writeFileSync(status, '');
  const settings = { 'Dir::State': join(base, 'apt', 'state'), 'Dir::State::status': status, 'Dir::Cache': join(base, 'apt', 'cache'), 'APT::Sandbox::User': '', 'Debug::NoLocking': '1', 'APT::Install-Recommends': '0', 'APT::Architecture': 'amd64' };
  return run('apt-get', [...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]), '-qq', '-y', ...args]);
}

function unpack(archives) {
  rmSync(rootfs, { recursive: true, force: true });
  for (const dir of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'tmp', 'root', 'proc', 'sys', 'dev', 'var/tmp', 'home']) mkdirSync(join(rootfs, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${dir}`, join(rootfs, dir));
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const tar = run('dpkg-deb', ['--fsys-tarfile', join(archives, file)]);
    run('tar', ['-x', '--keep-directory-symlink', '--no-same-owner', '--exclude=./usr/share/doc', '--exclude=./usr/share/locale', '--exclude=./usr/share/man', '-C', rootfs], { input: tar, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

function finish() {
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n');
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n');
  writeFileSync(join(rootfs, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n');
  writeFileSync(join(rootfs, 'etc/hosts'), '127.0.0.1 localhost\n');
  const awk = join(rootfs, 'usr/bin/awk');
  if (!existsSync(awk)) symlinkSync('mawk', awk);
}

/** Makes the root folder unless it is there already; returns its path, or undefined where apt is missing. */
export function ensureDebianRootfs() {
  if (spawnSync('apt-get', ['--version']).error || spawnSync('dpkg-deb', ['--version']).error) return undefined;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return rootfs;
  mkdirSync(base, { recursive: true });
  apt('update');
  apt('install', '--download-only', ...PACKAGES);
  unpack(join(base, 'apt', 'cache', 'archives'));
  finish();
  writeFileSync(stamp, wanted);
  return rootfs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = ensureDebianRootfs();
  console.log(path ?? 'apt-get or dpkg-deb is missing: no Debian root folder');
}
