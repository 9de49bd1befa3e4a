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

/** As `pnpm build`: the command runs from its bundle when there is one, so that must not be older. */
const STEPS = [['node_modules/typescript/bin/tsc', '-b'], ['scripts/build-wasm.mjs'], ['scripts/bundle.mjs']];

if (isStale()) {
  for (const [script, ...args] of STEPS) {
    const { status } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
}
