import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFully } from '@troupe/cpu-worker/interp/compile-optimised.js';
import { compiledPath, readCompiled, writeCompiled } from '@troupe/cpu-worker/interp/compiled-module.js';
import { expect } from 'chai';
import { cachedDataVersionTag } from 'node:v8';
import { ROOT } from '../../support/paths.js';

/** (func (export "f") (result i32) i32.const 42) */
const MODULE = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 6, 1, 4, 0, 0x41, 42, 0x0b]);
/** V8 14 has no functions for that any more. */
const keepsCode = Number.parseInt(process.versions.v8, 10) < 14;

describe('machine code kept beside a module', () => {
  let folder: string;
  let wasm: URL;

  beforeEach(function () {
    if (!keepsCode) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'troupe-compiled-'));
    wasm = pathToFileURL(join(folder, 'm.wasm'));
    writeFileSync(wasm, MODULE);
    writeCompiled(wasm, compileFully(MODULE));
  });

  afterEach(() => folder && rmSync(folder, { recursive: true, force: true }));

  it('is a module', () => {
    const module = readCompiled(wasm);
    expect((new WebAssembly.Instance(module!).exports['f'] as () => number)()).to.equal(42);
  });

  it('is refused when it is damaged, cut off, or of another module', () => {
    const path = compiledPath(wasm);
    const good = readFileSync(path);
    for (let at = 0; at < good.length; at += 13) {
      writeFileSync(path, good.map((byte, i) => (i === at ? byte ^ 0x20 : byte)));
      expect(readCompiled(wasm), `byte ${at}`).to.equal(undefined);
      writeFileSync(path, good.subarray(0, at));
      expect(readCompiled(wasm), `cut at ${at}`).to.equal(undefined);
    }
    writeFileSync(path, good);
    writeFileSync(wasm, MODULE.map((byte) => (byte === 42 ? 43 : byte)));
    expect(readCompiled(wasm)).to.equal(undefined);
  });

  for (const name of ['decoder', 'interp', 'main', 'runtime']) {
    it(`is there for ${name}.wasm after a build`, () => {
      const built = pathToFileURL(join(ROOT, `packages/cpu-worker/dist/${name}.wasm`));
      expect(existsSync(compiledPath(built))).to.equal(true);
      expect(readCompiled(built)).to.be.instanceOf(WebAssembly.Module);
    });
  }

  it('compiling leaves V8\'s flags as they were', () => {
    const before = cachedDataVersionTag();
    compileFully(MODULE);
    expect(cachedDataVersionTag()).to.equal(before);
  });
});
