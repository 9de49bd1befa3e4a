import { type Code, TY_BYTE } from './code.js';
import type { LateConstant, Label, Node } from './node.js';
import type { Ty } from './types.js';

/**
 * Graph → wasm. Values used once, and whose inputs do not change before the use, become part of
 * the expression that uses them; all others get a local where they were made.
 */

/** Locals of one wasm function: parameters first, then what the code needs, reused after `release`. */
export class LocalPool {
  readonly #types: Ty[] = [];
  readonly #free = new Map<Ty, number[]>();
  #taken: [Ty, number][] = [];

  constructor(readonly params: number) {}

  /** Of all locals behind the parameters. */
  get types(): readonly Ty[] {
    return this.#types;
  }

  /** A local for the rest of the function. */
  reserve(ty: Ty): number {
    this.#types.push(ty);
    return this.params + this.#types.length - 1;
  }

  /** A local until the next `release`. */
  take(ty: Ty): number {
    const local = this.#free.get(ty)?.pop() ?? this.reserve(ty);
    this.#taken.push([ty, local]);
    return local;
  }

  release(): void {
    for (const [ty, local] of this.#taken.reverse()) {
      const list = this.#free.get(ty);
      if (list) list.push(local);
      else this.#free.set(ty, [local]);
    }
    this.#taken = [];
  }

  encode(code: Code): void {
    const runs: [Ty, number][] = [];
    for (const ty of this.#types) {
      const last = runs.at(-1);
      if (last && last[0] === ty) last[1]++;
      else runs.push([ty, 1]);
    }
    code.u32(runs.length);
    for (const [ty, count] of runs) {
      code.u32(count);
      code.byte(TY_BYTE[ty]);
    }
  }
}

function flatten(list: readonly Node[], out: Node[]): Node[] {
  for (const node of list) {
    out.push(node);
    if (node.op.kind === 'if') {
      flatten(node.op.then, out);
      flatten(node.op.otherwise, out);
    } else if (node.op.kind === 'block' || node.op.kind === 'loop') flatten(node.op.body, out);
  }
  return out;
}

/** Always repeated at each use: costs no more than a local. */
function isTrivial(node: Node): boolean {
  return node.op.kind === 'const' || node.op.kind === 'late' || (node.op.kind === 'get' && node.op.alias === 'fixed');
}

function canInline(node: Node, consumer: Node): boolean {
  const env = consumer.env;
  if (node.made.loop !== env.loop) return false;
  const op = node.op;
  if ((op.kind === 'load' || op.kind === 'get') && op.alias !== 'fixed') return node.made[op.alias] === env[op.alias];
  if (op.kind === 'global') return node.made.var === env.var;
  return true;
}

/** Finds dead nodes and decides which values are inlined. Consumers come after their inputs, so one backward pass does. */
export function analyse(root: readonly Node[]): void {
  const order = flatten(root, []);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    if (!node.isEffect && node.uses === 0) continue;
    node.live = true;
    if (!node.isEffect && node.uses === 1 && node.consumer && canInline(node, node.consumer)) {
      node.inlined = true;
      node.env = node.consumer.env;
    } else if (isTrivial(node)) node.inlined = true;
    for (const arg of node.args) {
      arg.uses++;
      arg.consumer = node;
    }
  }
}

const NUMERIC_CONST = { i32: 0x41, i64: 0x42, f32: 0x43, f64: 0x44 } as const;

/** Numbers of functions and globals from here on are only known when the module is put together; they take five bytes. */
export const RELOCATED = 0x1000_0000;

/** A number of a function, or of a global, that has to be filled in. */
export interface Relocation {
  readonly at: number;
  readonly kind: 'fn' | 'global';
  readonly index: number;
}

/** Emits the code of node lists into one function body. */
export class Lowering {
  readonly relocations: Relocation[] = [];
  /** Where the conditional branches are that are hardly ever taken. */
  readonly rare: number[] = [];
  /** Where constants stand that have to be filled in. */
  readonly late: { readonly at: number; readonly constant: LateConstant }[] = [];
  readonly #labels: Label[] = [];

  constructor(
    readonly code: Code,
    readonly locals: LocalPool,
    /** Position, counted from the innermost, of a label whose block is put around the code later. */
    readonly outerDepth?: (label: Label) => number | undefined,
  ) {}

  /** Fills in the constants that were not known. */
  fillIn(): void {
    const bytes = this.code.view();
    for (const { at, constant } of this.late) bytes.set(paddedS32(constant.value), at);
  }

  /** Opens a block or loop around what is emitted next. */
  open(kind: 'block' | 'loop', label: Label): void {
    this.code.byte(kind === 'block' ? 0x02 : 0x03);
    this.code.byte(0x40);
    this.#labels.push(label);
  }

  #openIf(): void {
    this.code.bytes([0x04, 0x40]);
    this.#labels.push(ANONYMOUS);
  }

  /** Second branch of an `if` opened by an `openIf` node. */
  otherwise(): void {
    this.code.byte(0x05);
  }

  close(): void {
    this.code.byte(0x0b);
    this.#labels.pop();
  }

  list(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (!node.live || node.inlined) continue;
      this.#node(node);
      if (node.ty === 'void') continue;
      if (node.uses === 0) this.code.byte(0x1a);
      else {
        node.local = this.locals.take(node.ty);
        this.code.byte(0x21);
        this.code.u32(node.local);
      }
    }
  }

  #value(node: Node): void {
    if (node.inlined) return this.#node(node);
    if (node.local < 0) throw new Error(`lower: ${node.op.kind} node used outside of the branch that made it`);
    this.code.byte(0x20);
    this.code.u32(node.local);
  }

  #depth(label: Label): number {
    const at = this.#labels.lastIndexOf(label);
    if (at >= 0) return this.#labels.length - 1 - at;
    const outer = this.outerDepth?.(label);
    if (outer === undefined) throw new Error(`lower: label ${label.name} is not open`);
    return this.#labels.length + outer;
  }

  #memarg(alignLog2: number, offset: number): void {
    this.code.u32(alignLog2);
    this.code.u32(offset);
  }

  #opcode(code: number): void {
    const prefix = code >>> 16;
    if (prefix) this.code.byte(prefix);
    if (prefix) this.code.u32(code & 0xffff);
    else this.code.byte(code);
  }

  #node(node: Node): void {
    const { op } = node;
    if (op.kind === 'if') return this.#if(node);
    for (const arg of node.args) this.#value(arg);
    const { code } = this;
    switch (op.kind) {
      case 'const': return this.#const(node, op.value);
      case 'late':
        code.byte(NUMERIC_CONST[node.ty as 'i32' | 'i64']);
        this.late.push({ at: code.length, constant: op.constant });
        return code.bytes(paddedS32(0));
      case 'pure':
        this.#opcode((op.info.prefix << 16) | op.info.code);
        if (op.info.lane) code.byte(op.lane);
        return;
      case 'select': return node.ty === 'v128' ? code.bytes([0x1c, 1, TY_BYTE.v128]) : code.byte(0x1b);
      case 'shuffle':
        this.#opcode(0xfd000d);
        return code.bytes(op.lanes);
      case 'load': case 'store':
        this.#opcode(op.code);
        return this.#memarg(0, op.offset);
      case 'atomic':
        this.#opcode(op.code);
        if (op.code === ATOMIC_FENCE) return code.byte(0);
        return this.#memarg(atomicAlign(op.code), op.offset);
      case 'get': return this.#indexed(0x20, op.local);
      case 'set': return this.#indexed(0x21, op.local);
      case 'global': return this.#relocatable('global', 0x23, op.index);
      case 'setGlobal': return this.#relocatable('global', 0x24, op.index);
      case 'call': case 'tailCall':
        return this.#relocatable('fn', op.kind === 'call' ? 0x10 : 0x12, op.fn);
      case 'callIndirect': case 'tailCallIndirect':
        this.#indexed(op.kind === 'callIndirect' ? 0x11 : 0x13, op.type);
        return code.u32(op.table);
      case 'openIf': return this.#openIf();
      case 'copy': return code.bytes([0xfc, 10, 0, 0]);
      case 'fill': return code.bytes([0xfc, 11, 0]);
      case 'block': case 'loop':
        this.open(op.kind, op.label);
        this.list(op.body);
        return this.close();
      case 'br': return this.#indexed(0x0c, this.#depth(op.label));
      case 'brIf':
        if (op.isRare) this.rare.push(code.length);
        return this.#indexed(0x0d, this.#depth(op.label));
      case 'brTable':
        this.#indexed(0x0e, op.labels.length);
        for (const label of op.labels) code.u32(this.#depth(label));
        return code.u32(this.#depth(op.fallback));
      case 'return': return code.byte(0x0f);
    }
  }

  #relocatable(kind: Relocation['kind'], opcode: number, index: number): void {
    if (index >= RELOCATED) this.relocations.push({ at: this.code.length + 1, kind, index: index - RELOCATED });
    this.#indexed(opcode, index);
  }

  #indexed(opcode: number, index: number): void {
    this.code.byte(opcode);
    this.code.u32(index);
  }

  #const(node: Node, value: number | bigint | Uint8Array): void {
    const { code } = this;
    if (value instanceof Uint8Array) {
      this.#opcode(0xfd000c);
      return code.bytes(value);
    }
    code.byte(NUMERIC_CONST[node.ty as keyof typeof NUMERIC_CONST]);
    if (node.ty === 'i32') code.s32(Number(value));
    else if (node.ty === 'i64') code.s64(BigInt(value));
    else if (node.ty === 'f32') code.f32(Number(value));
    else code.f64(Number(value));
  }

  #if(node: Node): void {
    if (node.op.kind !== 'if') return;
    this.#value(node.args[0]!);
    if (node.op.isRare) this.rare.push(this.code.length);
    this.#openIf();
    this.list(node.op.then);
    if (node.op.otherwise.length > 0) {
      this.code.byte(0x05);
      this.list(node.op.otherwise);
    }
    this.close();
  }
}

/** Signed LEB128 in five bytes. */
function paddedS32(value: number): number[] {
  return Array.from({ length: 5 }, (_, i) => (Math.floor(value / 2 ** (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
}

const ANONYMOUS: Label = { name: 'if' };

export const ATOMIC_FENCE = 0xfe0003;

/** Natural alignment of an atomic access: wasm requires it in the memarg (threads proposal, binary format). */
function atomicAlign(code: number): number {
  const n = code & 0xff;
  if (n < 0x10) return 2;
  // Groups of seven from 0x10 (load), 0x17 (store), 0x1e (add) …: i32 i64 i32_8 i32_16 i64_8 i64_16 i64_32.
  return [2, 3, 0, 1, 0, 1, 2][(n - 0x10) % 7]!;
}
