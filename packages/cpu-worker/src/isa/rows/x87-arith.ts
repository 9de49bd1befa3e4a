import { flagsZeroParityCarry } from '../../ir/flags.js';
import type { Row } from '../row.js';
import { FORMATS, call, readAddress, wait, x87 } from '../x87/library.js';
import type { Format } from '../x87/library.js';

/** x87 arithmetic and comparison: D8, DC, DE, DA groups and the D9 functions (SDM Vol. 2A). */

/** Operation numbers: the /r field of D8. */
const ARITH = [['add', 0], ['mul', 1], ['sub', 4], ['subr', 5], ['div', 6], ['divr', 7]] as const;

/** Groups with a memory operand: opcode, format, prefix of the mnemonic. */
const MEMORY_GROUPS: [opcode: string, format: Format, prefix: 'f' | 'fi'][] = [['D8', 'f32', 'f'], ['DC', 'f64', 'f'], ['DA', 'i32', 'fi'], ['DE', 'i16', 'fi']];

function sdm(mnemonic: string): string {
  return `SDM Vol. 2A ${mnemonic.toUpperCase()}`;
}

function stack(opcode: string, first: number): string {
  return `${opcode} ${(0xc0 + first * 8).toString(16).toUpperCase()}+i`;
}

function arithMemoryRows(): Row[] {
  return MEMORY_GROUPS.flatMap(([opcode, format, prefix]) => ARITH.map(([name, op]): Row => {
    const { number, sizeBits } = FORMATS[format];
    return {
      mnemonic: prefix + name, enc: `${opcode} /${op}`, ops: `r:m${sizeBits}`, feature: 'fpu', cite: sdm(prefix + name),
      sem: (b, src) => {
        wait(b);
        call(b, x87.arithMemory, op, number, readAddress(b, src, sizeBits / 8));
      },
    };
  }));
}

function arithStackRows(): Row[] {
  return ARITH.flatMap(([name, op]): Row[] => {
    // With ST(i) as destination the opcodes of the reversed operations are exchanged.
    const reversed = op >= 4 ? op ^ 1 : op;
    return [
      {
        mnemonic: `f${name}`, enc: stack('D8', op), ops: 'rw:st0 r:sti', feature: 'fpu', cite: sdm(`f${name}`),
        sem: (b, _dst, src) => { wait(b); call(b, x87.arith, op, 0, b.regNumber(src), 0); },
      },
      ...[{ suffix: '', opcode: 'DC', pop: 0 }, { suffix: 'p', opcode: 'DE', pop: 1 }].map(({ suffix, opcode, pop }): Row => ({
        mnemonic: `f${name}${suffix}`, enc: stack(opcode, reversed), ops: 'rw:sti r:st0', feature: 'fpu', cite: sdm(`f${name}`),
        sem: (b, dst) => { wait(b); call(b, x87.arith, op, b.regNumber(dst), 0, pop); },
      })),
    ];
  });
}

function compareMemoryRows(): Row[] {
  return MEMORY_GROUPS.flatMap(([opcode, format, prefix]) => [0, 1].map((pops): Row => {
    const { number, sizeBits } = FORMATS[format];
    const mnemonic = `${prefix}com${pops ? 'p' : ''}`;
    return {
      mnemonic, enc: `${opcode} /${2 + pops}`, ops: `r:m${sizeBits}`, feature: 'fpu', cite: sdm(mnemonic),
      sem: (b, src) => {
        wait(b);
        call(b, x87.compareMemory, number, pops, readAddress(b, src, sizeBits / 8));
      },
    };
  }));
}

/** mnemonic, encoding, quiet, pops; DC D0, DC D8 and DE D0 are undocumented aliases. */
const COMPARE: [mnemonic: string, enc: string, quiet: number, pops: number][] = [
  ['fcom', 'D8 D0+i', 0, 0], ['fcomp', 'D8 D8+i', 0, 1], ['fcom', 'DC D0+i', 0, 0], ['fcomp', 'DC D8+i', 0, 1], ['fcomp', 'DE D0+i', 0, 1],
  ['fucom', 'DD E0+i', 1, 0], ['fucomp', 'DD E8+i', 1, 1],
];

const COMPARE_FLAGS: [mnemonic: string, enc: string, quiet: number, pops: number][] = [
  ['fucomi', 'DB E8+i', 1, 0], ['fcomi', 'DB F0+i', 0, 0], ['fucomip', 'DF E8+i', 1, 1], ['fcomip', 'DF F0+i', 0, 1],
];

function compareRows(): Row[] {
  return [
    ...COMPARE.map(([mnemonic, enc, quiet, pops]): Row => ({
      mnemonic, enc, ops: 'r:st0 r:sti', feature: 'fpu', cite: sdm(mnemonic),
      sem: (b, _left, right) => { wait(b); call(b, x87.compare, b.regNumber(right), quiet, pops); },
    })),
    ...([['fcompp', 'DE D9', 0], ['fucompp', 'DA E9', 1]] as const).map(([mnemonic, enc, quiet]): Row => ({
      mnemonic, enc, ops: '', feature: 'fpu', cite: sdm(mnemonic),
      sem: (b) => { wait(b); call(b, x87.compare, 1, quiet, 2); },
    })),
    ...COMPARE_FLAGS.map(([mnemonic, enc, quiet, pops]): Row => ({
      mnemonic, enc, ops: 'r:st0 r:sti', flags: { w: 'oszapc' }, feature: 'fpu', cite: sdm(mnemonic),
      sem: (b, _left, right) => {
        wait(b);
        const flags = b.call(x87.compareFlags, b.tcb(), b.regNumber(right), b.i32(quiet), b.i32(pops));
        const bit = (position: number) => b.and(b.shrU(flags, b.i32(position)), b.i32(1));
        flagsZeroParityCarry(b, bit(6), bit(2), bit(0));
      },
    })),
  ];
}

/** D9 functions handled by x87_unary: the second opcode byte is its argument. */
const UNARY = [['fchs', 0xe0], ['fabs', 0xe1], ['ftst', 0xe4], ['fxam', 0xe5], ['fsqrt', 0xfa], ['frndint', 0xfc]] as const;

const FUNCTIONS: [mnemonic: string, second: string, fn: keyof typeof x87, argument?: number | undefined, toleranceUlp?: number][] = [
  ['f2xm1', 'F0', 'f2xm1', undefined, 1], ['fyl2x', 'F1', 'fyl2x', undefined, 1], ['fptan', 'F2', 'fptan', undefined, 1], ['fpatan', 'F3', 'fpatan', undefined, 1],
  ['fxtract', 'F4', 'extract'], ['fprem1', 'F5', 'remainder', 1], ['fprem', 'F8', 'remainder', 0], ['fyl2xp1', 'F9', 'fyl2xp1', undefined, 2],
  ['fsincos', 'FB', 'fsincos', undefined, 1], ['fscale', 'FD', 'scale'], ['fsin', 'FE', 'sine', 0, 1], ['fcos', 'FF', 'sine', 1, 1],
];

function functionRows(): Row[] {
  return [
    ...UNARY.map(([mnemonic, second]): Row => ({
      mnemonic, enc: `D9 ${second.toString(16).toUpperCase()}`, ops: '', feature: 'fpu', cite: sdm(mnemonic),
      sem: (b) => { wait(b); call(b, x87.unary, second); },
    })),
    ...FUNCTIONS.map(([mnemonic, second, name, argument, toleranceUlp]): Row => ({
      mnemonic, enc: `D9 ${second}`, ops: '', feature: 'fpu', cite: sdm(mnemonic), ...(toleranceUlp === undefined ? {} : { toleranceUlp }),
      sem: (b) => {
        wait(b);
        const fn = x87[name];
        if (fn.result === 'void') call(b, fn, ...(argument === undefined ? [] : [argument]));
      },
    })),
  ];
}

export const x87ArithRows: readonly Row[] = [...arithMemoryRows(), ...arithStackRows(), ...compareMemoryRows(), ...compareRows(), ...functionRows()];
