import { MAX_MEMORY_BYTES } from '@troupe/abi/layout/memory-map.js';
import { Code } from '../ir/code.js';
import { LocalPool } from '../ir/lower.js';
import { WasmModule } from '../ir/wasm-module.js';
import { ENTERED_SIGNATURE, INTERPRETER_FUNCTIONS, nameOf, type Callee } from './analysed-region.js';
import { REGION_SIGNATURE, type Region } from './region-abi.js';
import type { RegionBody } from './region-emitter.js';

/** A region with its code. */
export interface Translated extends Region {
  /** The entry, counted from the page that addresses in the body count from. */
  readonly at: number;
  /** The same as `loopHeads`, counted like `at`. */
  readonly headsAt: readonly number[];
  /** Shared by all entries to the same code. */
  readonly body: RegionBody;
}

const OPCODE = { GET: 0x20, I32_CONST: 0x41, ADD: 0x6a, GLOBAL_GET: 0x23, RETURN_CALL: 0x12 } as const;

/** Puts translated regions into a module; their functions are exported as r0, r1, … */
export class RegionAssembler {
  readonly #module = new WasmModule();
  /** The bodies, each with its first region. */
  readonly #bodies = new Map<RegionBody, Translated>();
  readonly #linkGlobals: ReadonlyMap<RegionBody, number>;
  readonly #imports: ReadonlyMap<string, number>;
  readonly #functions: ReadonlyMap<RegionBody, number>;
  /** Functions of entries by their ops. */
  readonly #entries = new Map<number, number>();
  /** Globals of constants, by their bytes in hexadecimal. */
  readonly #constants = new Map<string, number>();
  /** Of each body, to regions elsewhere. */
  readonly #waysOut = new Map<RegionBody, number>();

  constructor(readonly regions: readonly Translated[]) {
    const module = this.#module;
    for (const region of regions) if (!this.#bodies.has(region.body)) this.#bodies.set(region.body, region);
    const bodies = [...this.#bodies.keys()];
    module.importGlobal('coreBlock');
    this.#linkGlobals = new Map(bodies.map((body, i) => [body, module.importGlobal(`l${i}`)]));
    this.#imports = importCallees(module, bodies);
    this.#functions = new Map(bodies.map((body) => [body, module.declare(body.hasEntries ? ENTERED_SIGNATURE : REGION_SIGNATURE)]));
  }

  assemble(): Uint8Array {
    const module = this.#module;
    this.regions.forEach(({ body, at, op }, i) => {
      const fn = this.#functions.get(body)!;
      const entry = body.hasEntries ? defineEntry(module, fn, at) : fn;
      module.export(`r${i}`, entry);
      this.#entries.set(op, entry);
    });
    for (const [body, { seen: { rip } }] of this.#bodies) {
      module.define(this.#functions.get(body)!, body.locals, this.#relocated(body), body.rare, `guest_${rip.toString(16)}`);
    }
    return module.encode(MAX_MEMORY_BYTES / 65536);
  }

  /** The code of a body with the numbers of the functions it calls, and of its globals (BodyGlobal). */
  #relocated(body: RegionBody): Code {
    const globals = [this.#module.global('key', 'i64'), this.#linkGlobals.get(body)!, ...body.constants.map((hex) => this.#constant(hex))];
    const bytes = body.code.view().slice();
    for (const { at, kind, index } of body.relocations) {
      let value = kind === 'global' ? globals[index]! : this.#numberOf(body, body.callees[index]!);
      for (let i = 0; i < 5; i++, value >>>= 7) bytes[at + i] = (value & 0x7f) | (i < 4 ? 0x80 : 0);
    }
    const code = new Code();
    code.bytes(bytes);
    return code;
  }

  #constant(hex: string): number {
    let global = this.#constants.get(hex);
    if (global === undefined) this.#constants.set(hex, (global = this.#module.vectorGlobal(hex, Buffer.from(hex, 'hex'))));
    return global;
  }

  #numberOf(body: RegionBody, callee: Callee): number {
    const direct = this.#imports.get(nameOf(callee))!;
    if (typeof callee === 'string' || !('at' in callee)) return direct;
    const { links } = this.#bodies.get(body)!;
    const op = links.ops[body.ops.findIndex(({ at, isCold }) => at === callee.at && !isCold)]!;
    const entry = op === 0 ? undefined : this.#entries.get(op);
    return entry ?? this.#wayOut(body, direct);
  }

  /** `direct` with the address of a link in place of its offset in the body's links. */
  #wayOut(body: RegionBody, direct: number): number {
    let way = this.#waysOut.get(body);
    if (way !== undefined) return way;
    way = defineForward(this.#module, direct, (code) => {
      code.byte(OPCODE.GLOBAL_GET);
      code.u32(this.#linkGlobals.get(body)!);
      code.byte(OPCODE.ADD);
    });
    this.#waysOut.set(body, way);
    return way;
  }
}

/** A region's function that enters the code of several entries at one of them. */
function defineEntry(module: WasmModule, fn: number, at: number): number {
  return defineForward(module, fn, (code) => {
    code.byte(OPCODE.I32_CONST);
    code.s32(at);
  });
}

/** A function with a region's parameters that goes on in `fn` with them; `push` adds one, or changes the last. */
function defineForward(module: WasmModule, fn: number, push: (code: Code) => void): number {
  const code = new Code();
  for (const parameter of REGION_SIGNATURE.params.keys()) code.bytes([OPCODE.GET, parameter]);
  push(code);
  code.byte(OPCODE.RETURN_CALL);
  code.u32(fn);
  const forward = module.declare(REGION_SIGNATURE);
  module.define(forward, new LocalPool(REGION_SIGNATURE.params.length), code);
  return forward;
}

function importCallees(module: WasmModule, bodies: readonly RegionBody[]): Map<string, number> {
  const imports = new Map<string, number>();
  for (const callee of bodies.flatMap((body) => body.callees)) {
    const name = nameOf(callee);
    if (imports.has(name)) continue;
    const isRuntime = typeof callee !== 'string' && !('at' in callee);
    if (isRuntime) imports.set(name, module.importFunction('runtime', name, { params: callee.params, results: callee.result === 'void' ? [] : [callee.result] }));
    else imports.set(name, module.importFunction('env', name, INTERPRETER_FUNCTIONS[name as keyof typeof INTERPRETER_FUNCTIONS]));
  }
  return imports;
}
