#!/usr/bin/env node
// Builds a Debian root folder for the tests in .cache/debian/rootfs, without root rights.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { downloadPackages, hasApt, unpackPackages } from './debian-packages.mjs';

export const PACKAGES = [
  'bash', 'binutils', 'bsdutils', 'bubblewrap', 'busybox-static', 'bzip2', 'coreutils', 'dash', 'diffutils', 'file', 'findutils', 'gawk', 'gcc', 'gdb-minimal',
  'git', 'grep', 'gzip', 'jq', 'libc-bin', 'libc6-dev', 'libcap2-bin', 'lua5.4', 'make', 'mawk', 'openssl', 'perl', 'procps', 'python3', 'python3-seccomp', 'sed', 'sqlite3', 'strace',
  'tar', 'util-linux', 'xz-utils',
];

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const base = join(root, '.cache', 'debian');
export const rootfs = join(base, 'rootfs');
const stamp = join(base, 'stamp');
const wanted = createHash('sha256').update(JSON.stringify([PACKAGES, 3])).digest('hex');

function unpack(archives) {
  rmSync(rootfs, { recursive: true, force: true });
  for (const dir of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'tmp', 'root', 'proc', 'sys', 'dev', 'var/tmp', 'home']) mkdirSync(join(rootfs, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${dir}`, join(rootfs, dir));
  unpackPackages(archives, rootfs);
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
  if (!hasApt()) return undefined;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return rootfs;
  mkdirSync(base, { recursive: true });
  unpack(downloadPackages(join(base, 'apt'), PACKAGES));
  finish();
  writeFileSync(stamp, wanted);
  return rootfs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = ensureDebianRootfs();
  console.log(path ?? 'apt-get or dpkg-deb is missing: no Debian root folder');
}
