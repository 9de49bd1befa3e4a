import { ISA } from '../isa/table.js';
import { parseOperands, type OperandSpec } from '../isa/operand-spec.js';
import type { Row } from '../isa/row.js';
import { flaglessAllowed, fusedConditions } from './variants.js';

/**
 * Handlers of the interpreter: each row in each form its operands can take, plus variants of the
 * frequent ones (variants.ts). Both the emitter and the decoder enumerate them from the rows, so
 * handler numbers need no table on disk.
 */

/** How a memory operand is addressed: none, base + disp, base + index * scale + disp, or anything. */
export type Addressing = 'none' | 'base' | 'index' | 'general';

/** A row with the kind of its ModRM operand decided. */
export interface Form {
  readonly row: Row;
  readonly rowNumber: number;
  readonly operands: readonly OperandSpec[];
  /** The rm (or moffs) operand is in memory. */
  readonly mem: boolean;
  readonly locked: boolean;
  /** Numbers of the handlers by addressing. Hot ones first; `general` (or `none`) always exists. */
  readonly handlers: Partial<Record<Addressing, number>>;
}

export interface Handler {
  readonly number: number;
  readonly form: Form;
  readonly addressing: Addressing;
  readonly hot: boolean;
  /** Does not write the flags: the decoder uses it where they are overwritten before they are read. */
  readonly flagless: boolean;
  /** Fused with the conditional jump that follows: condition code, else -1. */
  readonly cc: number;
}

/** Handlers that are no instruction. */
export const Special = {
  /** Continue at the page-relative address `imm`; not counted as an instruction. */
  CHAIN: 0,
  /** Before an instruction that runs into the next page: imm = low half: expected code page, high half: its generation. */
  GUARD: 1,
} as const;
const SPECIAL_COUNT = 2;

function formsOf(row: Row, rowNumber: number): Omit<Form, 'handlers'>[] {
  const operands = parseOperands(row);
  const rm = operands.find((o) => o.source === 'rm' || o.source === 'moffs');
  const forms: Omit<Form, 'handlers'>[] = [];
  const base = { row, rowNumber, operands };
  if (!rm || rm.allowReg) forms.push({ ...base, mem: false, locked: false });
  if (rm?.allowMem) forms.push({ ...base, mem: true, locked: row.alwaysLocked ?? false });
  if (rm?.allowMem && row.lock && !row.alwaysLocked) forms.push({ ...base, mem: true, locked: true });
  return forms;
}

function hotAddressings(form: Form): Addressing[] {
  if (!form.row.hot || form.locked) return [];
  return form.mem ? ['base', 'index'] : ['none'];
}

/**
 * Forms of a mnemonic that read the op record alike have one handler: `01 /r` and `03 /r` between
 * registers, sign-extended and full immediates. '' = not shared.
 */
function shapeOf(form: Form): string {
  if (form.operands.some((o) => o.file !== 'gpr' || o.source === 'rel' || o.source === 'moffs')) return '';
  const kinds = form.operands.map((o) => {
    if (o.source === 'imm') return `i${o.sizeBits}`;
    if (o.source === 'one' || o.source === 'fixed') return o.text;
    return form.mem && o.allowMem ? `m${o.memBits}` : `r${o.sizeBits}`;
  });
  return `${form.row.mnemonic} ${kinds.join(' ')}`;
}

export const FORMS: Form[] = ISA.flatMap((row, i) => formsOf(row, i)).map((form) => ({ ...form, handlers: {} }));
/** By number; the first `HOT_COUNT` are in the interpreter's main switch. */
export const HANDLERS: (Handler | undefined)[] = [];

/** Handler → its variant that leaves the flags alone. */
export const FLAGLESS = new Map<number, number>();
/** Handler * 16 + condition → fused handler, that writes the flags or does not. */
export const FUSED = new Map<number, number>();
export const FUSED_FLAGLESS = new Map<number, number>();

function add(form: Form, addressing: Addressing, hot: boolean, variant: { flagless?: boolean; cc?: number } = {}): number {
  const number = HANDLERS.length;
  HANDLERS.push({ number, form, addressing, hot, flagless: variant.flagless ?? false, cc: variant.cc ?? -1 });
  return number;
}

function addHot(form: Form, addressing: Addressing, shapes: Map<string, number>): void {
  const shape = shapeOf(form);
  const key = `${shape} ${addressing}`;
  const known = shape === '' ? undefined : shapes.get(key);
  const number = known ?? add(form, addressing, true);
  form.handlers[addressing] = number;
  if (known !== undefined || shape === '') return;
  shapes.set(key, number);
  if (flaglessAllowed(shape, addressing)) FLAGLESS.set(number, add(form, addressing, true, { flagless: true }));
  for (const cc of fusedConditions(shape, addressing)) {
    FUSED.set(number * 16 + cc, add(form, addressing, true, { cc }));
    FUSED_FLAGLESS.set(number * 16 + cc, add(form, addressing, true, { cc, flagless: true }));
  }
}

function enumerate(): number {
  HANDLERS.length = SPECIAL_COUNT;
  const shapes = new Map<string, number>();
  // A nop comes last: the compiler puts the code of the last handler, aligned, right before the
  // dispatch. With a long handler there the dispatch crosses a cache line, which halves the speed on
  // the processors measured (Zen).
  const isLast = ({ row, mem }: Form): boolean => row.mnemonic === 'endbr64' && !mem;
  for (const form of [...FORMS.filter((f) => !isLast(f)), ...FORMS.filter(isLast)]) {
    for (const addressing of hotAddressings(form)) addHot(form, addressing, shapes);
  }
  const hotCount = HANDLERS.length;
  for (const form of FORMS) {
    if (form.mem) form.handlers.general = add(form, 'general', false);
    else form.handlers.none ??= add(form, 'none', false);
  }
  return hotCount;
}

export const HOT_COUNT = enumerate();

/** FNV-1a over the rows: changes when handler numbers may. */
function rowsKey(): string {
  let hash = 0x811c9dc5 ^ (HANDLERS.length << 12) ^ HOT_COUNT;
  for (const { mnemonic, enc, ops } of ISA) {
    const text = mnemonic + enc + ops;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0).toString(16);
}

/** Name under which the interpreter exports its entry: an interpreter built from other rows has another one. */
export const RUN_EXPORT = `run-${rowsKey()}`;
/** The same for the main loop, a module of its own. */
export const MAIN_EXPORT = `main-${rowsKey()}`;
/** Slot of the main loop in the function table of the handlers. */
export const MAIN_SLOT = HANDLERS.length;

/** Key under which the decoder finds a form. */
export function formKey(rowNumber: number, mem: boolean, locked: boolean): number {
  return rowNumber * 4 + (mem ? 2 : 0) + (locked ? 1 : 0);
}

export const FORM_BY_KEY: ReadonlyMap<number, Form> = new Map(FORMS.map((f) => [formKey(f.rowNumber, f.mem, f.locked), f]));
