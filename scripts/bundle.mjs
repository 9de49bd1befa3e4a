// Bundles the command and the worker into one file each: loading two hundred modules costs ten times
// as much as loading the bundle (docs/adr/0005-bundles.md).
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const common = { bundle: true, platform: 'node', format: 'esm', target: 'node20', sourcemap: 'linked', legalComments: 'none', logLevel: 'warning' };

/** CommonJS dependencies (commander) ask for require. */
const banner = { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" };

await build({ ...common, entryPoints: [join(root, 'packages/cpu-worker/dist/worker/main.js')], outfile: join(root, 'packages/cpu-worker/dist/worker/bundle.mjs') });
await build({ ...common, banner, entryPoints: [join(root, 'packages/cli/dist/main.js')], outfile: join(root, 'packages/cli/dist/bundle.mjs'), external: ['piscina'] });
writeFileSync(join(root, 'packages/cpu-worker/dist/.built'), '');
