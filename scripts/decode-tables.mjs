// The decoder's tables, computed from the rows at build time and put into the worker's bundle as data.
// Building them from the rows costs a starting core about 80 ms; reading them back a tenth of that.
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dist = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), 'packages/cpu-worker/dist');
const load = (path) => import(pathToFileURL(join(dist, path)).href);
/** Fields of rows and operands that only the build, the tests and the docs need. */
const UNUSED = new Set(['cite', 'feature', 'untestable', 'toleranceUlp', 'enc', 'ops', 'sem']);
/** Functions and defaults take no room. */
const slim = (key, value) => (typeof value === 'function' || UNUSED.has(key) ? undefined : value);

async function tables() {
  const { ISA } = await load('isa/table.js');
  const forms = await load('interp/forms.js');
  const { parseEncoding } = await load('decode/encoding.js');
  const formNumber = new Map(forms.FORMS.map((form, index) => [form, index]));
  const encodings = ISA.map((row, index) => parseEncoding(row, index));
  return {
    rows: ISA,
    operands: encodings.map(({ operands }) => operands),
    encodings: encodings.map((encoding) => ({ ...encoding, row: undefined, operands: undefined })),
    forms: forms.FORMS.map(({ rowNumber, mem, locked, handlers }) => ({ rowNumber, mem, locked, handlers })),
    handlers: forms.HANDLERS.map((handler) => (handler ? { ...handler, form: formNumber.get(handler.form) } : null)),
    flagless: [...forms.FLAGLESS],
    fused: [...forms.FUSED],
    fusedFlagless: [...forms.FUSED_FLAGLESS],
    hotCount: forms.HOT_COUNT,
    special: forms.Special,
    runExport: forms.RUN_EXPORT,
    mainExport: forms.MAIN_EXPORT,
    mainSlot: forms.MAIN_SLOT,
  };
}

const MODULE = (json) => `
const data = JSON.parse(${JSON.stringify(json)});
export const ISA = data.rows;
export const FORMS = data.forms.map((form) => ({ ...form, row: ISA[form.rowNumber], operands: data.operands[form.rowNumber] }));
export const HANDLERS = data.handlers.map((handler) => handler ? { ...handler, form: FORMS[handler.form] } : undefined);
export const FLAGLESS = new Map(data.flagless);
export const FUSED = new Map(data.fused);
export const FUSED_FLAGLESS = new Map(data.fusedFlagless);
export const HOT_COUNT = data.hotCount;
export const Special = data.special;
export const RUN_EXPORT = data.runExport;
export const MAIN_EXPORT = data.mainExport;
export const MAIN_SLOT = data.mainSlot;
export function formKey(rowNumber, mem, locked) { return rowNumber * 4 + (mem ? 2 : 0) + (locked ? 1 : 0); }
export const FORM_BY_KEY = new Map(FORMS.map((form) => [formKey(form.rowNumber, form.mem, form.locked), form]));
export function parseEncoding(row, index) { return { ...data.encodings[index], row, operands: data.operands[index] }; }
`;

/** esbuild plugin: replaces the modules that compute the tables. */
export const decodeTables = {
  name: 'decode-tables',
  setup(build) {
    build.onResolve({ filter: /^troupe:decode-tables$/ }, () => ({ path: 'decode-tables', namespace: 'troupe' }));
    build.onLoad({ filter: /.*/, namespace: 'troupe' }, async () => ({ contents: MODULE(JSON.stringify(await tables(), slim)), loader: 'js' }));
    build.onLoad({ filter: /cpu-worker\/dist\/(isa\/table|interp\/forms)\.js$/ }, () => ({ contents: "export * from 'troupe:decode-tables';", loader: 'js' }));
    build.onLoad({ filter: /cpu-worker\/dist\/decode\/encoding\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: `${source.replace('export function parseEncoding', 'function parse')}\nexport { parseEncoding } from 'troupe:decode-tables';`, loader: 'js' };
    });
  },
};
