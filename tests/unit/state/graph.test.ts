import { expect } from 'chai';
import { Anchors, GraphReader, GraphWriter, type ImageError, KEPT, savedClass, SchemaRegistry, type AnyClass, type Graph, type SavedClass } from '@troupe/state';

class Node_ {
  next: Node_ | null = null;
  cache = 'made';
  private readonly _secret = 5n;

  constructor(public value: unknown) {}

  get secret(): bigint {
    return this._secret;
  }
}

const row = (more: Partial<SavedClass<Node_>> = {}): SavedClass => savedClass({ type: Node_, name: 'test.Node', ...more });
const none = new Anchors();

function copy(root: object, schemas = new SchemaRegistry([row()]), anchors = none, to = anchors): unknown {
  return new GraphReader(schemas, to).read(new GraphWriter(schemas, anchors).write(root));
}

function problem(act: () => unknown): ImageError {
  try {
    act();
  } catch (error) {
    return error as ImageError;
  }
  throw new Error('nothing was thrown');
}

describe('object graphs', () => {
  it('keep cycles, shared references, private fields and every kind of value', () => {
    const a = new Node_(-0.5);
    const b = new Node_([1, 'zwölf', true, null, undefined, -(2n ** 70n), Infinity, NaN]);
    a.next = b;
    b.next = a;
    const root = { a, again: b, map: new Map<unknown, unknown>([[a, 1], ['x', b]]), set: new Set([b]), bytes: Uint8Array.of(1, 2), words: Uint32Array.of(2 ** 31), raw: Buffer.from('hi'), weak: new WeakRef(a) };
    const made = copy(root) as typeof root;
    expect(made.a).to.be.instanceOf(Node_).and.not.equal(a);
    expect(made.a.next!.next).to.equal(made.a);
    expect(made.again).to.equal(made.a.next);
    expect(made.a.secret).to.equal(5n);
    expect(made.again.value).to.deep.equal(b.value);
    expect([...made.map.keys()]).to.deep.equal([made.a, 'x']);
    expect(made.set.has(made.again)).to.equal(true);
    expect(made.bytes).to.deep.equal(root.bytes);
    expect(made.words).to.deep.equal(root.words);
    expect(Buffer.isBuffer(made.raw) && made.raw.toString()).to.equal('hi');
    expect(made.weak.deref()).to.equal(made.a);
  });

  it('of great depth are no problem', () => {
    let at = new Node_(0);
    for (let n = 1; n < 100_000; n++) at = Object.assign(new Node_(n), { next: at });
    expect((copy(at) as Node_).next!.value).to.equal(99_998);
  });

  it('leave out what is not saved, and call what makes it', () => {
    const seen: unknown[] = [];
    const schemas = new SchemaRegistry([row({ notSaved: { cache: (object) => `made for ${String(object.value)}` }, afterLoad: (object) => seen.push(object.next?.value) })]);
    const first = Object.assign(new Node_(1), { next: new Node_(2), cache: 'old' });
    expect((copy(first, schemas) as Node_).cache).to.equal('made for 1');
    expect(seen).to.deep.equal([2, undefined]);
  });

  it('name anchors, and write into those that adopt', () => {
    const ours = { other: {} };
    const [before, after] = [new Node_(1), new Node_(99)];
    const from = new Anchors().adopt('node', before).bind('other', ours.other);
    const to = new Anchors().adopt('node', after).bind('other', ours);
    const schemas = new SchemaRegistry([row({ notSaved: { cache: KEPT } })]);
    after.cache = 'kept';
    before.next = new Node_(ours.other);
    const made = copy({ before }, schemas, from, to) as { before: Node_ };
    expect(made.before).to.equal(after);
    expect(after).to.include({ value: 1, cache: 'kept' });
    expect(after.next!.value).to.equal(ours);
  });

  it('say where something cannot be saved', () => {
    expect(problem(() => copy({ list: [new Node_({ call: () => 1 })] }))).to.include({ problem: 'unsavable', message: 'kernel.list[0].value.call: a function has no place in images' });
    expect(problem(() => copy({ at: new Map([['k', new URL('http://a')]]) })).message).to.equal('kernel.at{k}: objects of class URL have no place in images');
    expect(problem(() => copy({ view: new Uint8Array(new SharedArrayBuffer(1)) })).message).to.match(/shared memory/);
    expect(problem(() => copy(new Node_(1), new SchemaRegistry([row({ refuse: () => 'it is busy' })]))).message).to.equal('kernel: it is busy');
  });

  it('of older versions are upgraded, of newer ones refused', () => {
    const old: Graph = new GraphWriter(new SchemaRegistry([row()]), none).write(new Node_('3'));
    const next = new SchemaRegistry([row({ version: 2, upgrade: ({ value, ...rest }) => ({ ...rest, value: Number(value) }) })]);
    expect((new GraphReader(next, none).read(old) as Node_).value).to.equal(3);
    const without = new SchemaRegistry([row({ version: 2 })]);
    expect(problem(() => new GraphReader(without, none).read(old)).message).to.equal('test.Node: version 1 of the image cannot be read as version 2');
    const newer = new GraphWriter(new SchemaRegistry([row({ version: 3 })]), none).write(new Node_(1));
    expect(problem(() => new GraphReader(next, none).read(newer)).problem).to.equal('incompatible');
  });

  it('that no writer makes are called damaged', () => {
    const schemas = new SchemaRegistry([row()]);
    const read = (graph: unknown) => problem(() => new GraphReader(schemas, none).read(graph as Graph));
    for (const records of [[], [[5]], [[0, [0, 9]]], [[0, [1, 'xyz']]], [[0, [7, 1]]], [[0]]]) {
      expect(read({ kinds: [{ kind: 'plain', fields: ['a'] }], records }), JSON.stringify(records)).to.include({ problem: 'damaged' });
    }
    expect(read({ kinds: [{ kind: 'plain', fields: ['__proto__'] }], records: [[0, 1]] }).problem).to.equal('damaged');
    expect(read({ kinds: [{ kind: 'bytes', name: 'toString' }], records: [[0, new Uint8Array(1)]] }).problem).to.equal('damaged');
    expect(read({ kinds: [{ kind: 'class', name: 'test.Gone', version: 1, fields: [] }], records: [[0]] }).message).to.equal('test.Gone: no such class');
  });

  it('know each class and name once', () => {
    class Other {}
    expect(problem(() => new SchemaRegistry([row(), row()])).problem).to.equal('format');
    expect(problem(() => new SchemaRegistry([row()], [savedClass({ type: Other as AnyClass, name: 'test.Node' })])).problem).to.equal('format');
  });
});
