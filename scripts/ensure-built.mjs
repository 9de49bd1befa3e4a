// Builds what is missing or older than its sources. Used by `pnpm troupe`, `pnpm demo` and `pnpm test`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function newestMs(dir) {
  let newest = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.name === 'dist' || entry.name === 'node_modules') continue;
    const path = join(dir, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function isStale() {
  const stamp = join(root, 'packages/cpu-worker/dist/.built');
  if (!existsSync(stamp)) return true;
  const builtMs = statSync(stamp).mtimeMs;
  return ['packages', 'tests', 'scripts'].some((dir) => newestMs(join(root, dir)) > builtMs);
}

if (isStale()) {
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], { cwd: root, stdio: 'inherit' });
  if (tsc.status !== 0) process.exit(tsc.status ?? 1);
  const wasm = spawnSync(process.execPath, [join(root, 'scripts/build-wasm.mjs')], { cwd: root, stdio: 'inherit' });
  if (wasm.status !== 0) process.exit(wasm.status ?? 1);
}
