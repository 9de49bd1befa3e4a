/** Files in frames: sparse contents, sizes, seals, mappings, life time. */
import { expect } from 'chai';
import {
  Errno, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, MFD_ALLOW_SEALING, O_APPEND, O_CREAT, O_RDWR, PAGE_SIZE, SEEK_DATA,
  SEEK_END, SEEK_HOLE, XATTR_CREATE, XATTR_REPLACE, rootCredentials, type FramePool,
} from '@troupe/abi';
import {
  Follow, changeTimes, getXattr, listXattr, makeLink, openMemoryFile, openPath, removeXattr, setXattr, unlinkPath, type FileDescription, type Mappable, type PathNode,
  type Vfs, type VfsContext,
} from '@troupe/vfs';
import { contextOf, newVfs } from '../../support/vfs/fixture.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

describe('tmpfs', () => {
  let vfs: Vfs;
  let ctx: VfsContext;
  let pool: FramePool;

  beforeEach(() => {
    ({ vfs, pool } = newVfs());
    ctx = contextOf(vfs, { creds: rootCredentials() });
  });

  const open = (path: string, flags = O_RDWR | O_CREAT): FileDescription => (openPath(vfs, ctx, vfs.root, path, flags, 0o644) as FileDescription).incRef();
  const node = (path: string): PathNode => vfs.lookup(ctx, vfs.root, path, Follow.NO) as PathNode;
  const text = (file: FileDescription, off: number, count: number): string => {
    const dst = new Uint8Array(count);
    return Buffer.from(dst.subarray(0, file.read(dst, off, ctx))).toString('latin1');
  };

  it('keeps holes without frames', () => {
    const file = open('/sparse');
    const before = pool.framesInUse;
    expect(file.write(bytes('end'), 10 * PAGE_SIZE + 5, ctx)).to.equal(3);
    expect(pool.framesInUse).to.equal(before + 1);
    expect(file.inode.sizeBytes).to.equal(10 * PAGE_SIZE + 8);
    expect(file.inode.stat().blocks).to.equal(8);
    expect(text(file, 10 * PAGE_SIZE + 3, 100)).to.equal('\0\0end');
    expect(text(file, 0, 4)).to.equal('\0\0\0\0');
    expect(file.seek(0, SEEK_DATA)).to.equal(10 * PAGE_SIZE);
    expect(file.seek(0, SEEK_HOLE)).to.equal(0);
    expect(file.seek(10 * PAGE_SIZE, SEEK_HOLE)).to.equal(10 * PAGE_SIZE + 8);
    expect(file.seek(10 * PAGE_SIZE + 8, SEEK_DATA)).to.equal(-Errno.ENXIO);
  });

  it('zeroes the tail when a file shrinks and grows again', () => {
    const file = open('/f');
    file.write(bytes('0123456789'), 0, ctx);
    file.inode.truncate(4);
    file.inode.truncate(8);
    expect(text(file, 0, 10)).to.equal('0123\0\0\0\0');
    file.inode.fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 2);
    expect(text(file, 0, 10)).to.equal('0\0\x003\0\0\0\0');
  });

  it('fails with EIO where the contents of a page are lost', () => {
    const file = open('/f');
    file.write(Buffer.alloc(3 * PAGE_SIZE, 'x'), 0, ctx);
    const lost = file.inode.peekPage(1);
    pool.absent = { isAbsent: (frame) => frame === lost, bring: (frame) => frame !== lost, bringAll: () => 1, forget: () => (pool.absent = null) };
    expect(text(file, PAGE_SIZE - 3, 3)).to.equal('xxx');
    expect(file.read(new Uint8Array(10), PAGE_SIZE - 3, ctx)).to.equal(-Errno.EIO);
    expect(file.write(bytes('new'), PAGE_SIZE, ctx)).to.equal(-Errno.EIO);
    expect(file.write(bytes('new'), PAGE_SIZE - 1, ctx)).to.equal(1);
    file.inode.truncate(PAGE_SIZE);
    expect(pool.absent).to.equal(null);
    file.inode.truncate(2 * PAGE_SIZE);
    expect(text(file, PAGE_SIZE, 3)).to.equal('\0\0\0');
  });

  it('appends at the end whatever the position', () => {
    const file = open('/log', O_RDWR | O_CREAT | O_APPEND);
    file.write(bytes('one'), -1, ctx);
    file.seek(0, 0);
    file.write(bytes('two'), -1, ctx);
    expect(text(file, 0, 10)).to.equal('onetwo');
    expect(file.seek(-1, SEEK_END)).to.equal(5);
  });

  it('gives pages that read and write share', () => {
    const file = open('/map');
    file.write(bytes('abc'), 0, ctx);
    const mapped = file.mapping(true) as Mappable;
    const frame = mapped.getPage(0, true);
    pool.shared.u8[frame + 1] = 0x58;
    expect(text(file, 0, 3)).to.equal('aXc');
    file.write(bytes('Z'), 0, ctx);
    expect(pool.shared.u8[frame]).to.equal(0x5a);
    expect(mapped.getPage(1, false)).to.equal(-Errno.ENXIO);
    const unmapped: number[] = [];
    mapped.mappers.add({ unmapPages: (_file, first) => unmapped.push(first) });
    file.inode.truncate(0);
    expect(unmapped).to.deep.equal([0]);
  });

  it('frees the frames of a removed file after its last close', () => {
    const before = pool.framesInUse;
    const file = open('/gone');
    file.write(new Uint8Array(3 * PAGE_SIZE), 0, ctx);
    makeLink(vfs, ctx, vfs.root, '/gone', vfs.root, '/other', 0);
    expect(unlinkPath(ctx, vfs.root, '/gone')).to.equal(0);
    expect(file.inode.stat().nlink).to.equal(1);
    unlinkPath(ctx, vfs.root, '/other');
    expect(pool.framesInUse).to.equal(before + 3);
    expect(text(file, 0, 1)).to.equal('\0');
    file.decRef();
    expect(pool.framesInUse).to.equal(before);
  });

  it('obeys the seals of a memfd', () => {
    const file = (openMemoryFile(vfs, ctx, 'test', MFD_ALLOW_SEALING) as FileDescription).incRef();
    file.write(bytes('sealed'), 0, ctx);
    expect(file.inode.addSeals(F_SEAL_GROW | F_SEAL_SHRINK)).to.equal(0);
    expect(file.write(bytes('x'), 6, ctx)).to.equal(-Errno.EPERM);
    expect(file.inode.truncate(1)).to.equal(-Errno.EPERM);
    expect(file.write(bytes('S'), 0, ctx)).to.equal(1);
    file.inode.addSeals(F_SEAL_WRITE);
    expect(file.write(bytes('s'), 0, ctx)).to.equal(-Errno.EPERM);
    expect(file.inode.seals).to.equal(F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE);
    const plain = openMemoryFile(vfs, ctx, 'plain', 0) as FileDescription;
    expect(plain.inode.addSeals(F_SEAL_GROW)).to.equal(-Errno.EPERM);
    expect(open('/ordinary').inode.addSeals(F_SEAL_GROW)).to.equal(-Errno.EINVAL);
  });

  it('stores extended attributes', () => {
    open('/x');
    const at = node('/x');
    expect(getXattr(ctx, at, 'user.a')).to.equal(-Errno.ENODATA);
    expect(setXattr(ctx, at, 'user.a', bytes('1'), XATTR_REPLACE)).to.equal(-Errno.ENODATA);
    expect(setXattr(ctx, at, 'user.a', bytes('1'), XATTR_CREATE)).to.equal(0);
    expect(setXattr(ctx, at, 'user.a', bytes('2'), XATTR_CREATE)).to.equal(-Errno.EEXIST);
    expect(setXattr(ctx, at, 'other.a', bytes('2'), 0)).to.equal(-Errno.EOPNOTSUPP);
    expect(Buffer.from(getXattr(ctx, at, 'user.a') as Uint8Array).toString()).to.equal('1');
    expect(listXattr(ctx, at)).to.deep.equal(['user.a']);
    expect(removeXattr(ctx, at, 'user.a')).to.equal(0);
  });

  it('keeps time stamps to the nanosecond', () => {
    open('/t');
    changeTimes(ctx, node('/t'), 1_000_000_001n, 1_700_000_000_123_456_789n);
    const { atimeNs, mtimeNs } = node('/t').inode.stat();
    expect([atimeNs, mtimeNs]).to.deep.equal([1_000_000_001n, 1_700_000_000_123_456_789n]);
  });

  it('stops at RLIMIT_FSIZE', () => {
    const file = open('/limited');
    const limited = { ...ctx, maxFileBytes: 4 };
    expect(file.write(bytes('123456'), -1, limited)).to.equal(4);
    expect(file.write(bytes('56'), -1, limited)).to.equal(-Errno.EFBIG);
  });
});
