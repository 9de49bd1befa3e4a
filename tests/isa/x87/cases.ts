/**
 * x87 instructions as bytes for the host CPU and as calls of the run-time library: both sides get
 * the same FXSAVE image and memory operand (at rdi) and must leave the same ones.
 */
export type MemoryFormat = 'f32' | 'f64' | 'f80' | 'i16' | 'i32' | 'i64' | 'bcd' | 'word' | 'env' | 'save' | 'none';

export type Exports = Record<string, (...args: number[]) => number>;

export interface X87Case {
  readonly name: string;
  readonly bytes: readonly number[];
  readonly memory: MemoryFormat;
  /** Runs the instruction; a returned number holds ZF PF CF for the FCOMI family. */
  readonly run: (lib: Exports, tcb: number, at: number) => number | void;
  /** Result may differ in the last place from the host (transcendentals). */
  readonly toleranceUlp?: number;
  /** Restricts ST(0) and ST(1) to the instruction's domain. */
  readonly domain?: 'f2xm1' | 'fyl2xp1' | 'fyl2x' | 'trig';
}

export const FORMAT = { f32: 0, f64: 1, f80: 2, i16: 3, i32: 4, i64: 5, bcd: 6 } as const;

function mem(name: string, opcode: number, digit: number, memory: MemoryFormat, run: X87Case['run']): X87Case {
  return { name, bytes: [opcode, (digit << 3) | 7], memory, run };
}

function reg(name: string, opcode: number, second: number, run: X87Case['run'], more: Partial<X87Case> = {}): X87Case {
  return { name, bytes: [opcode, second], memory: 'none', run, ...more };
}

const ARITH = [['fadd', 0], ['fmul', 1], ['fsub', 4], ['fsubr', 5], ['fdiv', 6], ['fdivr', 7]] as const;

function arithCases(): X87Case[] {
  const list: X87Case[] = [];
  for (const [name, op] of ARITH) {
    for (const [opcode, memory] of [[0xd8, 'f32'], [0xdc, 'f64'], [0xde, 'i16'], [0xda, 'i32']] as const) {
      list.push(mem(`${name} ${memory}`, opcode, op, memory, (lib, tcb, at) => lib.x87_arith_mem!(tcb, op, FORMAT[memory], at)));
    }
    const reversed = op >= 4 ? op ^ 1 : op;
    for (const i of [0, 1, 3, 7]) {
      list.push(reg(`${name} st0,st${i}`, 0xd8, 0xc0 + op * 8 + i, (lib, tcb) => lib.x87_arith!(tcb, op, 0, i, 0)));
      list.push(reg(`${name} st${i},st0`, 0xdc, 0xc0 + reversed * 8 + i, (lib, tcb) => lib.x87_arith!(tcb, op, i, 0, 0)));
      list.push(reg(`${name}p st${i},st0`, 0xde, 0xc0 + reversed * 8 + i, (lib, tcb) => lib.x87_arith!(tcb, op, i, 0, 1)));
    }
  }
  return list;
}

function compareCases(): X87Case[] {
  const list: X87Case[] = [];
  for (const [opcode, memory] of [[0xd8, 'f32'], [0xdc, 'f64'], [0xde, 'i16'], [0xda, 'i32']] as const) {
    for (const pop of [0, 1]) list.push(mem(`fcom${pop ? 'p' : ''} ${memory}`, opcode, 2 + pop, memory, (lib, tcb, at) => lib.x87_compare_mem!(tcb, FORMAT[memory], pop, at)));
  }
  for (const i of [0, 1, 5]) {
    list.push(reg(`fcom st${i}`, 0xd8, 0xd0 + i, (lib, tcb) => lib.x87_compare!(tcb, i, 0, 0)));
    list.push(reg(`fcomp st${i}`, 0xd8, 0xd8 + i, (lib, tcb) => lib.x87_compare!(tcb, i, 0, 1)));
    list.push(reg(`fucom st${i}`, 0xdd, 0xe0 + i, (lib, tcb) => lib.x87_compare!(tcb, i, 1, 0)));
    list.push(reg(`fucomp st${i}`, 0xdd, 0xe8 + i, (lib, tcb) => lib.x87_compare!(tcb, i, 1, 1)));
    list.push(reg(`fcomi st${i}`, 0xdb, 0xf0 + i, (lib, tcb) => lib.x87_compare_flags!(tcb, i, 0, 0)));
    list.push(reg(`fucomi st${i}`, 0xdb, 0xe8 + i, (lib, tcb) => lib.x87_compare_flags!(tcb, i, 1, 0)));
    list.push(reg(`fcomip st${i}`, 0xdf, 0xf0 + i, (lib, tcb) => lib.x87_compare_flags!(tcb, i, 0, 1)));
    list.push(reg(`fucomip st${i}`, 0xdf, 0xe8 + i, (lib, tcb) => lib.x87_compare_flags!(tcb, i, 1, 1)));
  }
  list.push(reg('fcompp', 0xde, 0xd9, (lib, tcb) => lib.x87_compare!(tcb, 1, 0, 2)));
  list.push(reg('fucompp', 0xda, 0xe9, (lib, tcb) => lib.x87_compare!(tcb, 1, 1, 2)));
  return list;
}

function moveCases(): X87Case[] {
  const list: X87Case[] = [];
  for (const [memory, opcode, digit] of [['f32', 0xd9, 0], ['f64', 0xdd, 0], ['f80', 0xdb, 5], ['i16', 0xdf, 0], ['i32', 0xdb, 0], ['i64', 0xdf, 5], ['bcd', 0xdf, 4]] as const) {
    list.push(mem(`fld ${memory}`, opcode, digit, memory, (lib, tcb, at) => lib.x87_load!(tcb, FORMAT[memory], at)));
  }
  for (const [memory, opcode, digit, pop] of [['f32', 0xd9, 2, 0], ['f32', 0xd9, 3, 1], ['f64', 0xdd, 2, 0], ['f64', 0xdd, 3, 1], ['f80', 0xdb, 7, 1], ['i16', 0xdf, 2, 0], ['i16', 0xdf, 3, 1], ['i32', 0xdb, 2, 0], ['i32', 0xdb, 3, 1], ['i64', 0xdf, 7, 1], ['bcd', 0xdf, 6, 1]] as const) {
    list.push(mem(`fst${pop ? 'p' : ''} ${memory}`, opcode, digit, memory, (lib, tcb, at) => void lib.x87_store!(tcb, FORMAT[memory], pop, at)));
  }
  for (const [memory, opcode] of [['i16', 0xdf], ['i32', 0xdb], ['i64', 0xdd]] as const) {
    list.push(mem(`fisttp ${memory}`, opcode, 1, memory, (lib, tcb, at) => void lib.x87_store_truncated!(tcb, FORMAT[memory], at)));
  }
  for (const i of [0, 1, 6]) {
    list.push(reg(`fld st${i}`, 0xd9, 0xc0 + i, (lib, tcb) => lib.x87_fld_st!(tcb, i)));
    list.push(reg(`fxch st${i}`, 0xd9, 0xc8 + i, (lib, tcb) => lib.x87_fxch!(tcb, i)));
    list.push(reg(`fst st${i}`, 0xdd, 0xd0 + i, (lib, tcb) => lib.x87_fst_st!(tcb, i, 0)));
    list.push(reg(`fstp st${i}`, 0xdd, 0xd8 + i, (lib, tcb) => lib.x87_fst_st!(tcb, i, 1)));
    list.push(reg(`ffree st${i}`, 0xdd, 0xc0 + i, (lib, tcb) => lib.x87_ffree!(tcb, i, 0)));
    list.push(reg(`ffreep st${i}`, 0xdf, 0xc0 + i, (lib, tcb) => lib.x87_ffree!(tcb, i, 1)));
    list.push(reg(`fcmovb st${i} (CF = 0)`, 0xda, 0xc0 + i, (lib, tcb) => lib.x87_fcmov!(tcb, i, 0)));
    list.push(reg(`fcmovnb st${i} (CF = 0)`, 0xdb, 0xc0 + i, (lib, tcb) => lib.x87_fcmov!(tcb, i, 1)));
  }
  for (let n = 0; n < 7; n++) list.push(reg(`fld constant ${n}`, 0xd9, 0xe8 + n, (lib, tcb) => lib.x87_constant!(tcb, n)));
  list.push(reg('fdecstp', 0xd9, 0xf6, (lib, tcb) => lib.x87_rotate!(tcb, 7)), reg('fincstp', 0xd9, 0xf7, (lib, tcb) => lib.x87_rotate!(tcb, 1)));
  return list;
}

function unaryCases(): X87Case[] {
  return [
    ...([['fchs', 0xe0], ['fabs', 0xe1], ['ftst', 0xe4], ['fxam', 0xe5], ['fsqrt', 0xfa], ['frndint', 0xfc]] as const).map(([name, second]) => reg(name, 0xd9, second, (lib, tcb) => lib.x87_unary!(tcb, second))),
    reg('fxtract', 0xd9, 0xf4, (lib, tcb) => lib.x87_extract!(tcb)),
    reg('fprem1', 0xd9, 0xf5, (lib, tcb) => lib.x87_remainder!(tcb, 1)),
    reg('fprem', 0xd9, 0xf8, (lib, tcb) => lib.x87_remainder!(tcb, 0)),
    reg('fscale', 0xd9, 0xfd, (lib, tcb) => lib.x87_scale!(tcb)),
  ];
}

function controlCases(): X87Case[] {
  return [
    mem('fldcw', 0xd9, 5, 'word', (lib, tcb, at) => lib.x87_fldcw!(tcb, lib.load16!(at))),
    mem('fnstenv', 0xd9, 6, 'env', (lib, tcb, at) => lib.x87_fnstenv!(tcb, at, 0)),
    mem('fldenv', 0xd9, 4, 'env', (lib, tcb, at) => lib.x87_fldenv!(tcb, at, 0)),
    mem('fnsave', 0xdd, 6, 'save', (lib, tcb, at) => lib.x87_fnsave!(tcb, at, 0)),
    mem('frstor', 0xdd, 4, 'save', (lib, tcb, at) => lib.x87_frstor!(tcb, at, 0)),
    reg('fnclex', 0xdb, 0xe2, (lib, tcb) => lib.x87_fnclex!(tcb)),
    reg('fninit', 0xdb, 0xe3, (lib, tcb) => lib.x87_fninit!(tcb)),
  ];
}

function functionCases(): X87Case[] {
  const make = (name: string, second: number, domain: X87Case['domain'], run: X87Case['run']): X87Case => reg(name, 0xd9, second, run, { toleranceUlp: name === 'fyl2xp1' ? 2 : 1, ...(domain ? { domain } : {}) });
  return [
    make('f2xm1', 0xf0, 'f2xm1', (lib, tcb) => lib.x87_f2xm1!(tcb)),
    make('fyl2x', 0xf1, 'fyl2x', (lib, tcb) => lib.x87_fyl2x!(tcb)),
    make('fptan', 0xf2, 'trig', (lib, tcb) => lib.x87_fptan!(tcb)),
    make('fpatan', 0xf3, undefined, (lib, tcb) => lib.x87_fpatan!(tcb)),
    make('fyl2xp1', 0xf9, 'fyl2xp1', (lib, tcb) => lib.x87_fyl2xp1!(tcb)),
    make('fsincos', 0xfb, 'trig', (lib, tcb) => lib.x87_fsincos!(tcb)),
    make('fsin', 0xfe, 'trig', (lib, tcb) => lib.x87_sine!(tcb, 0)),
    make('fcos', 0xff, 'trig', (lib, tcb) => lib.x87_sine!(tcb, 1)),
  ];
}

export const X87_CASES: readonly X87Case[] = [...arithCases(), ...compareCases(), ...moveCases(), ...unaryCases(), ...functionCases(), ...controlCases()];
