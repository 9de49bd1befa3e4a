// A sem gives the same with its immediate as a constant (translation) as with the immediate read from the op (interpreter).
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { RUNTIME_STATIC_END } from '@troupe/abi/layout/memory-map.js';
import { ColdBuilder } from '@troupe/cpu-worker/interp/cold-builder.js';
import { FORMS, type Form } from '@troupe/cpu-worker/interp/forms.js';
import type { Linkage } from '@troupe/cpu-worker/interp/interp-builder.js';
import { interpOperands, operandFields, registerOffset, type InterpOperand } from '@troupe/cpu-worker/interp/interp-operand.js';
import { OP } from '@troupe/cpu-worker/interp/op-record.js';
import { Code } from '@troupe/cpu-worker/ir/code.js';
import { Graph } from '@troupe/cpu-worker/ir/graph.js';
import { analyse, LocalPool, Lowering } from '@troupe/cpu-worker/ir/lower.js';
import type { RuntimeFn, Ty, Val, VectorTable } from '@troupe/cpu-worker/ir/types.js';
import { WasmModule, type Signature } from '@troupe/cpu-worker/ir/wasm-module.js';
import type { Operand } from '@troupe/cpu-worker/isa/operand.js';

const MEMORY_PAGES = 65535;
const TCB_AT = RUNTIME_STATIC_END;
const OP_AT = TCB_AT + TCB.sizeBytes;
const SCRATCH_AT = OP_AT + 4096;
const TABLES_AT = SCRATCH_AT + 4096;
const IMMEDIATES = [...Array.from({ length: 34 }, (_, i) => i), 0x3f, 0x40, 0x4e, 0x55, 0x63, 0x80, 0x93, 0x9c, 0xaa, 0xb1, 0xe4, 0xf0, 0xff];
const ROUNDS = 3;

const TRANSLATE: Signature = { params: ['i32', 'i64', 'i32'], results: ['i32'] };
const NOTHING: Signature = { params: [], results: [] };
/** Functions of the interpreter that register forms hardly call. */
const SLOW: Record<string, Signature> = { translateRead: TRANSLATE, translateWrite: TRANSLATE, commit: NOTHING, refresh: NOTHING, raise: { params: ['i32', 'i32', 'i32', 'i64'], results: [] } };

/** Builder whose immediate operands are a constant. */
class ConstantBuilder extends ColdBuilder {
  constant: number | undefined;

  override get(o: Operand): Val<any> {
    if (o.kind === 'imm' && this.constant !== undefined) return this.int(o.sizeBits, this.constant);
    return super.get(o);
  }
}

function isCandidate(form: Form): boolean {
  return !form.mem && !form.row.ends && !form.row.untestable && form.operands.some((o) => o.source === 'imm' && o.sizeBits === 8 && o.signBits === 0);
}

/** Lists what the forms call and look up, then builds a function for each form and immediate (undefined: from the op). */
class ConstantModule {
  readonly #module = new WasmModule();
  readonly #runtime = new Map<string, number>();
  readonly #tables = new Map<string, number>();
  #tablesEnd = TABLES_AT;
  readonly #link: Linkage;

  constructor(readonly forms: readonly Form[]) {
    const functions = new Map<string, RuntimeFn>();
    const dry = { runtime: (fn: RuntimeFn) => (functions.set(fn.name, fn), 0), table: () => 0, slow: new Proxy({}, { get: () => 0 }), block: 0 } as unknown as Linkage;
    for (const form of forms) this.#graph(form, undefined, dry, () => 0);
    for (const fn of functions.values()) this.#runtime.set(fn.name, this.#module.importFunction('runtime', fn.name, { params: fn.params, results: fn.result === 'void' ? [] : [fn.result] }));
    const slow = Object.fromEntries(Object.entries(SLOW).map(([name, signature]) => [name, this.#module.importFunction('test', name, signature)]));
    const link = { runtime: (fn: RuntimeFn) => this.#runtime.get(fn.name)!, table: (table: VectorTable) => this.#place(table), slow, block: this.#module.importGlobal('coreBlock') };
    this.#link = link as unknown as Linkage;
  }

  #place(table: VectorTable): number {
    const known = this.#tables.get(table.name);
    if (known !== undefined) return known;
    const address = this.#tablesEnd;
    this.#tablesEnd += table.bytes.length;
    this.#tables.set(table.name, address);
    this.#module.data.push({ address, bytes: table.bytes });
    return address;
  }

  #graph(form: Form, immediate: number | undefined, link: Linkage, takeLocal: (ty: Ty) => number): Graph {
    const graph = new Graph();
    const fault = { name: 'fault' };
    const b = new ConstantBuilder(graph, takeLocal, link, 'none', false, fault);
    b.constant = immediate;
    graph.block(fault, () => form.row.sem(b, ...interpOperands(form.operands, false)));
    b.returnValue(b.i32(0));
    return graph;
  }

  add(form: Form, immediate: number | undefined, name: string): void {
    const fn = this.#module.declare({ params: ['i32', 'i32'], results: ['i32'] });
    const locals = new LocalPool(2);
    const code = new Code();
    const graph = this.#graph(form, immediate, this.#link, (ty) => locals.take(ty));
    analyse(graph.root);
    new Lowering(code, locals).list(graph.root);
    code.byte(0x00);
    this.#module.define(fn, locals, code);
    this.#module.export(name, fn);
  }

  instantiate(memory: WebAssembly.Memory): Record<string, (tcb: number, op: number) => number> {
    const env = { memory, abort: () => { throw new Error('abort'); } };
    const library = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(new URL('runtime.wasm', import.meta.resolve('@troupe/cpu-worker')))), { env });
    const imports = { env: { ...env, coreBlock: SCRATCH_AT }, runtime: library.exports as WebAssembly.ModuleImports, test: Object.fromEntries(Object.keys(SLOW).map((name) => [name, () => 0])) };
    return new WebAssembly.Instance(new WebAssembly.Module(this.#module.encode(MEMORY_PAGES) as BufferSource), imports).exports as never;
  }
}

/** Registers 1, 2, 3 … of the file each operand names. */
function writeRegisters(view: DataView, operands: readonly InterpOperand[], form: Form): void {
  operandFields(form.operands, false).forEach((field, i) => {
    if (field !== undefined) view.setUint16(OP_AT + OP.reg[field]!, registerOffset(operands[i]!.spec.file, 1 + field), true);
  });
}

function fillRandom(bytes: Uint8Array, seed: number): void {
  let x = seed * 2654435761 + 1;
  for (let i = 0; i < bytes.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    bytes[i] = x >>> 24;
  }
}

function prepare(view: DataView, state: Uint8Array, seed: number): void {
  fillRandom(state, seed);
  view.setUint32(TCB_AT + TCB.off.mxcsr, 0x1fa0, true);
  view.setUint16(TCB_AT + TCB.off.fsw, 0, true);
  view.setUint16(TCB_AT + TCB.off.fcw, 0x37f, true);
}

describe('immediates as constants', () => {
  it('give what immediates in the op record give', () => {
    const forms = FORMS.filter(isCandidate);
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
    const module = new ConstantModule(forms);
    forms.forEach((form, i) => {
      module.add(form, undefined, `op${i}`);
      for (const immediate of IMMEDIATES) module.add(form, immediate, `const${i}-${immediate}`);
    });
    const functions = module.instantiate(memory);
    const view = new DataView(memory.buffer);
    const state = new Uint8Array(memory.buffer, TCB_AT, TCB.sizeBytes);
    const wrong: string[] = [];
    forms.forEach((form, i) => {
      const operands = interpOperands(form.operands, false);
      writeRegisters(view, operands, form);
      const immField = operands.find((o) => o.immField >= 0)!.immField;
      for (const immediate of IMMEDIATES) {
        for (let round = 0; round < ROUNDS; round++) {
          view.setUint32(OP_AT + immField, immediate, true);
          prepare(view, state, i * ROUNDS + round);
          functions[`op${i}`]!(TCB_AT, OP_AT);
          const expected = Buffer.from(state);
          prepare(view, state, i * ROUNDS + round);
          functions[`const${i}-${immediate}`]!(TCB_AT, OP_AT);
          if (expected.compare(state) !== 0) {
            wrong.push(`${form.row.mnemonic} (${form.row.enc}) ${immediate}`);
            break;
          }
        }
      }
    });
    expect(forms.length).to.be.greaterThan(40);
    expect(wrong).to.deep.equal([]);
  });
});
