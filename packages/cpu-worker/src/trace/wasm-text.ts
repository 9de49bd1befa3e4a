import { RELOCATED } from '../ir/lower.js';
import type { IrNames } from './ir-text.js';
import { MEMORY_NAMES, PURE_BY_CODE } from './wasm-names.js';

const INDENT = '  ';
const BLOCK_NAMES: Readonly<Record<number, string>> = { 0x02: 'block', 0x03: 'loop', 0x04: 'if' };
const PLAIN_NAMES: Readonly<Record<number, string>> = { 0x00: 'unreachable', 0x0f: 'return', 0x1a: 'drop', 0x1b: 'select' };
const LOCAL_NAMES: Readonly<Record<number, string>> = { 0x20: 'local.get', 0x21: 'local.set', 0x22: 'local.tee' };
const GLOBAL_NAMES: Readonly<Record<number, string>> = { 0x23: 'global.get', 0x24: 'global.set' };
const CALL_NAMES: Readonly<Record<number, string>> = { 0x10: 'call', 0x12: 'return_call' };
const BRANCH_NAMES: Readonly<Record<number, string>> = { 0x0c: 'br', 0x0d: 'br_if' };
const FENCE = 0xfe0003;
const [BR_TABLE, TYPED_SELECT, ELSE, END] = [0x0e, 0x1c, 0x05, 0x0b];

/** Instructions after which a line ends. */
const ENDS_LINE = /^(local\.set|global\.set|drop|return|unreachable|br|block|loop|if|else|end|.*store)/;

/** Text of the code that ir/lower.ts writes, as in the WebAssembly text format, values on the line of what takes them; numbers that are not known before a module is put together are names. */
export class WasmText {
  #at = 0;
  #depth = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array, readonly names: IrNames) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  lines(): string[] {
    const lines: string[] = [];
    let line: string[] = [];
    while (this.#at < this.bytes.length) {
      const code = this.#opcode();
      if (code === END || code === ELSE) this.#depth--;
      line.push(this.#text(code));
      if (!ENDS_LINE.test(line.at(-1)!)) continue;
      lines.push(INDENT.repeat(Math.max(0, this.#depth)) + line.join(' '));
      line = [];
      if (code === ELSE || code in BLOCK_NAMES) this.#depth++;
    }
    return [...lines, ...line];
  }

  #opcode(): number {
    const first = this.#byte();
    return first >= 0xfc && first <= 0xfe ? (first << 16) | this.#u32() : first;
  }

  #text(code: number): string {
    const pure = PURE_BY_CODE.get(code);
    if (pure) return pure.lane ? `${pure.name} ${this.#byte()}` : pure.name;
    if (MEMORY_NAMES.has(code)) return `${MEMORY_NAMES.get(code)!}${this.#memarg()}`;
    if (code in PLAIN_NAMES) return PLAIN_NAMES[code]!;
    if (code in LOCAL_NAMES) return `${LOCAL_NAMES[code]!} $${this.names.local(this.#u32())}`;
    if (code in GLOBAL_NAMES) return `${GLOBAL_NAMES[code]!} $${this.#name(this.names.global, 'coreBlock')}`;
    if (code in CALL_NAMES) return `${CALL_NAMES[code]!} $${this.#name(this.names.callee, 'own')}`;
    if (code in BRANCH_NAMES) return `${BRANCH_NAMES[code]!} ${this.#u32()}`;
    return this.#rest(code);
  }

  #rest(code: number): string {
    switch (code) {
      case END: return 'end';
      case ELSE: return 'else';
      case 0x02: case 0x03: case 0x04:
        this.#byte();
        return BLOCK_NAMES[code]!;
      case BR_TABLE: return `br_table ${Array.from({ length: this.#u32() + 1 }, () => this.#u32()).join(' ')}`;
      case TYPED_SELECT:
        this.#skip(2);
        return 'select (result v128)';
      case 0x41: return `i32.const ${this.#signed()}`;
      case 0x42: return `i64.const ${this.#signed()}`;
      case 0x43: return `f32.const ${this.#view.getFloat32(this.#skip(4), true)}`;
      case 0x44: return `f64.const ${this.#view.getFloat64(this.#skip(8), true)}`;
      case 0xfd000c: return `v128.const i8x16 ${this.#lanes()}`;
      case 0xfd000d: return `i8x16.shuffle ${this.#lanes()}`;
      case FENCE:
        this.#byte();
        return 'atomic.fence';
      default: throw new Error(`wasm text: opcode ${code.toString(16)}`);
    }
  }

  #lanes(): string {
    const at = this.#skip(16);
    return this.bytes.subarray(at, at + 16).join(' ');
  }

  #memarg(): string {
    this.#u32();
    const offset = this.#u32();
    return offset === 0 ? '' : ` offset=${offset}`;
  }

  #name(name: (index: number) => string, own: string): string {
    const index = this.#u32();
    return index >= RELOCATED ? name(index - RELOCATED) : own;
  }

  #byte(): number {
    return this.bytes[this.#at++]!;
  }

  /** Where `count` bytes were. */
  #skip(count: number): number {
    this.#at += count;
    return this.#at - count;
  }

  #u32(): number {
    return Number(this.#leb().value);
  }

  #signed(): bigint {
    const { value, bits } = this.#leb();
    return BigInt.asIntN(bits, value);
  }

  #leb(): { value: bigint; bits: number } {
    let value = 0n;
    let bits = 0;
    for (;;) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(bits);
      bits += 7;
      if ((byte & 0x80) === 0) return { value, bits };
    }
  }
}
