// Bundles the command and the worker into one file each: loading two hundred modules costs ten times
// as much as loading the bundle (docs/adr/0005-bundles.md).
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeTables } from './decode-tables.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const common = { bundle: true, platform: 'node', target: 'node20', sourcemap: 'linked', legalComments: 'none', logLevel: 'warning', minifySyntax: true, minifyWhitespace: true };

/** CommonJS dependencies (commander) ask for require. */
const requireBanner = "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

// The worker is CommonJS: piscina loads its file with require first.
await build({
  ...common, format: 'cjs', plugins: [decodeTables],
  entryPoints: [join(root, 'packages/cpu-worker/dist/worker/main.js')], outfile: join(root, 'packages/cpu-worker/dist/worker/bundle.cjs'),
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" }, define: { 'import.meta.url': '__url' },
});
await build({
  ...common, format: 'esm', splitting: true, external: ['piscina'], banner: { js: requireBanner },
  entryPoints: [join(root, 'packages/cli/dist/main.js'), join(root, 'packages/cli/dist/early.js')], outdir: join(root, 'packages/cli/dist/bundle'),
});
writeFileSync(join(root, 'packages/cpu-worker/dist/.built'), '');
