#!/usr/bin/env node
// Debian packages that tests and benchmarks use on the host, in .cache/tools/NAME: qemu (benchmarks), runsc (benchmarks),
// unicorn (tests of the unicorn engine), parallel (tests of troupe parallel). Each is fetched when first asked for: node scripts/debian-tools.mjs NAME…
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { downloadArchive, hasApt, unpackPackages } from './debian-packages.mjs';

const tools = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), '.cache', 'tools');

/** Package and file of each tool. qemu-user-static holds qemu-user's programs without libraries they would need. */
const TOOLS = {
  qemu: { package: 'qemu-user-static', file: 'usr/bin/qemu-x86_64-static' },
  runsc: { package: 'runsc', file: 'usr/bin/runsc' },
  parallel: { package: 'parallel', file: 'usr/bin/parallel' },
  unicorn: { package: 'libunicorn2', file: 'usr/lib/x86_64-linux-gnu/libunicorn.so.2' },
};

/** Path of a tool, fetched unless it is there; undefined where apt is missing. */
export function ensureDebianTool(name) {
  const tool = TOOLS[name];
  if (tool === undefined) throw new Error(`no such tool: ${name} (${Object.keys(TOOLS).join(', ')})`);
  const base = join(tools, name);
  const path = join(base, 'root', tool.file);
  if (existsSync(join(base, 'stamp'))) return path;
  if (!hasApt()) return undefined;
  rmSync(base, { recursive: true, force: true });
  mkdirSync(join(base, 'root'), { recursive: true });
  unpackPackages(downloadArchive(join(base, 'apt'), tool.package), join(base, 'root'), [`./${tool.file}*`]);
  rmSync(join(base, 'apt'), { recursive: true });
  if (!existsSync(path)) throw new Error(`package ${tool.package} holds no ${tool.file}`);
  writeFileSync(join(base, 'stamp'), '');
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of process.argv.slice(2)) console.log(ensureDebianTool(name) ?? 'apt-get or dpkg-deb is missing');
}
