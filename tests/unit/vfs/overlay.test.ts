/** Overlay: copy-up, whiteouts, renamed directories; the lower layer never changes. */
import fs from 'node:fs';
import { expect } from 'chai';
import { Errno, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, rootCredentials } from '@troupe/abi';
import {
  Follow, makeDirectory, openPath, removeDirectory, renamePath, setXattr, unlinkPath, type FileDescription, type Mappable, type PathNode, type Vfs, type VfsContext,
} from '@troupe/vfs';
import { contextOf, newVfs, temporaryDirectory } from '../../support/vfs/fixture.js';

describe('overlay', () => {
  let lower: ReturnType<typeof temporaryDirectory>;
  let vfs: Vfs;
  let ctx: VfsContext;

  beforeEach(() => {
    lower = temporaryDirectory();
    fs.mkdirSync(`${lower.path}/d/sub`, { recursive: true });
    fs.writeFileSync(`${lower.path}/d/file`, 'lower');
    fs.linkSync(`${lower.path}/d/file`, `${lower.path}/d/second`);
    ({ vfs } = newVfs({ kind: 'overlay', hostPath: lower.path }));
    ctx = contextOf(vfs, { creds: rootCredentials() });
  });

  afterEach(() => {
    vfs.close();
    expect(fs.readFileSync(`${lower.path}/d/file`, 'utf8')).to.equal('lower');
    expect(fs.readdirSync(lower.path)).to.deep.equal(['d']);
    expect(fs.readdirSync(`${lower.path}/d`).sort()).to.deep.equal(['file', 'second', 'sub']);
    lower.remove();
  });

  const opened = (path: string, flags: number): FileDescription => (openPath(vfs, ctx, vfs.root, path, flags, 0o644) as FileDescription).incRef();
  const node = (path: string): PathNode | number => vfs.lookup(ctx, vfs.root, path, Follow.NO);
  const ino = (path: string): number => (node(path) as PathNode).inode.stat().ino;
  const contents = (file: FileDescription): string => {
    const dst = new Uint8Array(100);
    return Buffer.from(dst.subarray(0, file.read(dst, 0, ctx))).toString();
  };
  const list = (path: string): string => {
    const listed = (node(path) as PathNode).inode.entries(ctx);
    return typeof listed === 'number' ? String(listed) : listed.map(({ name }) => name).sort().join(' ');
  };

  it('copies up at the first write; numbers, links and open files stay', () => {
    const reader = opened('/d/file', O_RDONLY);
    const before = ino('/d/file');
    const writer = opened('/d/file', O_RDWR);
    writer.write(Buffer.from('UPPER'), 0, ctx);
    expect(contents(reader)).to.equal('UPPER');
    expect(ino('/d/file')).to.equal(before);
    expect(contents(opened('/d/second', O_RDONLY))).to.equal('UPPER');
    reader.decRef();
    writer.decRef();
  });

  it('moves mappings to the upper layer', () => {
    const reader = opened('/d/file', O_RDONLY);
    const pages = reader.mapping(false) as Mappable;
    const old = pages.getPage(0, false);
    let unmapped = 0;
    pages.mappers.add({ unmapPages: () => unmapped++ });
    opened('/d/file', O_WRONLY).decRef();
    expect(unmapped).to.equal(1);
    expect(pages.getPage(0, false)).not.to.equal(old);
  });

  it('does not copy what is truncated anyway', () => {
    opened('/d/file', O_WRONLY | O_TRUNC).decRef();
    expect((node('/d/file') as PathNode).inode.sizeBytes).to.equal(0);
  });

  it('hides removed names and makes them again', () => {
    expect(unlinkPath(ctx, vfs.root, '/d/file')).to.equal(0);
    expect(node('/d/file')).to.equal(-Errno.ENOENT);
    expect(list('/d')).to.equal('second sub');
    opened('/d/file', O_WRONLY | O_CREAT).decRef();
    expect(list('/d')).to.equal('file second sub');
    expect((node('/d/file') as PathNode).inode.sizeBytes).to.equal(0);
  });

  it('empties and replaces a lower directory', () => {
    expect(removeDirectory(ctx, vfs.root, '/d')).to.equal(-Errno.ENOTEMPTY);
    for (const name of ['file', 'second']) unlinkPath(ctx, vfs.root, `/d/${name}`);
    removeDirectory(ctx, vfs.root, '/d/sub');
    expect(removeDirectory(ctx, vfs.root, '/d')).to.equal(0);
    expect(makeDirectory(ctx, vfs.root, '/d', 0o755)).to.equal(0);
    expect(list('/d')).to.equal('');
  });

  it('renames directories with everything in them', () => {
    const before = ino('/d/sub');
    expect(renamePath(ctx, vfs.root, '/d', vfs.root, '/e', 0)).to.equal(0);
    expect(node('/d')).to.equal(-Errno.ENOENT);
    expect(list('/e')).to.equal('file second sub');
    expect(ino('/e/sub')).to.equal(before);
    unlinkPath(ctx, vfs.root, '/e/file');
    expect(list('/e')).to.equal('second sub');
    makeDirectory(ctx, vfs.root, '/d', 0o755);
    expect(list('/d')).to.equal('');
    expect(renamePath(ctx, vfs.root, '/e/sub', vfs.root, '/d/sub', 0)).to.equal(0);
    expect(list('/e')).to.equal('second');
  });

  it('keeps the times of a directory when something in it is copied up', () => {
    const { mtimeNs } = (node('/d') as PathNode).inode.stat();
    setXattr(ctx, node('/d/file') as PathNode, 'user.a', Buffer.from('1'), 0);
    expect((node('/d') as PathNode).inode.stat().mtimeNs).to.equal(mtimeNs);
  });

  it('keeps a removed lower file readable while it is open', () => {
    const file = opened('/d/file', O_RDONLY);
    unlinkPath(ctx, vfs.root, '/d/file');
    expect(contents(file)).to.equal('lower');
    file.decRef();
  });
});
