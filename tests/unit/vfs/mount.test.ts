/** The mount tree (mount(2), umount(2), pivot_root(2)). */
import { expect } from 'chai';
import { Errno, MS_RDONLY, O_CREAT, O_WRONLY, rootCredentials } from '@troupe/abi';
import { Follow, Tmpfs, makeDirectory, openPath, pathFrom, renamePath, unlinkPath, removeDirectory, type FileDescription, type Mount, type PathNode, type Vfs, type VfsContext } from '@troupe/vfs';
import { contextOf, newVfs, realtimeNs } from '../../support/vfs/fixture.js';

describe('mounts', () => {
  let vfs: Vfs;
  let ctx: VfsContext;

  beforeEach(() => {
    ({ vfs } = newVfs());
    ctx = contextOf(vfs, { creds: rootCredentials() });
    for (const path of ['/a', '/a/sub', '/b']) makeDirectory(ctx, vfs.root, path, 0o755);
  });

  const node = (path: string): PathNode => vfs.lookup(ctx, vfs.root, path, Follow.YES) as PathNode;
  const create = (path: string): FileDescription | number => openPath(vfs, ctx, vfs.root, path, O_CREAT | O_WRONLY, 0o644);
  const tmpfs = (): Tmpfs => new Tmpfs({ pool: vfs.environment.pool, realtimeNs });

  it('binds a directory and makes the copy read-only', () => {
    const bound = vfs.mounts.bind(node('/a'), node('/b'), false) as Mount;
    expect(create('/b/new')).not.to.be.a('number');
    expect(node('/a/new').inode).to.equal(node('/b/new').inode);
    expect(pathFrom(node('/b/sub'), vfs.root).path).to.equal('/b/sub');
    vfs.mounts.remount(bound, MS_RDONLY);
    expect(create('/b/other')).to.equal(-Errno.EROFS);
    expect(unlinkPath(ctx, vfs.root, '/b/new')).to.equal(-Errno.EROFS);
    expect(create('/a/other')).not.to.be.a('number');
    expect(renamePath(ctx, vfs.root, '/a/new', vfs.root, '/b/x', 0)).to.equal(-Errno.EXDEV);
  });

  it('binds recursively', () => {
    vfs.mounts.mount(tmpfs(), node('/a/sub'), 0, 'none');
    create('/a/sub/inner');
    vfs.mounts.bind(node('/a'), node('/b'), true);
    expect(node('/b/sub/inner').inode).to.equal(node('/a/sub/inner').inode);
  });

  it('stacks mounts, and shows what was below after unmounting', () => {
    create('/b/below');
    const mount = vfs.mounts.mount(tmpfs(), node('/b'), 0, 'none');
    expect(vfs.lookup(ctx, vfs.root, '/b/below', Follow.YES)).to.equal(-Errno.ENOENT);
    const second = vfs.mounts.mount(tmpfs(), node('/b'), 0, 'none');
    expect(vfs.mounts.mountAt(node('/b'))).to.equal(second);
    expect(vfs.mounts.unmount(mount, false)).to.equal(-Errno.EBUSY);
    expect(vfs.mounts.unmount(second, false)).to.equal(0);
    expect(vfs.mounts.unmount(mount, false)).to.equal(0);
    expect(node('/b/below')).not.to.be.a('number');
  });

  it('protects mount points from removal and renaming', () => {
    vfs.mounts.mount(tmpfs(), node('/b'), 0, 'none');
    expect(removeDirectory(ctx, vfs.root, '/b')).to.equal(-Errno.EBUSY);
    expect(renamePath(ctx, vfs.root, '/b', vfs.root, '/c', 0)).to.equal(-Errno.EBUSY);
  });

  it('pivots the root', () => {
    vfs.mounts.mount(tmpfs(), node('/a'), 0, 'new');
    makeDirectory(ctx, vfs.root, '/a/old', 0o755);
    expect(vfs.mounts.pivot(node('/a'), node('/b'))).to.equal(-Errno.EBUSY);
    expect(vfs.mounts.pivot(node('/a'), node('/a/old'))).to.equal(0);
    const after = contextOf(vfs, { creds: rootCredentials() });
    expect(vfs.lookup(after, vfs.root, '/old/b', Follow.YES)).not.to.be.a('number');
    expect(vfs.lookup(after, vfs.root, '/b', Follow.YES)).to.equal(-Errno.ENOENT);
  });
});
