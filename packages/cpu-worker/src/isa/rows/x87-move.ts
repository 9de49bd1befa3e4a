import { condition } from '../../ir/flags.js';
import type { Row } from '../row.js';
import { FORMATS, call, readAddress, wait, writeMemory, x87 } from '../x87/library.js';
import type { Format } from '../x87/library.js';

/** x87 loads, stores, exchanges and stack management (SDM Vol. 2A). */

function sdm(mnemonic: string): string {
  return `SDM Vol. 2A ${mnemonic.toUpperCase()}`;
}

const LOADS: [mnemonic: string, enc: string, format: Format][] = [
  ['fld', 'D9 /0', 'f32'], ['fld', 'DD /0', 'f64'], ['fld', 'DB /5', 'f80'],
  ['fild', 'DF /0', 'i16'], ['fild', 'DB /0', 'i32'], ['fild', 'DF /5', 'i64'], ['fbld', 'DF /4', 'bcd'],
];

const STORES: [mnemonic: string, enc: string, format: Format, pop: number][] = [
  ['fst', 'D9 /2', 'f32', 0], ['fstp', 'D9 /3', 'f32', 1], ['fst', 'DD /2', 'f64', 0], ['fstp', 'DD /3', 'f64', 1], ['fstp', 'DB /7', 'f80', 1],
  ['fist', 'DF /2', 'i16', 0], ['fistp', 'DF /3', 'i16', 1], ['fist', 'DB /2', 'i32', 0], ['fistp', 'DB /3', 'i32', 1], ['fistp', 'DF /7', 'i64', 1],
  ['fbstp', 'DF /6', 'bcd', 1],
];

const TRUNCATING_STORES: [enc: string, format: Format][] = [['DF /1', 'i16'], ['DB /1', 'i32'], ['DD /1', 'i64']];

function memoryRows(): Row[] {
  return [
    ...LOADS.map(([mnemonic, enc, format]): Row => {
      const { number, sizeBits } = FORMATS[format];
      return {
        mnemonic, enc, ops: `r:m${sizeBits}`, feature: 'fpu', cite: sdm(mnemonic),
        sem: (b, src) => { wait(b); call(b, x87.load, number, readAddress(b, src, sizeBits / 8)); },
      };
    }),
    ...STORES.map(([mnemonic, enc, format, pop]): Row => {
      const { number, sizeBits } = FORMATS[format];
      return {
        mnemonic, enc, ops: `w:m${sizeBits}`, feature: 'fpu', cite: sdm(mnemonic),
        sem: (b, dst) => {
          wait(b);
          writeMemory(b, dst, sizeBits / 8, (at) => b.call(x87.store, b.tcb(), b.i32(number), b.i32(pop), at));
        },
      };
    }),
    ...TRUNCATING_STORES.map(([enc, format]): Row => {
      const { number, sizeBits } = FORMATS[format];
      return {
        mnemonic: 'fisttp', enc, ops: `w:m${sizeBits}`, feature: 'sse3', cite: sdm('fisttp'),
        sem: (b, dst) => {
          wait(b);
          writeMemory(b, dst, sizeBits / 8, (at) => b.call(x87.storeTruncated, b.tcb(), b.i32(number), at));
        },
      };
    }),
  ];
}

const CONSTANTS = ['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'];

function constantRows(): Row[] {
  return CONSTANTS.map((mnemonic, n): Row => ({
    mnemonic, enc: `D9 ${(0xe8 + n).toString(16).toUpperCase()}`, ops: '', feature: 'fpu', cite: 'SDM Vol. 2A FLD1',
    sem: (b) => { wait(b); call(b, x87.constant, n); },
  }));
}

/** FCMOVcc: opcode, first register byte, condition code (SDM Vol. 1 B.1). */
const CONDITIONAL: [mnemonic: string, enc: string, cc: number][] = [
  ['fcmovb', 'DA C0+i', 2], ['fcmove', 'DA C8+i', 4], ['fcmovbe', 'DA D0+i', 6], ['fcmovu', 'DA D8+i', 10],
  ['fcmovnb', 'DB C0+i', 3], ['fcmovne', 'DB C8+i', 5], ['fcmovnbe', 'DB D0+i', 7], ['fcmovnu', 'DB D8+i', 11],
];
const FLAGS_READ = ['', '', 'c', 'c', 'z', 'z', 'zc', 'zc', '', '', 'p', 'p'];

/** FSTP, FXCH and FFREEP have undocumented encodings beside the usual ones. */
const STACK_STORES: [mnemonic: string, enc: string, pop: number][] = [['fst', 'DD D0+i', 0], ['fstp', 'DD D8+i', 1], ['fstp', 'DF D0+i', 1], ['fstp', 'DF D8+i', 1]];

function stackRows(): Row[] {
  return [
    { mnemonic: 'fld', enc: 'D9 C0+i', ops: 'r:sti', feature: 'fpu', cite: sdm('fld'), sem: (b, src) => { wait(b); call(b, x87.fldSt, b.regNumber(src)); } },
    ...['D9 C8+i', 'DD C8+i', 'DF C8+i'].map((enc): Row => ({
      mnemonic: 'fxch', enc, ops: 'rw:st0 rw:sti', feature: 'fpu', cite: sdm('fxch'), sem: (b, _top, other) => { wait(b); call(b, x87.fxch, b.regNumber(other)); },
    })),
    ...STACK_STORES.map(([mnemonic, enc, pop]): Row => ({
      mnemonic, enc, ops: 'w:sti', feature: 'fpu', cite: sdm(mnemonic), sem: (b, dst) => { wait(b); call(b, x87.fstSt, b.regNumber(dst), pop); },
    })),
    ...([['ffree', 'DD C0+i', 0], ['ffreep', 'DF C0+i', 1]] as const).map(([mnemonic, enc, pop]): Row => ({
      mnemonic, enc, ops: 'n:sti', feature: 'fpu', cite: sdm('ffree'), sem: (b, o) => { wait(b); call(b, x87.ffree, b.regNumber(o), pop); },
    })),
    ...CONDITIONAL.map(([mnemonic, enc, cc]): Row => ({
      mnemonic, enc, ops: 'rw:st0 r:sti', flags: { r: FLAGS_READ[cc]! }, feature: 'cmov', cite: sdm('fcmovcc'),
      sem: (b, _dst, src) => { wait(b); call(b, x87.fcmov, b.regNumber(src), condition(b, cc)); },
    })),
    ...([['fdecstp', 'D9 F6', 7], ['fincstp', 'D9 F7', 1]] as const).map(([mnemonic, enc, by]): Row => ({
      mnemonic, enc, ops: '', feature: 'fpu', cite: sdm(mnemonic), sem: (b) => { wait(b); call(b, x87.rotate, by); },
    })),
  ];
}

export const x87MoveRows: readonly Row[] = [...memoryRows(), ...constantRows(), ...stackRows()];
