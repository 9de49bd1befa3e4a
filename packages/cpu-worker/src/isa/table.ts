import type { Row } from './row.js';
import { aluRowList } from './rows/alu.js';

/** Every instruction row, in a fixed order: handler numbers of the interpreter follow from it. */
export const ISA: readonly Row[] = [...aluRowList];
