/** Random file operations over a small set of names, so that they meet each other. */
import fc from 'fast-check';
import { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '@troupe/abi';
import type { FileOperations } from './file-operations.js';

export interface Operation {
  readonly text: string;
  readonly run: (on: FileOperations) => string | number;
}

const component = fc.constantFrom('a', 'b', 'c', 'd', '.', '..', 'x'.repeat(256));
const plain = fc.constantFrom('a', 'b', 'c', 'd');

/** Paths of one to three components below the root; ".." never leads above it. */
const path = fc.tuple(plain, fc.array(component, { maxLength: 2 }), fc.constantFrom('', '', '', '/'), fc.constantFrom('/', '/', '//'))
  .map(([first, rest, tail, separator]) => {
    const parts: string[] = [first];
    let depth = 1;
    for (const name of rest) {
      if (name === '..' && --depth < 1) break;
      parts.push(name);
      if (name !== '..' && name !== '.') depth++;
    }
    return parts.join(separator) + tail;
  });

const target = fc.constantFrom('a', 'b', 'c', 'a/b', './c', 'd/a', 'b/');
const mode = fc.constantFrom(0o755, 0o644, 0o700, 0o777, 0o1777, 0o2755);
const flags = fc.tuple(
  fc.constantFrom(O_RDONLY, O_WRONLY, O_RDWR),
  fc.constantFrom(0, O_CREAT, O_CREAT, O_CREAT | O_EXCL),
  fc.constantFrom(0, 0, O_TRUNC),
  fc.constantFrom(0, 0, O_APPEND),
  fc.constantFrom(0, 0, O_NOFOLLOW),
).map((bits) => bits.reduce((all, bit) => all | bit, 0));

const named = (name: string, args: readonly unknown[], run: (on: FileOperations) => string | number): Operation =>
  ({ text: `${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`, run });

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(path, mode).map(([p, m]) => named('mkdir', [p, m], (on) => on.mkdir(p, m))) },
  { weight: 1, arbitrary: path.map((p) => named('rmdir', [p], (on) => on.rmdir(p))) },
  { weight: 1, arbitrary: path.map((p) => named('unlink', [p], (on) => on.unlink(p))) },
  { weight: 4, arbitrary: fc.tuple(path, path).map(([p, q]) => named('rename', [p, q], (on) => on.rename(p, q))) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([p, q]) => named('link', [p, q], (on) => on.link(p, q))) },
  { weight: 2, arbitrary: fc.tuple(target, path).map(([t, p]) => named('symlink', [t, p], (on) => on.symlink(t, p))) },
  { weight: 1, arbitrary: path.map((p) => named('readlink', [p], (on) => on.readlink(p))) },
  { weight: 1, arbitrary: fc.tuple(path, mode).map(([p, m]) => named('chmod', [p, m], (on) => on.chmod(p, m))) },
  { weight: 1, arbitrary: fc.tuple(path, fc.constantFrom(0, 3, 5000)).map(([p, n]) => named('truncate', [p, n], (on) => on.truncate(p, n))) },
  {
    weight: 5,
    arbitrary: fc.tuple(path, flags, mode, fc.constantFrom(null, 'x', 'hello'), fc.constantFrom(-1, -1, 0, 2, 4095))
      .map(([p, f, m, t, o]) => named('write', [p, f, m, t, o], (on) => ((f & 3) === 0 && t !== null ? on.write(p, f, m, null, o) : on.write(p, f, m, t, o)))),
  },
  { weight: 2, arbitrary: fc.tuple(path, fc.constantFrom(0, O_NOFOLLOW, O_DIRECTORY)).map(([p, f]) => named('read', [p, f], (on) => on.read(p, f))) },
  { weight: 2, arbitrary: path.map((p) => named('list', [p], (on) => on.list(p))) },
  { weight: 3, arbitrary: fc.tuple(path, fc.boolean()).map(([p, follow]) => named('stat', [p, follow], (on) => on.stat(p, follow))) },
);
