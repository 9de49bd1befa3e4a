import { ISA } from '../isa/table.js';
import { parseOperands, type OperandSpec } from '../isa/operand-spec.js';
import type { Row } from '../isa/row.js';

/**
 * Handlers of the interpreter: each row in each form its operands can take. Both the emitter and
 * the decoder enumerate them from the rows, so handler numbers need no table on disk.
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

function hotAddressings(form: Omit<Form, 'handlers'>): Addressing[] {
  if (!form.row.hot || form.locked) return [];
  return form.mem ? ['base', 'index'] : ['none'];
}

export const FORMS: Form[] = [];
/** By number; the first `HOT_COUNT` are in the interpreter's main switch. */
export const HANDLERS: (Handler | undefined)[] = [];

function enumerate(): number {
  const plain = ISA.flatMap((row, i) => formsOf(row, i));
  FORMS.push(...plain.map((form) => ({ ...form, handlers: {} })));
  HANDLERS.length = SPECIAL_COUNT;
  const add = (form: Form, addressing: Addressing, hot: boolean): void => {
    form.handlers[addressing] = HANDLERS.length;
    HANDLERS.push({ number: HANDLERS.length, form, addressing, hot });
  };
  for (const form of FORMS) for (const addressing of hotAddressings(form)) add(form, addressing, true);
  const hotCount = HANDLERS.length;
  for (const form of FORMS) {
    if (form.mem) add(form, 'general', false);
    else if (form.handlers.none === undefined) add(form, 'none', false);
  }
  return hotCount;
}

export const HOT_COUNT = enumerate();

/** Key under which the decoder finds a form. */
export function formKey(rowNumber: number, mem: boolean, locked: boolean): number {
  return rowNumber * 4 + (mem ? 2 : 0) + (locked ? 1 : 0);
}

export const FORM_BY_KEY: ReadonlyMap<number, Form> = new Map(FORMS.map((f) => [formKey(f.rowNumber, f.mem, f.locked), f]));
