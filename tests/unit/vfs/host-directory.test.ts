/** Host directories: confinement, page cache, write-back. */
import fs from 'node:fs';
import { expect } from 'chai';
import { Errno, O_CREAT, O_RDONLY, O_RDWR, PAGE_SIZE, type FramePool } from '@troupe/abi';
import {
  Follow, HostFileSystem, HostPageCache, Vfs, makeSymlink, openPath, renamePath, type FileDescription, type Mappable, type PathNode, type VfsContext,
} from '@troupe/vfs';
import { contextOf, newPool, realtimeNs, temporaryDirectory } from '../../support/vfs/fixture.js';

describe('host directory', () => {
  let outside: ReturnType<typeof temporaryDirectory>;
  let inside: string;
  let pool: FramePool;
  let vfs: Vfs;
  let ctx: VfsContext;

  beforeEach(() => {
    outside = temporaryDirectory();
    inside = `${outside.path}/inside`;
    fs.mkdirSync(`${inside}/d`, { recursive: true });
    fs.writeFileSync(`${outside.path}/secret`, 'secret');
    fs.writeFileSync(`${inside}/file`, 'contents');
    pool = newPool();
    vfs = new Vfs({ pool, realtimeNs }, new HostFileSystem({ path: inside, writable: true, pool }));
    ctx = contextOf(vfs);
  });

  afterEach(() => {
    vfs.close();
    outside.remove();
  });

  const open = (path: string, flags = O_RDWR): FileDescription | number => openPath(vfs, ctx, vfs.root, path, flags, 0o644);
  const opened = (path: string, flags = O_RDWR): FileDescription => (open(path, flags) as FileDescription).incRef();
  const contents = (path: string): string | number => {
    const file = open(path, O_RDONLY);
    if (typeof file === 'number') return file;
    const dst = new Uint8Array(100);
    const count = file.incRef().read(dst, 0, ctx);
    file.decRef();
    return Buffer.from(dst.subarray(0, count)).toString();
  };

  it('resolves links of the host inside the root', () => {
    fs.symlinkSync(`${outside.path}/secret`, `${inside}/absolute`);
    fs.symlinkSync('../secret', `${inside}/relative`);
    fs.symlinkSync('..', `${inside}/up`);
    fs.symlinkSync('/file', `${inside}/own`);
    expect(contents('/absolute')).to.equal(-Errno.ENOENT);
    expect(contents('/relative')).to.equal(-Errno.ENOENT);
    expect(contents('/up/secret')).to.equal(-Errno.ENOENT);
    expect(contents('/../secret')).to.equal(-Errno.ENOENT);
    expect(contents('/own')).to.equal('contents');
  });

  it('stays inside when the host replaces a directory that is open', () => {
    fs.writeFileSync(`${inside}/d/secret`, 'inner');
    const directory = vfs.lookup(ctx, vfs.root, '/d', Follow.YES) as PathNode;
    expect(contents('/d/secret')).to.equal('inner');
    fs.renameSync(`${inside}/d`, `${inside}/moved`);
    fs.symlinkSync(outside.path, `${inside}/d`);
    const file = openPath(vfs, ctx, directory, 'secret', O_RDONLY, 0);
    if (typeof file !== 'number') {
      const dst = new Uint8Array(10);
      expect(Buffer.from(dst.subarray(0, file.incRef().read(dst, 0, ctx))).toString()).to.equal('inner');
      file.decRef();
    }
    expect(contents('/d/secret')).to.equal(-Errno.ENOENT);
  });

  it('stays inside when a guest swaps directories through a second mount', () => {
    const other = new Vfs({ pool, realtimeNs }, new HostFileSystem({ path: inside, writable: true, pool }));
    const otherCtx = contextOf(other);
    const directory = vfs.lookup(ctx, vfs.root, '/d', Follow.YES) as PathNode;
    expect(renamePath(otherCtx, other.root, '/d', other.root, '/away', 0)).to.equal(0);
    expect(makeSymlink(otherCtx, other.root, '/d', outside.path)).to.equal(0);
    expect(openPath(vfs, ctx, directory, 'secret', O_RDONLY, 0)).to.equal(-Errno.ENOENT);
    other.close();
  });

  it('shows host changes at once in writable directories', () => {
    expect(contents('/new')).to.equal(-Errno.ENOENT);
    fs.writeFileSync(`${inside}/new`, 'later');
    expect(contents('/new')).to.equal('later');
    fs.rmSync(`${inside}/new`);
    expect(contents('/new')).to.equal(-Errno.ENOENT);
  });

  it('reads what a mapping wrote, and writes it back at close', () => {
    const file = opened('/file');
    const pages = file.mapping(true) as Mappable;
    const frame = pages.getPage(0, true);
    pool.shared.u8.set(Buffer.from('MAPPED'), frame);
    expect(contents('/file')).to.equal('MAPPEDts');
    file.write(Buffer.from('w'), 0, ctx);
    expect(pool.shared.u8[frame]).to.equal('w'.charCodeAt(0));
    expect(file.sync()).to.equal(0);
    expect(fs.readFileSync(`${inside}/file`, 'utf8')).to.equal('wAPPEDts');
    file.decRef();
    expect(fs.readFileSync(`${inside}/file`, 'utf8')).to.equal('wAPPEDts');
  });

  it('drops cached pages when the host changed the file', () => {
    const first = opened('/file', O_RDONLY);
    const pages = first.mapping(false) as Mappable;
    const frame = pages.getPage(0, false);
    expect(pages.peekPage(0)).to.equal(frame);
    first.decRef();
    fs.writeFileSync(`${inside}/file`, 'changed by the host');
    const dropped: number[] = [];
    pages.mappers.add({ unmapPages: (_file, from) => dropped.push(from) });
    const second = opened('/file', O_RDONLY);
    expect(dropped).to.deep.equal([0]);
    const again = (second.mapping(false) as Mappable).getPage(0, false);
    expect(Buffer.from(pool.shared.u8.slice(again, again + 7)).toString()).to.equal('changed');
    second.decRef();
  });

  it('fills the last page with zeros and ends the file there', () => {
    const file = opened('/file', O_RDONLY);
    const pages = file.mapping(false) as Mappable;
    const frame = pages.getPage(0, false);
    expect(pool.shared.u8[frame + 8]).to.equal(0);
    expect(pages.getPage(1, false)).to.equal(-Errno.ENXIO);
    file.decRef();
  });

  it('reads the pages around the wanted one, and growing runs ahead', () => {
    fs.writeFileSync(`${inside}/big`, Buffer.alloc(256 * PAGE_SIZE, 7));
    const file = opened('/big', O_RDONLY);
    const pages = file.mapping(false) as Mappable;
    pages.getPage(40, false);
    expect([31, 32, 63, 64].map((index) => pages.peekPage(index) !== 0)).to.deep.equal([false, true, true, false]);
    pages.getPage(64, false);
    expect([127, 128].map((index) => pages.peekPage(index) !== 0)).to.deep.equal([true, false]);
    file.decRef();
  });

  it('evicts other files first, and never what was just handed out', () => {
    const cache = new HostPageCache(pool, 40);
    const small = new Vfs({ pool, realtimeNs }, new HostFileSystem({ path: inside, writable: false, pool, pageCache: cache }));
    const at = contextOf(small);
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
      fs.writeFileSync(`${inside}/${name}`, Buffer.alloc(16 * PAGE_SIZE, name));
      const file = (openPath(small, at, small.root, `/${name}`, O_RDONLY, 0) as FileDescription).incRef();
      const frame = (file.mapping(false) as Mappable).getPage(0, false);
      expect(Buffer.from(pool.shared.u8.slice(frame, frame + 3)).toString()).to.equal(name.slice(0, 3));
      file.decRef();
    }
    expect(cache.pages).to.be.at.most(80);
    small.close();
  });

  it('keeps names that are not UTF-8', () => {
    const name = 'caf\xe9';
    const file = opened(`/${name}`, O_RDWR | O_CREAT);
    file.decRef();
    const onHost = fs.readdirSync(inside, 'buffer').map((entry) => entry.toString('latin1'));
    expect(onHost).to.include(name);
    const listed = vfs.root.inode.entries(ctx);
    expect(typeof listed === 'number' ? [] : listed.map((entry) => entry.name)).to.include(name);
  });

  it('refuses changes in read-only directories', () => {
    const readOnly = new Vfs({ pool, realtimeNs }, new HostFileSystem({ path: inside, writable: false, pool }));
    const at = contextOf(readOnly);
    expect(openPath(readOnly, at, readOnly.root, '/file', O_RDWR, 0)).to.equal(-Errno.EROFS);
    expect(openPath(readOnly, at, readOnly.root, '/new', O_RDWR | O_CREAT, 0o644)).to.equal(-Errno.EROFS);
    readOnly.close();
  });
});
