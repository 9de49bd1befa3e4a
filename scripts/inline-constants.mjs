/**
 * esbuild plugin: writes numbers of packages/abi (`TCB.off.rip`, `Errno.EAGAIN`) in the place of their
 * names. V8 does so too, but only in code that has been hot for a while; until then each name is two or
 * three loads on the path of every system call.
 */
import { readFile } from 'node:fs/promises';
import * as abi from '../packages/abi/dist/index.js';

const IMPORTED = /import \{([^}]*)\} from '(?:@troupe\/abi[^']*|\.[^']*)';/g;

const isNumbers = (value) => typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  && Object.values(value).length > 0 && Object.values(value).every((number) => typeof number === 'number');

/** Path of names → object of numbers. */
const tables = new Map();
for (const [name, value] of Object.entries(abi)) {
  if (isNumbers(value)) tables.set(name, value);
  else if (typeof value === 'object' && value !== null && isNumbers(value.off)) tables.set(`${name}.off`, value.off);
}

/** Names a module imports under their own name. */
function importedNames(text) {
  return new Set([...text.matchAll(IMPORTED)].flatMap(([, names]) => names.split(',').map((name) => name.trim())));
}

export function inlineNumbers(text) {
  const imported = importedNames(text);
  const known = [...tables.keys()].filter((path) => imported.has(path.split('.')[0]));
  if (known.length === 0) return text;
  const uses = new RegExp(`(?<![\\w$.'"\`])(${known.map((path) => path.replace('.', '\\.')).join('|')})\\.([A-Za-z_]\\w*)(?!\\w|\\s*(?:\\(|[-+*/|&]?=[^=]))`, 'g');
  return text.replace(uses, (whole, path, key) => {
    const value = tables.get(path)[key];
    return value === undefined ? whole : value < 0 ? `(${value})` : String(value);
  });
}

export const inlineConstants = {
  name: 'inline-constants',
  setup(build) {
    build.onLoad({ filter: /packages\/[^/]+\/dist\/.*\.js$/ }, async ({ path }) => ({ contents: inlineNumbers(await readFile(path, 'utf8')), loader: 'js' }));
  },
};
