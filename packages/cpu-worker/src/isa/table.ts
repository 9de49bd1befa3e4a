import type { Row } from './row.js';
import { aluRowList } from './rows/alu.js';
import { bitRowList } from './rows/bit.js';
import { branchRowList } from './rows/branch.js';
import { moveRowList } from './rows/move.js';
import { muldivRowList } from './rows/muldiv.js';
import { mmxRows } from './rows/mmx.js';
import { shiftRowList } from './rows/shift.js';
import { stringRowList } from './rows/string.js';
import { systemRowList } from './rows/system.js';
import { sseCompareRows } from './rows/sse-compare.js';
import { sseFloatArithRows } from './rows/sse-float-arith.js';
import { sseFloatConvertRows } from './rows/sse-float-convert.js';
import { sseIntArithRows } from './rows/sse-int-arith.js';
import { sseMoveRows } from './rows/sse-move.js';
import { sseShiftShuffleRows } from './rows/sse-shift-shuffle.js';
import { sseStateRows } from './rows/sse-state.js';
import { sse41RoundRows } from './rows/sse41-round.js';
import { sse41Rows } from './rows/sse41.js';
import { sse42StringRows } from './rows/sse42-string.js';
import { ssse3Rows } from './rows/ssse3.js';
import { x87ArithRows } from './rows/x87-arith.js';
import { x87ControlRows } from './rows/x87-control.js';
import { x87MoveRows } from './rows/x87-move.js';

/** Every instruction row, in a fixed order: handler numbers of the interpreter follow from it. */
export const ISA: readonly Row[] = [
  ...aluRowList, ...moveRowList, ...shiftRowList, ...muldivRowList, ...branchRowList, ...bitRowList, ...stringRowList, ...systemRowList,
  ...sseMoveRows, ...sseIntArithRows, ...sseShiftShuffleRows, ...sseStateRows, ...mmxRows, ...ssse3Rows, ...sse41Rows,
  ...sseFloatArithRows, ...sseFloatConvertRows, ...sseCompareRows, ...sse41RoundRows, ...sse42StringRows,
  ...x87MoveRows, ...x87ArithRows, ...x87ControlRows,
];
