// esbuild plugin: built-in modules that few runs need are loaded when something of them is used.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const LAZY = /^(node:)?(assert|child_process|crypto|fs\/promises|perf_hooks|readline|stream|tty|worker_threads|zlib)$/;

export const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: LAZY }, ({ path, pluginData }) => (pluginData === 'real' ? { path, external: true } : { path: path.replace('node:', ''), namespace: 'lazy-builtin' }));
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => {
      const getters = Object.keys(require(`node:${path}`)).map((name) => `get ${JSON.stringify(name)}() { return load()[${JSON.stringify(name)}]; }`);
      const contents = `const load = () => require('real:${path}');\n(module.exports = (...args) => load()(...args));\nObject.defineProperties(module.exports, Object.getOwnPropertyDescriptors({ ${getters.join(', ')} }));`;
      return { contents, loader: 'js' };
    });
    build.onResolve({ filter: /^real:/ }, ({ path }) => ({ path: path.replace('real:', 'node:'), external: true }));
  },
};
