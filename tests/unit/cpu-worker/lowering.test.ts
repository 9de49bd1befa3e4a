import { Code } from '@troupe/cpu-worker/ir/code.js';
import { ExpressionBuilder } from '@troupe/cpu-worker/ir/expression-builder.js';
import { Graph } from '@troupe/cpu-worker/ir/graph.js';
import { analyse, LocalPool, Lowering } from '@troupe/cpu-worker/ir/lower.js';
import { WasmModule } from '@troupe/cpu-worker/ir/wasm-module.js';
import { expect } from 'chai';

/** Compiles `build` as a function (i32, i32) → i32 over a fresh memory. */
function compile(build: (b: ExpressionBuilder) => void): (x: number, y: number) => number {
  const module = new WasmModule();
  const fn = module.declare({ params: ['i32', 'i32'], results: ['i32'] });
  const [graph, locals, code] = [new Graph(), new LocalPool(2), new Code()];
  build(new ExpressionBuilder(graph, (ty) => locals.take(ty)));
  analyse(graph.root);
  new Lowering(code, locals).list(graph.root);
  code.byte(0x00);
  module.define(fn, locals, code);
  module.export('f', fn);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode(1) as Uint8Array<ArrayBuffer>), { env: { memory } });
  return instance.exports['f'] as (x: number, y: number) => number;
}

describe('IR lowering', () => {
  it('reads a value before the store that follows it, wherever it is used', () => {
    const f = compile((b) => {
      const address = b.i32(64);
      b.rawStore(32, address, b.local('i32', 0));
      const before = b.rawLoad(32, address);
      b.rawStore(32, address, b.local('i32', 1));
      b.returnValue(b.sub(before, b.rawLoad(32, address)));
    });
    expect(f(10, 3)).to.equal(7);
  });

  it('evaluates a value that is used in a loop once', () => {
    const f = compile((b) => {
      const step = b.add(b.local('i32', 0), b.i32(1));
      const sum = b.variable('i32', b.i32(0));
      const left = b.variable('i32', b.local('i32', 1));
      b.loop(() => {
        b.setVar(sum, b.add(b.getVar(sum), step));
        b.setVar(left, b.sub(b.getVar(left), b.i32(1)));
        return b.getVar(left);
      });
      b.returnValue(b.getVar(sum));
    });
    expect(f(4, 5)).to.equal(25);
  });

  it('gives the value of the branch taken', () => {
    const f = compile((b) => b.returnValue(b.ifVal(b.ltS(b.local('i32', 0), b.local('i32', 1)), () => b.i32(1), () => b.sub(b.local('i32', 0), b.local('i32', 1)))));
    expect([f(1, 2), f(9, 2)]).to.deep.equal([1, 7]);
  });

  it('folds constants', () => {
    const b = new ExpressionBuilder(new Graph(), () => 0);
    expect(b.constOf(b.add(b.i32(2), b.i32(3)))).to.equal(5);
    expect(b.constOf(b.shl(b.i64(1), b.i64(63)))).to.equal(-(1n << 63n));
    expect(b.constOf(b.eqz(b.i64(0)))).to.equal(1);
  });

  it('refuses operands of the wrong type', () => {
    const b = new ExpressionBuilder(new Graph(), () => 0);
    expect(() => b.op('i32.add', b.i32(1), b.i64(1))).to.throw(TypeError, 'i32.add(i32, i64)');
  });
});

describe('wasm encoding', () => {
  it('writes signed and unsigned LEB128', () => {
    const code = new Code();
    code.u32(624485);
    code.s32(-123456);
    code.s64(-1n);
    code.s64(1n << 62n);
    expect([...code.view().subarray(0, 7)]).to.deep.equal([0xe5, 0x8e, 0x26, 0xc0, 0xbb, 0x78, 0x7f]);
    expect(code.length).to.equal(17);
  });

  it('says which branches are rare, where they are, and what functions are called', () => {
    const module = new WasmModule();
    const [graph, locals, code] = [new Graph(), new LocalPool(1), new Code()];
    const b = new ExpressionBuilder(graph, (ty) => locals.take(ty));
    const variable = b.variable('i32', b.i32(5));
    b.ifRare(b.local('i32', 0), () => b.setVar(variable, b.i32(7)));
    b.block('out', (out) => {
      b.branchIf(b.local('i32', 0), out);
      b.branchRarely(b.local('i32', 0), out);
    });
    b.returnValue(b.getVar(variable));
    analyse(graph.root);
    const lowering = new Lowering(code, locals);
    lowering.list(graph.root);
    code.byte(0x00);
    expect(lowering.rare.map((at) => code.view()[at])).to.deep.equal([0x04, 0x0d]);
    const fn = module.declare({ params: ['i32'], results: ['i32'] });
    module.define(fn, locals, code, lowering.rare, 'guest_1000');
    module.export('f', fn);
    const compiled = new WebAssembly.Module(module.encode(1) as Uint8Array<ArrayBuffer>);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535, shared: true });
    const f = new WebAssembly.Instance(compiled, { env: { memory } }).exports['f'] as (x: number) => number;
    expect([f(0), f(1)]).to.deep.equal([5, 7]);
    const hints = new Uint8Array(WebAssembly.Module.customSections(compiled, 'metadata.code.branch_hint')[0]!);
    const localsBytes = 3;
    expect([...hints]).to.deep.equal([1, fn, 2, localsBytes + lowering.rare[0]!, 1, 0, localsBytes + lowering.rare[1]!, 1, 0]);
    expect(Buffer.from(WebAssembly.Module.customSections(compiled, 'name')[0]!).toString('latin1')).to.contain('guest_1000');
  });
});
