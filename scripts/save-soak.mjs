// Images at many random moments of real programs: pnpm soak:save [MOMENTS] [SEED]. Each goes on in a kernel with 1 or 2 cores.
// With TROUPE_RESTORE_NODE=path, that Node restores (the images pass through a file).
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const [moments = '200', seed = '1'] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', '--no-config', '--exit', 'tests/dist/save/random-moments.test.js', 'tests/dist/save/damage.test.js'], {
  cwd: root, stdio: 'inherit', env: { ...process.env, SAVE_MOMENTS: moments, SAVE_SEED: seed, DAMAGED_IMAGES: process.env.DAMAGED_IMAGES ?? '10000' },
});
process.exit(status ?? 1);
