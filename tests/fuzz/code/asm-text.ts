/** Text of one generated case: lines, registers, memory operands, and whether all flags are defined at this point. */
import type { Random } from '../../isa/gen/random.js';

export type Size = 1 | 2 | 4 | 8;
export const SUFFIX: Readonly<Record<Size, string>> = { 1: 'b', 2: 'w', 4: 'l', 8: 'q' };

/** Registers that instructions may write. rbx: base of the data, r12: index below 256, r15: fuel of back edges. */
const LEGACY = ['ax', 'cx', 'dx', 'si', 'di', 'bp'];
const NEW = ['8', '9', '10', '11', '13', '14'];
const HIGH_BYTES = ['ah', 'ch', 'dh'];
const WRITABLE = [...LEGACY, ...NEW];
const WITHOUT_FRAME = WRITABLE.filter((name) => name !== 'bp');
export const FIRST_SAFE_OFFSET = -8192;
const PAGE = 4096;

export function registerName(name: string, size: Size): string {
  if (/^\d/.test(name)) return `%r${name}${{ 1: 'b', 2: 'w', 4: 'd', 8: '' }[size]}`;
  if (size === 1) return name.endsWith('x') ? `%${name[0]}l` : `%${name}l`;
  return `%${{ 2: '', 4: 'e', 8: 'r' }[size]}${name}`;
}

export class AsmText {
  readonly lines: string[] = [];
  /** False after instructions that leave flags undefined; a reader needs `defineFlags` first. */
  hasDefinedFlags = true;
  /** rbp points to the frame of a function: it may be read only. */
  hasFrame = false;
  #labels = 0;

  constructor(readonly random: Random, readonly prefix: string) {}

  put(...lines: string[]): void {
    this.lines.push(...lines);
  }

  label(): string {
    return `.L${this.prefix}_${this.#labels++}`;
  }

  register(size: Size): string {
    return registerName(this.random.pick(this.hasFrame ? WITHOUT_FRAME : WRITABLE), size);
  }

  /** ah, ch and dh go with operands that need no REX prefix. */
  highByte(): string {
    return `%${this.random.pick(HIGH_BYTES)}`;
  }

  /** Also registers that must not be written. */
  source(size: Size): string {
    return this.random.percent(8) && size > 1 ? registerName(this.random.pick(['12', '15']), size) : this.register(size);
  }

  xmm(): string {
    return `%xmm${this.random.below(16)}`;
  }

  immediate(size: Size): string {
    const { random } = this;
    const value = random.percent(60) ? random.below(256) - 128 : random.u32() | 0;
    const wrapped = size === 1 ? (value << 24) >> 24 : size === 2 ? (value << 16) >> 16 : value;
    return `$${wrapped}`;
  }

  #offset(reach: number, align: number): number {
    const { random } = this;
    const kind = random.below(10);
    const boundary = random.pick([-PAGE, 0, PAGE, PAGE]);
    const offset = kind < 3 ? random.below(128) : kind < 5 && align === 1 ? boundary - 1 - random.below(16) : kind < 6 ? PAGE + random.below(128) : random.below(12_000) - 8000;
    const bounded = Math.max(FIRST_SAFE_OFFSET, Math.min(offset, 8192 - reach));
    return Math.floor(bounded / align) * align;
  }

  /** A memory operand of `bytes` bytes inside the data; `align` 16 for what needs it. */
  memory(bytes: number, align = 1): string {
    const { random } = this;
    const kind = align > 1 ? random.pick([0, 3]) : random.below(5);
    if (kind <= 1) return `${this.#offset(bytes, align)}(%rbx)`;
    if (kind === 2) {
      const scale = random.pick([1, 2, 4, 8]);
      return `${this.#offset(bytes + 255 * scale, 1)}(%rbx,%r12,${scale})`;
    }
    const at = this.#offset(bytes, align) - FIRST_SAFE_OFFSET;
    return kind === 3 ? `fuzz_data+${at}(%rip)` : `fuzz_data+${at}`;
  }

  /** All arithmetic flags, by a compare. */
  defineFlags(): void {
    if (this.hasDefinedFlags) return;
    const size = this.random.pick([1, 2, 4, 8] as const);
    this.put(`cmp${SUFFIX[size]} ${this.register(size)}, ${this.register(size)}`);
    this.hasDefinedFlags = true;
  }
}
