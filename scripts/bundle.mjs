// Bundles the command and the worker into one file each, with V8's compiled code beside them: loading
// two hundred modules costs ten times as much as loading the bundle (docs/adr/0005-bundles.md, 0011-start-up.md).
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleText } from '../packages/abi/dist/script-cache.js';
import { formConstants } from './form-constants.mjs';
import { inlineConstants } from './inline-constants.mjs';
import { lazyBuiltins } from './lazy-builtins.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cli = join(root, 'packages/cli/dist');
const worker = join(root, 'packages/cpu-worker/dist');

/** CommonJS, as only scripts can have a code cache. */
const common = {
  bundle: true, platform: 'node', target: 'node20', format: 'cjs', legalComments: 'none', logLevel: 'warning', minifySyntax: true, minifyWhitespace: true,
  external: ['@napi-rs/nice'],
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" }, define: { 'import.meta.url': '__url' }, write: false,
};

async function bundle(entry, { plugins = [], ...options } = {}) {
  const { outputFiles } = await build({ ...common, entryPoints: [entry], plugins: [...plugins, inlineConstants, lazyBuiltins], ...options });
  return outputFiles[0].text;
}

/** Writes `name-HASH.cjs` and a boot.cjs that runs it through its code cache. */
async function writeBundle(dir, name, module, bootEntry) {
  const text = bundleText(module);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  const file = `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.cjs`;
  writeFileSync(join(dir, file), text);
  writeFileSync(join(dir, 'boot.cjs'), await bundle(bootEntry, { define: { ...common.define, BUNDLE_FILE: JSON.stringify(file) } }));
  return join(dir, file);
}

const workerText = await bundle(join(worker, 'worker/main.js'), { plugins: [formConstants] });
const workerFile = await writeBundle(join(worker, 'bundle'), 'worker', workerText, join(worker, 'worker/boot.js'));
// ES modules of rxjs: only what is used is bundled.
const WORKER_FILE = JSON.stringify(relative(join(cli, 'bundle'), join(worker, 'bundle/boot.cjs')));
const commandText = await bundle(join(cli, 'main.js'), { define: { ...common.define, WORKER_FILE }, alias: { rxjs: join(root, 'packages/kernel/node_modules/rxjs/dist/esm/index.js') } });
const commandFile = await writeBundle(join(cli, 'bundle'), 'command', commandText, join(cli, 'boot.js'));
// piscina starts this file as its worker.
writeFileSync(join(cli, 'bundle/package.json'), '{"type":"commonjs"}\n');
writeFileSync(join(cli, 'bundle/worker.js'), await bundle(join(root, 'packages/kernel/node_modules/piscina/dist/worker.js')));
writeFileSync(join(worker, 'bundle/translator.cjs'), await bundle(join(worker, 'jit/make-translator.js')));
const compilerText = await bundle(join(worker, 'jit/compiler-worker.js'));
const compilerFile = await writeBundle(join(worker, 'compiler-bundle'), 'compiler', compilerText, join(worker, 'worker/boot.js'));
spawnSync(process.execPath, [join(root, 'scripts/script-caches.mjs'), commandFile, workerFile, compilerFile], { stdio: ['ignore', 'ignore', 'inherit'] });
spawnSync(process.execPath, [join(root, 'scripts/compiled-modules.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
writeFileSync(join(root, 'packages/cpu-worker/dist/.built'), '');
