/** The name cache is bounded, and forgets only what it can find again. */
import fs from 'node:fs';
import { expect } from 'chai';
import { O_CREAT, O_RDONLY, O_WRONLY } from '@troupe/abi';
import { Follow, openPath, unlinkPath, type FileDescription, type PathNode } from '@troupe/vfs';
import { dentryCache } from '@troupe/vfs/dentry.js';
import { contextOf, newVfs, temporaryDirectory } from '../../support/vfs/fixture.js';

describe('name cache', () => {
  it('stays below its bound and keeps open files', () => {
    const { vfs } = newVfs();
    const ctx = contextOf(vfs);
    const file = (openPath(vfs, ctx, vfs.root, '/kept', O_CREAT | O_WRONLY, 0o644) as FileDescription).incRef();
    for (let i = 0; i < dentryCache.maxLeaves + 1000; i++) vfs.lookup(ctx, vfs.root, `/absent${i}`, Follow.YES);
    expect(dentryCache.leaves).to.be.at.most(dentryCache.maxLeaves);
    expect((vfs.lookup(ctx, vfs.root, '/kept', Follow.YES) as PathNode).dentry).to.equal(file.node.dentry);
    unlinkPath(ctx, vfs.root, '/kept');
    expect(file.node.dentry.deleted).to.equal(true);
    file.decRef();
  });

  it('opens a host file that was replaced a moment ago', () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(`${directory.path}/f`, 'old');
    const { vfs } = newVfs({ kind: 'overlay', hostPath: directory.path });
    const ctx = contextOf(vfs);
    vfs.lookup(ctx, vfs.root, '/f', Follow.YES);
    fs.writeFileSync(`${directory.path}/g`, 'new text');
    fs.renameSync(`${directory.path}/g`, `${directory.path}/f`);
    const file = (openPath(vfs, ctx, vfs.root, '/f', O_RDONLY, 0) as FileDescription).incRef();
    const dst = new Uint8Array(20);
    expect(Buffer.from(dst.subarray(0, file.read(dst, 0, ctx))).toString()).to.equal('new text');
    file.decRef();
    vfs.close();
    directory.remove();
  });
});
