import type { Builder } from '../../ir/builder.js';
import { condition, CONDITIONS, zero } from '../../ir/flags.js';
import type { I32, I64 } from '../../ir/types.js';
import type { Row } from '../row.js';

/** jmp jcc call ret leave enter loop jrcxz. */

const RCX = 1;
const RSP = 4;
const RBP = 5;
const FLAGS_READ = ['o', 'c', 'z', 'cz', 's', 'p', 'so', 'zso'];

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}

function jccRows(): Row[] {
  return CONDITIONS.flatMap((name, cc) => {
    const common = { mnemonic: `j${name}`, hot: true, flags: { r: FLAGS_READ[cc >> 1]! }, cite: 'SDM Vol. 2A Jcc', sem: ((b, target) => b.jump(target, condition(b, cc))) as Row['sem'] };
    return [
      { ...common, enc: `f64 ${hexByte(0x70 + cc)} cb`, ops: 'n:rel8' },
      { ...common, enc: `f64 0F ${hexByte(0x80 + cc)} cd`, ops: 'n:rel32' },
    ];
  });
}

function pushReturn(b: Builder): void {
  const top = b.sub(b.gpr(RSP), b.i64(8));
  b.store(64, top, b.nextRip());
  b.setGpr(RSP, top);
}

function popReturn(b: Builder, extra: I64): void {
  const top = b.gpr(RSP);
  const target = b.load(64, top) as I64;
  b.checkTarget(target);
  b.setGpr(RSP, b.add(b.add(top, b.i64(8)), extra));
  b.jumpTo(target);
}

function loopRow(mnemonic: string, opcode: string, address32: boolean, test: (b: Builder) => I32): Row {
  return {
    mnemonic, enc: `f64 ${address32 ? 'a32' : 'a64'} ${opcode} cb`, ops: 'n:rel8', cite: 'SDM Vol. 2A LOOP/LOOPcc', ...(mnemonic === 'loop' ? {} : { flags: { r: 'z' } }),
    sem: (b, target) => {
      const bits = address32 ? 32 : 64;
      const count = b.sub(b.gprInt(RCX, bits), b.int(bits, 1));
      b.setGprInt(RCX, bits, count);
      b.jump(target, b.and(b.ne(count, b.int(bits, 0)), test(b)));
    },
  };
}

function loopRows(): Row[] {
  return [false, true].flatMap((a32) => [
    loopRow('loopne', 'E0', a32, (b) => b.eqz(zero(b))),
    loopRow('loope', 'E1', a32, zero),
    loopRow('loop', 'E2', a32, (b) => b.i32(1)),
    {
      mnemonic: a32 ? 'jecxz' : 'jrcxz', enc: `f64 ${a32 ? 'a32' : 'a64'} E3 cb`, ops: 'n:rel8', cite: 'SDM Vol. 2A Jcc',
      sem: (b, target) => b.jump(target, b.eqz(b.gprInt(RCX, a32 ? 32 : 64))),
    } satisfies Row,
  ]);
}

/** enter: nesting levels copy the frame pointers of the outer frames (SDM Vol. 2A ENTER). */
const enter: Row['sem'] = (b, sizeOperand, levelOperand) => {
  const level = b.and(b.wrap(b.getInt(levelOperand)), b.i32(31));
  const rsp = b.variable('i64', b.sub(b.gpr(RSP), b.i64(8)));
  b.store(64, b.getVar(rsp), b.gpr(RBP));
  const frame = b.sub(b.gpr(RSP), b.i64(8));
  b.if(level, () => {
    const left = b.variable('i32', b.sub(level, b.i32(1)));
    const outer = b.variable('i64', b.gpr(RBP));
    const pushValue = (value: I64): void => {
      b.setVar(rsp, b.sub(b.getVar(rsp), b.i64(8)));
      b.store(64, b.getVar(rsp), value);
    };
    b.if(b.getVar(left), () => b.loop(() => {
      b.setVar(outer, b.sub(b.getVar(outer), b.i64(8)));
      pushValue(b.load(64, b.getVar(outer)) as I64);
      b.setVar(left, b.sub(b.getVar(left), b.i32(1)));
      return b.getVar(left);
    }));
    pushValue(frame);
  });
  const top = b.sub(b.getVar(rsp), b.zext64(b.getInt(sizeOperand)));
  // The new top of the stack must be writable, though nothing is stored there.
  b.hostWrite(top, 1);
  b.setGpr(RBP, frame);
  b.setGpr(RSP, top);
};

export const branchRowList: Row[] = [
  ...jccRows(), ...loopRows(),
  { mnemonic: 'jmp', enc: 'f64 EB cb', ops: 'n:rel8', ends: true, hot: true, cite: 'SDM Vol. 2A JMP', sem: (b, target) => b.jump(target) },
  { mnemonic: 'jmp', enc: 'f64 E9 cd', ops: 'n:rel32', ends: true, hot: true, cite: 'SDM Vol. 2A JMP', sem: (b, target) => b.jump(target) },
  { mnemonic: 'jmp', enc: 'f64 FF /4', ops: 'r:rm64', ends: true, hot: true, cite: 'SDM Vol. 2A JMP', sem: (b, operand) => {
    const target = b.getInt(operand) as I64;
    b.checkTarget(target);
    b.jumpTo(target);
  } },
  {
    mnemonic: 'call', enc: 'f64 E8 cd', ops: 'n:rel32', ends: true, hot: true, cite: 'SDM Vol. 2A CALL',
    sem: (b, target) => {
      pushReturn(b);
      b.jump(target);
    },
  },
  {
    mnemonic: 'call', enc: 'f64 FF /2', ops: 'r:rm64', ends: true, hot: true, cite: 'SDM Vol. 2A CALL',
    sem: (b, operand) => {
      const target = b.getInt(operand) as I64;
      // A stack that cannot be written faults before a target that is not canonical.
      b.if(b.wrap(b.shrU(target, b.i64(47))), () => void b.hostWrite(b.sub(b.gpr(RSP), b.i64(8)), 8));
      b.checkTarget(target);
      pushReturn(b);
      b.jumpTo(target);
    },
  },
  { mnemonic: 'ret', enc: 'f64 C3', ops: '', ends: true, hot: true, cite: 'SDM Vol. 2B RET', sem: (b) => popReturn(b, b.i64(0)) },
  { mnemonic: 'ret', enc: 'f64 C2 iw', ops: 'r:imm16', ends: true, cite: 'SDM Vol. 2B RET', sem: (b, extra) => popReturn(b, b.zext64(b.getInt(extra))) },
  {
    mnemonic: 'leave', enc: 'f64 C9', ops: '', hot: true, cite: 'SDM Vol. 2A LEAVE',
    sem: (b) => {
      const frame = b.gpr(RBP);
      const saved = b.load(64, frame) as I64;
      b.setGpr(RSP, b.add(frame, b.i64(8)));
      b.setGpr(RBP, saved);
    },
  },
  { mnemonic: 'enter', enc: 'f64 C8 iw ib', ops: 'r:imm16 r:imm8', cite: 'SDM Vol. 2A ENTER', sem: enter },
];
