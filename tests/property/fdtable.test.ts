// The descriptor table against a plain map.
import { expect } from 'chai';
import fc from 'fast-check';
import { Errno } from '@troupe/abi';
import { EventFile } from '@troupe/vfs';
import { FdTable } from '@troupe/kernel/fdtable.js';

const LIMIT = 12;

interface Entry {
  readonly file: EventFile;
  readonly closeOnExec: boolean;
}

type Command =
  | { readonly op: 'install'; readonly minFd: number; readonly closeOnExec: boolean }
  | { readonly op: 'close' | 'toggle'; readonly fd: number }
  | { readonly op: 'dup2'; readonly from: number; readonly to: number }
  | { readonly op: 'closeRange'; readonly first: number; readonly last: number }
  | { readonly op: 'exec' | 'fork' };

const fd = fc.nat(LIMIT - 1);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('install' as const), minFd: fd, closeOnExec: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('close' as const, 'toggle' as const), fd }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('dup2' as const), from: fd, to: fd }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('closeRange' as const), first: fd, last: fd }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('exec' as const, 'fork' as const) }) },
);

class Model {
  table = new FdTable(1);
  entries = new Map<number, Entry>();
  readonly files: EventFile[] = [];

  run(step: Command): void {
    switch (step.op) {
      case 'install': return this.#install(step.minFd, step.closeOnExec);
      case 'close':
        expect(this.table.close(step.fd)).to.equal(this.entries.delete(step.fd) ? 0 : -Errno.EBADF);
        return;
      case 'toggle': return this.#toggle(step.fd);
      case 'dup2': return this.#dup2(step.from, step.to);
      case 'closeRange':
        this.table.closeRange(step.first, step.last);
        for (const key of [...this.entries.keys()]) if (key >= step.first && key <= step.last) this.entries.delete(key);
        return;
      case 'exec':
        this.table.closeOnExec();
        for (const [key, entry] of [...this.entries]) if (entry.closeOnExec) this.entries.delete(key);
        return;
      case 'fork': return this.#fork();
    }
  }

  #install(minFd: number, closeOnExec: boolean): void {
    const file = new EventFile(0n, false, 0);
    let expected = minFd;
    while (this.entries.has(expected)) expected++;
    const got = this.table.install(file, closeOnExec, LIMIT, minFd);
    expect(got).to.equal(expected < LIMIT ? expected : -Errno.EMFILE);
    if (got < 0) return;
    this.files.push(file);
    this.entries.set(got, { file, closeOnExec });
  }

  #toggle(target: number): void {
    const entry = this.entries.get(target);
    this.table.setCloseOnExec(target, !this.table.isCloseOnExec(target));
    if (entry) this.entries.set(target, { file: entry.file, closeOnExec: !entry.closeOnExec });
  }

  #dup2(from: number, to: number): void {
    const entry = this.entries.get(from);
    if (!entry || from === to) return;
    this.table.replace(to, entry.file, false);
    this.entries.set(to, { file: entry.file, closeOnExec: false });
  }

  /** The copy goes on; the original releases its references. */
  #fork(): void {
    const copy = this.table.copy(2);
    this.table.release();
    this.table = copy;
  }

  check(): void {
    expect(this.table.numbers()).to.deep.equal([...this.entries.keys()].sort((a, b) => a - b));
    for (const [key, { closeOnExec, file }] of this.entries) {
      expect(this.table.get(key)).to.equal(file);
      expect(this.table.isCloseOnExec(key)).to.equal(closeOnExec);
    }
    for (const file of this.files) expect(file.refs).to.equal([...this.entries.values()].filter((entry) => entry.file === file).length);
  }
}

describe('FdTable (property)', () => {
  it('agrees with a map: numbers, flags, references', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const step of steps) {
        model.run(step);
        model.check();
      }
    }), { numRuns: 300 });
  });
});
