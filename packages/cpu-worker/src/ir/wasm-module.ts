import { Code, TY_BYTE } from './code.js';
import type { LocalPool } from './lower.js';
import type { Ty } from './types.js';

export interface Signature {
  readonly params: readonly Ty[];
  readonly results: readonly Ty[];
}

interface Body {
  readonly type: number;
  readonly locals: LocalPool;
  readonly code: Code;
  /** Offsets in `code` of branches that are hardly ever taken, in order. */
  readonly rare: readonly number[];
  /** For profilers. */
  readonly name: string | undefined;
}

/** Assembles a module: imported shared memory, imported functions and tables, functions, a function table of its own, mutable globals. */
export class WasmModule {
  readonly #types: string[] = [];
  readonly #signatures: Signature[] = [];
  readonly #imports: { name: string; module: string; type: number }[] = [];
  readonly #bodies: (Body | undefined)[] = [];
  readonly #declared: number[] = [];
  readonly #exports: { name: string; kind: number; index: number }[] = [];
  readonly #globals: { name: string; ty: Ty; imported: boolean; bytes?: Uint8Array }[] = [];
  readonly #importedTables: { name: string; slots: number }[] = [];
  #growingTables = 0;
  /** Function indexes of the module's own table, slot by slot. */
  table: number[] = [];
  data: { address: number; bytes: Uint8Array }[] = [];

  type(signature: Signature): number {
    const key = JSON.stringify(signature);
    const found = this.#types.indexOf(key);
    if (found >= 0) return found;
    this.#signatures.push(signature);
    return this.#types.push(key) - 1;
  }

  /** Imports a function; all imports come before the first `declare`. */
  importFunction(module: string, name: string, signature: Signature): number {
    if (this.#declared.length > 0) throw new Error('wasm module: import after a function');
    return this.#imports.push({ module, name, type: this.type(signature) }) - 1;
  }

  /** Reserves a function index; `define` gives the body. */
  declare(signature: Signature): number {
    this.#bodies.push(undefined);
    return this.#imports.length + this.#declared.push(this.type(signature)) - 1;
  }

  define(fn: number, locals: LocalPool, code: Code, rare: readonly number[] = [], name?: string): void {
    const at = fn - this.#imports.length;
    this.#bodies[at] = { type: this.#declared[at]!, locals, code, rare, name };
  }

  export(name: string, fn: number): void {
    this.#exports.push({ name, kind: 0, index: fn });
  }

  /** Imports a table of functions; its index. */
  importTable(name: string, slots: number): number {
    return this.#importedTables.push({ name, slots }) - 1;
  }

  /** Index of the module's own table: behind the imported ones. */
  get ownTable(): number {
    return this.#importedTables.length;
  }

  exportTable(name: string, index = this.ownTable): void {
    this.#exports.push({ name, kind: 1, index });
  }

  /** A further table, empty at first: the host makes it grow and fills it. */
  growingTable(): number {
    return this.ownTable + ++this.#growingTables;
  }

  /** An immutable i32 global given by the host; all come before mutable ones. */
  importGlobal(name: string): number {
    return this.#globals.push({ name, ty: 'i32', imported: true }) - 1;
  }

  /** A mutable global, 0 at start. */
  global(name: string, ty: 'i32' | 'i64' = 'i32'): number {
    return this.#globals.push({ name, ty, imported: false }) - 1;
  }

  /** A global with a vector, mutable only so that the compiler does not look into it. */
  vectorGlobal(name: string, bytes: Uint8Array): number {
    return this.#globals.push({ name, ty: 'v128', imported: false, bytes }) - 1;
  }

  encode(memoryPages: number): Uint8Array {
    const out = new Code();
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, items: number, fill: (body: Code) => void): void => {
      if (items === 0) return;
      const body = new Code();
      body.u32(items);
      fill(body);
      out.byte(id);
      out.sized(body);
    };
    const importedGlobals = this.#globals.filter((g) => g.imported);
    const mutableGlobals = this.#globals.filter((g) => !g.imported);
    section(1, this.#signatures.length, (b) => this.#signatures.forEach((s) => encodeType(b, s)));
    section(2, 1 + this.#imports.length + importedGlobals.length + this.#importedTables.length, (b) => {
      b.name('env');
      b.name('memory');
      b.bytes([2, 3]);
      b.u32(memoryPages);
      b.u32(65535);
      for (const { module, name, type } of this.#imports) {
        b.name(module);
        b.name(name);
        b.byte(0);
        b.u32(type);
      }
      for (const { name } of importedGlobals) {
        b.name('env');
        b.name(name);
        b.bytes([3, TY_BYTE.i32, 0]);
      }
      for (const { name, slots } of this.#importedTables) {
        b.name('env');
        b.name(name);
        b.bytes([1, 0x70, 0]);
        b.u32(slots);
      }
    });
    section(3, this.#declared.length, (b) => this.#declared.forEach((t) => b.u32(t)));
    const hasOwn = this.table.length > 0 || this.#importedTables.length === 0;
    section(4, (hasOwn ? 1 : 0) + this.#growingTables, (b) => {
      if (hasOwn) b.bytes([0x70, 0]);
      if (hasOwn) b.u32(this.table.length);
      for (let i = 0; i < this.#growingTables; i++) b.bytes([0x70, 0, 0]);
    });
    section(6, mutableGlobals.length, (b) => mutableGlobals.forEach(({ ty, bytes }) => b.bytes([TY_BYTE[ty], 1, ...(bytes ? [0xfd, 0x0c, ...bytes] : [ty === 'i64' ? 0x42 : 0x41, 0]), 0x0b])));
    section(7, this.#exports.length, (b) => this.#exports.forEach(({ name, kind, index }) => {
      b.name(name);
      b.byte(kind);
      b.u32(index);
    }));
    section(9, this.table.length > 0 ? 1 : 0, (b) => {
      // A segment for another table than the first has the table's index and an element kind.
      if (this.ownTable === 0) b.byte(0);
      else {
        b.byte(2);
        b.u32(this.ownTable);
      }
      b.bytes([0x41, 0, 0x0b]);
      if (this.ownTable > 0) b.byte(0);
      b.u32(this.table.length);
      this.table.forEach((fn) => b.u32(fn));
    });
    this.#encodeHints(out);
    section(10, this.#bodies.length, (b) => this.#bodies.forEach((body, i) => {
      if (!body) throw new Error(`wasm module: function ${i} has no body`);
      const code = new Code();
      body.locals.encode(code);
      code.bytes(body.code.view());
      code.byte(0x0b);
      b.sized(code);
    }));
    section(11, this.data.length, (b) => this.data.forEach(({ address, bytes }) => {
      b.bytes([0, 0x41]);
      b.s32(address);
      b.byte(0x0b);
      b.u32(bytes.length);
      b.bytes(bytes);
    }));
    this.#encodeNames(out);
    return out.view();
  }

  /** Name section (Core Specification, appendix): names of functions only. */
  #encodeNames(out: Code): void {
    const named = this.#bodies.flatMap((body, i) => (body?.name === undefined ? [] : [{ name: body.name, fn: this.#imports.length + i }]));
    if (named.length === 0) return;
    const names = new Code();
    names.u32(named.length);
    for (const { name, fn } of named) {
      names.u32(fn);
      names.name(name);
    }
    const section = new Code();
    section.name('name');
    section.byte(1);
    section.sized(names);
    out.byte(0);
    out.sized(section);
  }

  /** Custom section of the branch hinting proposal; engines that do not know it skip it. */
  #encodeHints(out: Code): void {
    const hinted = this.#bodies.flatMap((body, i) => (body && body.rare.length > 0 ? [{ body, fn: this.#imports.length + i }] : []));
    if (hinted.length === 0) return;
    const section = new Code();
    section.name('metadata.code.branch_hint');
    section.u32(hinted.length);
    for (const { body, fn } of hinted) {
      const locals = new Code();
      body.locals.encode(locals);
      section.u32(fn);
      section.u32(body.rare.length);
      for (const at of body.rare) {
        section.u32(locals.length + at);
        section.bytes([1, 0]);
      }
    }
    out.byte(0);
    out.sized(section);
  }
}

function encodeType(b: Code, { params, results }: Signature): void {
  b.byte(0x60);
  b.u32(params.length);
  params.forEach((ty) => b.byte(TY_BYTE[ty]));
  b.u32(results.length);
  results.forEach((ty) => b.byte(TY_BYTE[ty]));
}
