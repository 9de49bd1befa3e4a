import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf, hasKept, KeptFiles, keptFolder, type KeptFile } from '@troupe/cpu-worker/jit/kept-files.js';
import { expect } from 'chai';

const PAGE = hashOf(new Uint8Array(4096));
const OTHER = hashOf(new Uint8Array(4096).fill(1));
const FILE: KeptFile<{ name: string }> = { description: { name: 'first' }, wasm: Uint8Array.from([1, 2, 3]), code: Uint8Array.from([4, 5, 6, 7]), bodies: Uint8Array.from([8, 9]) };

describe('files of kept translations', () => {
  let parent: string;
  const open = (translator = 'a'): KeptFiles<{ name: string }> | undefined => KeptFiles.open(parent, translator);
  const only = (name = ''): string => readdirSync(parent).find((tag) => tag.startsWith(name))!;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'troupe-kept-'));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('are found by the pages they have code of, the next time', () => {
    open()!.write(FILE, [PAGE, OTHER]);
    const files = open()!;
    const [id] = files.modulesOf(PAGE);
    expect(files.modulesOf(OTHER)).to.deep.equal([id]);
    expect(files.modulesOf(hashOf(new Uint8Array(4096).fill(2)))).to.deep.equal([]);
    expect(files.read(id!)).to.deep.equal(FILE);
  });

  it('belong to one translator', () => {
    open('a')!.write(FILE, [PAGE]);
    expect(open('b')!.modulesOf(PAGE)).to.deep.equal([]);
    expect(open('a')!.modulesOf(PAGE)).to.have.length(1);
  });

  it('are nothing when they are damaged, cut off or gone', () => {
    open()!.write(FILE, [PAGE]);
    const files = open()!;
    const [id] = files.modulesOf(PAGE);
    const path = join(files.folder, id!);
    const good = readFileSync(path);
    for (let at = 0; at < good.length; at++) {
      writeFileSync(path, good.map((byte, i) => (i === at ? byte ^ 0x20 : byte)));
      expect(files.read(id!), `byte ${at}`).to.equal(undefined);
      writeFileSync(path, good.subarray(0, at));
      expect(files.read(id!), `cut at ${at}`).to.equal(undefined);
    }
    rmSync(path);
    expect(files.read(id!)).to.equal(undefined);
  });

  it('are all dropped when the index is torn', () => {
    open()!.write(FILE, [PAGE]);
    const index = join(parent, only(), 'index');
    writeFileSync(index, readFileSync(index).subarray(1));
    expect(open()!.modulesOf(PAGE)).to.deep.equal([]);
    expect(readdirSync(join(parent, only()))).to.deep.equal([]);
  });

  it('are not used when others may write them', () => {
    open()!.write(FILE, [PAGE]);
    chmodSync(join(parent, only()), 0o777);
    expect(open()).to.equal(undefined);
    chmodSync(join(parent, only()), 0o700);
    chmodSync(parent, 0o777);
    expect(open()).to.equal(undefined);
  });

  it('of old translators go', () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      open(name);
      utimesSync(join(parent, only(name)), 1000 + name.charCodeAt(0), 1000 + name.charCodeAt(0));
    }
    open('e');
    expect(readdirSync(parent).map((name) => name[0]).sort()).to.deep.equal(['b', 'c', 'd', 'e']);
  });

  it('are in the folder of the environment, or nowhere', () => {
    expect(keptFolder({ TROUPE_CODE_CACHE: 'off' })).to.equal(undefined);
    expect(keptFolder({ TROUPE_CODE_CACHE: '/x' })).to.equal('/x');
    expect(keptFolder({ XDG_CACHE_HOME: '/caches' })).to.equal('/caches/troupe/code');
    expect(hasKept(join(parent, 'none'))).to.equal(false);
    expect(hasKept(parent)).to.equal(true);
    rmSync(parent, { recursive: true });
    writeFileSync(parent, '');
    expect(open()).to.equal(undefined);
  });
});
