/** Path resolution (path_resolution(7), openat2(2)). */
import { expect } from 'chai';
import {
  Errno, MS_NOSYMFOLLOW, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR, O_TMPFILE, O_WRONLY, RESOLVE_BENEATH, RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, S_IFSOCK, rootCredentials, userCredentials,
} from '@troupe/abi';
import {
  Follow, SyntheticFileSystem, Tmpfs, changeMode, displayPath, fixedDirectory, linkNode, makeDirectory, makeNode, makeSymlink, mountAtPath, openPath, pathFrom,
  unlinkPath, type FileDescription, type PathNode, type Vfs, type VfsContext,
} from '@troupe/vfs';
import { contextOf, newVfs, realtimeNs } from '../../support/vfs/fixture.js';

const ALICE = userCredentials(1000, 1000, []);
const BOB = userCredentials(1001, 1001, []);

describe('path walk', () => {
  let vfs: Vfs;
  let ctx: VfsContext;

  beforeEach(() => {
    ({ vfs } = newVfs());
    ctx = contextOf(vfs, { creds: rootCredentials(), umask: 0 });
    makeDirectory(ctx, vfs.root, '/d', 0o755);
    makeDirectory(ctx, vfs.root, '/d/e', 0o755);
    (openPath(vfs, ctx, vfs.root, '/d/f', O_CREAT | O_WRONLY, 0o644) as FileDescription).incRef().decRef();
  });

  const node = (path: string): PathNode => vfs.lookup(ctx, vfs.root, path, Follow.NO) as PathNode;
  const lookup = (path: string, resolve = 0, start = vfs.root): string | number => {
    const found = vfs.lookup(ctx, start, path, Follow.YES, resolve);
    return typeof found === 'number' ? found : pathFrom(found, vfs.root).path;
  };

  it('follows at most 40 symbolic links', () => {
    makeSymlink(ctx, vfs.root, '/l0', 'd');
    for (let i = 1; i <= 45; i++) makeSymlink(ctx, vfs.root, `/l${i}`, `l${i - 1}`);
    expect(lookup('/l39')).to.equal('/d');
    expect(lookup('/l40')).to.equal(-Errno.ELOOP);
    makeSymlink(ctx, vfs.root, '/loop', 'loop');
    expect(lookup('/loop')).to.equal(-Errno.ELOOP);
    expect(lookup('/loop/x')).to.equal(-Errno.ELOOP);
  });

  it('keeps ".." inside the root', () => {
    expect(lookup('/../../d/../d/e/..')).to.equal('/d');
    const jailed = { ...ctx, root: node('/d'), cwd: node('/d') };
    const found = vfs.lookup(jailed, jailed.cwd, '../../e', Follow.YES) as PathNode;
    expect(found.inode).to.equal(node('/d/e').inode);
  });

  it('wants a directory before a slash', () => {
    expect(lookup('/d/f/')).to.equal(-Errno.ENOTDIR);
    expect(lookup('/d/f/x')).to.equal(-Errno.ENOTDIR);
    expect(lookup('/d/f/..')).to.equal(-Errno.ENOTDIR);
    expect(lookup('')).to.equal(-Errno.ENOENT);
    expect(lookup(`/${'n'.repeat(256)}`)).to.equal(-Errno.ENAMETOOLONG);
    expect(lookup('/d/'.repeat(2000))).to.equal(-Errno.ENAMETOOLONG);
  });

  it('obeys the RESOLVE_ rules of openat2', () => {
    makeSymlink(ctx, vfs.root, '/d/abs', '/d/e');
    makeSymlink(ctx, vfs.root, '/d/up', '../d/e');
    makeSymlink(ctx, vfs.root, '/d/in', 'e');
    const d = node('/d');
    expect(lookup('in', RESOLVE_NO_SYMLINKS, d)).to.equal(-Errno.ELOOP);
    expect(lookup('in', RESOLVE_BENEATH, d)).to.equal('/d/e');
    expect(lookup('abs', RESOLVE_BENEATH, d)).to.equal(-Errno.EXDEV);
    expect(lookup('up', RESOLVE_BENEATH, d)).to.equal(-Errno.EXDEV);
    expect(lookup('/d', RESOLVE_BENEATH, d)).to.equal(-Errno.EXDEV);
    expect(lookup('/e', RESOLVE_IN_ROOT, d)).to.equal('/d/e');
    expect(lookup('../../e', RESOLVE_IN_ROOT, d)).to.equal('/d/e');
    expect(lookup('abs', RESOLVE_IN_ROOT, d)).to.equal(-Errno.ENOENT);
  });

  it('crosses mounts both ways, unless told not to', () => {
    const fs = new Tmpfs({ pool: vfs.environment.pool, realtimeNs });
    mountAtPath(vfs, '/d/e', fs, 0, 'none');
    makeDirectory(ctx, vfs.root, '/d/e/inner', 0o755);
    expect(node('/d/e/inner').inode.fs).to.equal(fs);
    expect(lookup('/d/e/inner/../../f')).to.equal('/d/f');
    expect(lookup('/d/e', RESOLVE_NO_XDEV)).to.equal(-Errno.EXDEV);
    expect(lookup('..', RESOLVE_NO_XDEV, node('/d/e'))).to.equal(-Errno.EXDEV);
  });

  it('jumps through magic links', () => {
    const target = node('/d/e');
    const link = { kind: 'link', mode: 0o777, target: () => 'nowhere', jump: () => target } as const;
    const fs = new SyntheticFileSystem({ type: 'proc', magic: 0, fileBytes: 0, realtimeNs, root: fixedDirectory({ link }) });
    makeDirectory(ctx, vfs.root, '/proc', 0o755);
    mountAtPath(vfs, '/proc', fs, 0, 'proc');
    expect(lookup('/proc/link')).to.equal('/d/e');
    expect(lookup('/proc/link/..')).to.equal('/d');
    expect(lookup('/proc/link', RESOLVE_NO_MAGICLINKS)).to.equal(-Errno.ELOOP);
    expect((openPath(vfs, ctx, vfs.root, '/proc/link', O_CREAT | O_RDONLY, 0o644))).to.equal(-Errno.EISDIR);
  });

  it('does not follow links on a nosymfollow mount', () => {
    makeSymlink(ctx, vfs.root, '/l', 'd');
    vfs.mounts.remount(vfs.mounts.root, MS_NOSYMFOLLOW);
    expect(lookup('/l')).to.equal(-Errno.ELOOP);
  });

  it('checks search, read and write permission', () => {
    changeMode(ctx, node('/d'), 0o700);
    const alice = { ...ctx, creds: ALICE };
    expect(vfs.lookup(alice, vfs.root, '/d/f', Follow.YES)).to.equal(-Errno.EACCES);
    changeMode(ctx, node('/d'), 0o711);
    expect(openPath(vfs, alice, vfs.root, '/d/f', O_RDONLY, 0)).not.to.be.a('number');
    expect(openPath(vfs, alice, vfs.root, '/d/f', O_RDWR, 0)).to.equal(-Errno.EACCES);
    expect(openPath(vfs, alice, vfs.root, '/d', O_RDONLY | O_DIRECTORY, 0)).to.equal(-Errno.EACCES);
    expect(openPath(vfs, alice, vfs.root, '/d/new', O_CREAT | O_WRONLY, 0o644)).to.equal(-Errno.EACCES);
    expect(unlinkPath(alice, vfs.root, '/d/f')).to.equal(-Errno.EACCES);
  });

  it('lets only the owner remove from a sticky directory', () => {
    makeDirectory(ctx, vfs.root, '/t', 0o1777);
    changeMode(ctx, node('/t'), 0o1777);
    const alice = { ...ctx, creds: ALICE };
    (openPath(vfs, alice, vfs.root, '/t/hers', O_CREAT | O_WRONLY, 0o666) as FileDescription).incRef().decRef();
    expect(unlinkPath({ ...ctx, creds: BOB }, vfs.root, '/t/hers')).to.equal(-Errno.EPERM);
    expect(unlinkPath(alice, vfs.root, '/t/hers')).to.equal(0);
  });

  it('passes the group of a set-gid directory on', () => {
    makeDirectory(ctx, vfs.root, '/g', 0o777);
    node('/g').inode.setAttr({ gid: 77, mode: 0o2777 }, ctx);
    makeDirectory({ ...ctx, creds: ALICE }, vfs.root, '/g/sub', 0o755);
    expect(node('/g/sub').inode.gid).to.equal(77);
    expect(node('/g/sub').inode.mode & 0o2000).to.equal(0o2000);
  });

  it('opens with O_PATH, O_NOFOLLOW and O_TMPFILE', () => {
    makeSymlink(ctx, vfs.root, '/l', 'd/f');
    expect(openPath(vfs, ctx, vfs.root, '/l', O_NOFOLLOW, 0)).to.equal(-Errno.ELOOP);
    const link = openPath(vfs, ctx, vfs.root, '/l', O_PATH | O_NOFOLLOW, 0) as FileDescription;
    expect(link.inode.isSymlink).to.equal(true);
    expect(link.read(new Uint8Array(1), -1, ctx)).to.equal(-Errno.EBADF);
    expect(openPath(vfs, ctx, vfs.root, '/d', O_TMPFILE, 0o600)).to.equal(-Errno.EINVAL);
    const unnamed = (openPath(vfs, ctx, vfs.root, '/d', O_TMPFILE | O_RDWR, 0o600) as FileDescription).incRef();
    expect(unnamed.inode.stat().nlink).to.equal(0);
    expect(displayPath(unnamed.node, vfs.root)).to.match(/^\/d\/#\d+ \(deleted\)$/);
    expect(linkNode(ctx, unnamed.node, vfs.root, '/d/named')).to.equal(0);
    expect(node('/d/named').inode).to.equal(unnamed.inode);
  });

  it('creates through a dangling link, but not with O_EXCL', () => {
    makeSymlink(ctx, vfs.root, '/dangling', 'd/made');
    expect(openPath(vfs, ctx, vfs.root, '/dangling', O_CREAT | O_EXCL | O_WRONLY, 0o644)).to.equal(-Errno.EEXIST);
    expect(openPath(vfs, ctx, vfs.root, '/dangling', O_CREAT | O_WRONLY, 0o644)).not.to.be.a('number');
    expect(lookup('/d/made')).to.equal('/d/made');
  });

  it('refuses to open sockets', () => {
    makeNode(ctx, vfs.root, '/s', S_IFSOCK | 0o600, 0);
    expect(openPath(vfs, ctx, vfs.root, '/s', O_RDWR, 0)).to.equal(-Errno.ENXIO);
  });
});
