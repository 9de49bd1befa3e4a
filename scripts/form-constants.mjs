// esbuild plugin for the bundle of a core: what a core needs of the instruction rows is known when the
// bundle is made. Computing it from the rows would cost each starting core 80 ms.
//   interp/forms.js         only its constants: a core decodes by the tables of decoder.wasm
//   jit/make-translator.js  a bundle of its own, loaded when a core translates (eager mode) or is checked
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const forms = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), 'packages/cpu-worker/dist/interp/forms.js');
const CONSTANTS = ['RUN_EXPORT', 'MAIN_EXPORT', 'MAIN_SLOT', 'HOT_COUNT', 'Special'];

export const formConstants = {
  name: 'form-constants',
  setup(build) {
    build.onLoad({ filter: /cpu-worker\/dist\/interp\/forms\.js$/ }, async () => {
      const values = await import(pathToFileURL(forms).href);
      return { contents: CONSTANTS.map((name) => `export const ${name} = ${JSON.stringify(values[name])};`).join('\n'), loader: 'js' };
    });
    build.onLoad({ filter: /cpu-worker\/dist\/jit\/make-translator\.js$/ }, () => ({
      contents: ['makeTranslator', 'makeFacts'].map((name) => `export function ${name}(shared) { return require('./translator.cjs').${name}(shared); }`).join('\n'), loader: 'js',
    }));
    build.onResolve({ filter: /^\.\/translator\.cjs$/ }, ({ path }) => ({ path, external: true }));
  },
};
