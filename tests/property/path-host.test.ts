/** Random file operations give the same results on our file systems as on the host. */
import fs from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import type { RootSource } from '@troupe/vfs';
import { contextOf, newVfs, temporaryDirectory } from '../support/vfs/fixture.js';
import { HostOperations, VfsOperations } from '../support/vfs/file-operations.js';
import { operation, type Operation } from '../support/vfs/random-operations.js';

const RUNS = Number(process.env['TROUPE_RUNS'] ?? 100);

/** What the lower layer of the overlay holds at the start, made on both sides. */
function populate(root: string): void {
  fs.mkdirSync(`${root}/a/b`, { recursive: true, mode: 0o755 });
  fs.writeFileSync(`${root}/a/c`, 'lower file', { mode: 0o644 });
  fs.symlinkSync('a/c', `${root}/d`);
}

function compare(operations: readonly Operation[], makeRoot: (work: string) => RootSource, populated: boolean): void {
  const model = temporaryDirectory();
  const work = temporaryDirectory();
  const oldMask = process.umask(0o022);
  try {
    if (populated) for (const { path } of [model, work]) populate(path);
    const { vfs } = newVfs(makeRoot(work.path));
    const ours = new VfsOperations(vfs, contextOf(vfs));
    const host = new HostOperations(model.path);
    if (!populated) expect(ours.mkdir('a', 0o755)).to.equal(host.mkdir('a', 0o755));
    const done: string[] = [];
    for (const { text, run } of operations) {
      const expected = run(host);
      done.push(`${text} = ${expected}`);
      expect(run(ours), done.join('\n')).to.equal(expected);
    }
  } finally {
    process.umask(oldMask);
    model.remove();
    work.remove();
  }
}

const operations = fc.array(operation, { minLength: 5, maxLength: 40 });

function property(makeRoot: (work: string) => RootSource, populated: boolean): void {
  fc.assert(fc.property(operations, (list) => compare(list, makeRoot, populated)), { numRuns: RUNS });
}

describe('file operations compared with the host', function suite() {
  this.timeout(120_000);
  it('tmpfs', () => property(() => ({ kind: 'memory' }), false));
  it('writable host directory', () => property((hostPath) => ({ kind: 'host-writable', hostPath }), false));
  it('overlay over a host directory', () => property((hostPath) => ({ kind: 'overlay', hostPath }), true));
});
