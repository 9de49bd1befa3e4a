import type { Builder } from '../../ir/builder.js';
import { carry, packLazy, setCarryKeepOverflow, unpackLazy, overflow } from '../../ir/flags.js';
import { runtimeFn, type I32 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';

/** Flags, system calls, cpuid, time stamp, fences, hints, segment registers, privileged instructions. */

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RSP = 4;
const R11 = 11;
const BP = 3;
const OF = 4;
const GP = 13;
const UD = 6;
const DF = 0x400;
/** Trap flag: single steps from the next instruction on (Vector.STEP). */
const TF = 0x100;
const STEP = 32;
/** Flags outside the lazy words that popf may change in user mode: TF DF NT AC ID. */
const POPF_REST = TF | DF | 0x4000 | 0x40000 | 0x200000;
const LAZY = 0x8d5;
/** Segment register number of cs. */
const CS = 1;

const hostTsc = runtimeFn('host_tsc', [], 'i64', []);
const hostCore = runtimeFn('host_core', [], 'i32', []);
const hostCpuid = runtimeFn('host_cpuid', ['i32'], 'void', ['gpr']);

function nop(): void {}

/** RFLAGS as pushf stores it. */
function flagsImage(b: Builder): I32 {
  return b.or(b.or(packLazy(b), b.and(b.field('flagsRest'), b.i32(~LAZY))), b.i32(2));
}

function raises(vector: number): Row['sem'] {
  return (b) => b.raise(vector);
}

/** `int n`: user mode may use gates 3 (#BP) and 4 (#OF) only; Linux's 32-bit system call gate 0x80 does not exist here. */
function softwareInterrupt(b: Builder, number: Operand): void {
  const n = b.wrap(b.getInt(number));
  b.if(b.eq(n, b.i32(BP)), () => b.raiseAfter(BP));
  b.if(b.eq(n, b.i32(OF)), () => b.raiseAfter(OF));
  // The error code names the gate: an index into the IDT (SDM Vol. 3A 6.13).
  b.raise(GP, b.or(b.shl(n, b.i32(3)), b.i32(2)));
}

function flagRows(): Row[] {
  const setRest = (change: (b: Builder, rest: I32) => I32): Row['sem'] => (b) => b.setField('flagsRest', change(b, b.field('flagsRest')));
  return [
    { mnemonic: 'clc', enc: 'F8', ops: '', flags: { w: 'c' }, cite: 'SDM Vol. 2A CLC', sem: (b) => setCarryKeepOverflow(b, b.i32(0)) },
    { mnemonic: 'stc', enc: 'F9', ops: '', flags: { w: 'c' }, cite: 'SDM Vol. 2B STC', sem: (b) => setCarryKeepOverflow(b, b.i32(1)) },
    { mnemonic: 'cmc', enc: 'F5', ops: '', flags: { r: 'c', w: 'c' }, cite: 'SDM Vol. 2A CMC', sem: (b) => setCarryKeepOverflow(b, b.eqz(carry(b))) },
    { mnemonic: 'cld', enc: 'FC', ops: '', flags: { w: 'd' }, cite: 'SDM Vol. 2A CLD', sem: setRest((b, rest) => b.and(rest, b.i32(~DF))) },
    { mnemonic: 'std', enc: 'FD', ops: '', flags: { w: 'd' }, cite: 'SDM Vol. 2B STD', sem: setRest((b, rest) => b.or(rest, b.i32(DF))) },
    { mnemonic: 'lahf', enc: '9F', ops: '', flags: { r: 'szapc' }, feature: 'lahf', cite: 'SDM Vol. 2A LAHF', sem: (b) => {
      const image = b.or(b.and(flagsImage(b), b.i32(0xff)), b.i32(2));
      b.setGprInt(RAX, 16, b.or(b.gprInt(RAX, 8), b.shl(image, b.i32(8)) as never));
    } },
    { mnemonic: 'sahf', enc: '9E', ops: '', flags: { r: 'o', w: 'szapc' }, feature: 'lahf', cite: 'SDM Vol. 2B SAHF', sem: (b) => {
      const ah = b.and(b.shrU(b.wrap(b.gprInt(RAX, 16)), b.i32(8)), b.i32(0xd5));
      unpackLazy(b, b.or(ah, b.shl(overflow(b), b.i32(11))));
    } },
    ...[64, 16].flatMap((n): Row[] => [
      { mnemonic: n === 64 ? 'pushfq' : 'pushf', enc: `${n === 64 ? 'o64' : 'o16'} 9C`, ops: '', flags: { r: 'odszapc' }, cite: 'SDM Vol. 2B PUSHF/PUSHFQ', sem: pushFlags(n as 16 | 64) },
      { mnemonic: n === 64 ? 'popfq' : 'popf', enc: `${n === 64 ? 'o64' : 'o16'} 9D`, ops: '', flags: { w: 'odszapc' }, cite: 'SDM Vol. 2B POPF/POPFQ', sem: popFlags(n as 16 | 64) },
    ]),
  ];
}

function pushFlags(n: 16 | 64): Row['sem'] {
  return (b) => {
    const top = b.sub(b.gpr(RSP), b.i64(n / 8));
    b.store(n, top, b.trunc(flagsImage(b), n));
    b.setGpr(RSP, top);
  };
}

function popFlags(n: 16 | 64): Row['sem'] {
  return (b) => {
    const top = b.gpr(RSP);
    const image = b.wrap(b.load(n, top));
    b.setGpr(RSP, b.add(top, b.i64(n / 8)));
    unpackLazy(b, image);
    const mask = n === 16 ? POPF_REST & 0xffff : POPF_REST;
    b.setField('flagsRest', b.or(b.and(b.field('flagsRest'), b.i32(~mask)), b.and(image, b.i32(mask))));
    b.if(b.and(image, b.i32(TF)), () => b.raiseAfter(STEP));
  };
}

function systemRows(): Row[] {
  const stamp = (b: Builder): void => {
    const now = b.call(hostTsc);
    b.setGprInt(RAX, 32, b.wrap(now));
    b.setGprInt(RDX, 32, b.wrap(b.shrU(now, b.i64(32))));
  };
  return [
    { mnemonic: 'syscall', enc: '0F 05', ops: '', ends: true, untestable: 'system call', cite: 'SDM Vol. 2B SYSCALL', sem: (b) => {
      b.setGpr(RCX, b.nextRip());
      b.setGpr(R11, b.zext64(flagsImage(b)));
      b.syscall();
    } },
    { mnemonic: 'cpuid', enc: '0F A2', ops: '', untestable: 'differs from the host by design', cite: 'SDM Vol. 2A CPUID', sem: (b) => b.callVoid(hostCpuid, b.tcb()) },
    { mnemonic: 'rdtsc', enc: '0F 31', ops: '', untestable: 'time', cite: 'SDM Vol. 2B RDTSC', sem: stamp },
    { mnemonic: 'rdtscp', enc: '0F 01 F9', ops: '', feature: 'rdtscp', untestable: 'time', cite: 'SDM Vol. 2B RDTSCP', sem: (b) => {
      stamp(b);
      b.setGprInt(RCX, 32, b.call(hostCore));
    } },
    { mnemonic: 'int3', enc: 'CC', ops: '', cite: 'SDM Vol. 2A INT3', sem: (b) => b.raiseAfter(3) },
    { mnemonic: 'int', enc: 'CD ib', ops: 'r:imm8', cite: 'SDM Vol. 2A INT n', sem: softwareInterrupt },
    { mnemonic: 'ud2', enc: '0F 0B', ops: '', ends: true, cite: 'SDM Vol. 2B UD', sem: raises(UD) },
    { mnemonic: 'ud1', enc: '0F B9 /r', ops: 'n:r32 n:rm32', ends: true, cite: 'SDM Vol. 2B UD', sem: raises(UD) },
    { mnemonic: 'ud0', enc: '0F FF /r', ops: 'n:r32 n:rm32', ends: true, cite: 'SDM Vol. 2B UD', sem: raises(UD) },
    ...fsGsRows(),
    ...segmentRows(),
  ];
}

function fsGsRows(): Row[] {
  const base = [['rdfsbase', 0, 'fsBase'], ['rdgsbase', 1, 'gsBase'], ['wrfsbase', 2, 'fsBase'], ['wrgsbase', 3, 'gsBase']] as const;
  return base.flatMap(([mnemonic, digit, field]) => [32, 64].map((n): Row => ({
    mnemonic, enc: `F3 ${n === 64 ? 'REX.W' : 'W0'} 0F AE /${digit}`, ops: `${digit < 2 ? 'w' : 'r'}:rmr${n}`, feature: 'fsgsbase', cite: 'SDM Vol. 2B RDFSBASE/WRFSBASE',
    sem: (b, o) => {
      if (digit < 2) return b.set(o, b.trunc(b.field(field), n));
      const value = b.zext64(b.getInt(o));
      b.raiseIf(b.ne(b.shrS(b.shl(value, b.i64(16)), b.i64(16)), value), GP);
      b.setField(field, value);
    },
  })));
}

/** Selectors of a 64-bit Linux process: cs 0x33, ss 0x2b, the others 0. */
function selector(b: Builder, o: Operand): I32 {
  const number = b.regNumber(o);
  return b.select(b.eq(number, b.i32(1)), b.i32(0x33), b.select(b.eq(number, b.i32(2)), b.i32(0x2b), b.i32(0)));
}

function segmentRows(): Row[] {
  const cite = 'SDM Vol. 2B MOV';
  const read = (n: number): Row['sem'] => (b, dst, src) => b.set(dst, n === 64 ? b.zext64(selector(b, src)) : selector(b, src));
  return [
    { mnemonic: 'mov', enc: 'o16 8C /r', ops: 'w:r16/m16 r:sreg', cite, sem: read(16) },
    { mnemonic: 'mov', enc: 'o32 8C /r', ops: 'w:r32/m16 r:sreg', cite, sem: read(32) },
    { mnemonic: 'mov', enc: 'REX.W 8C /r', ops: 'w:r64/m16 r:sreg', cite, sem: (b, dst, src) => b.set(dst, dst.kind === 'mem' ? selector(b, src) : b.zext64(selector(b, src))) },
    { mnemonic: 'mov', enc: '8E /r', ops: 'w:sreg r:rm16', untestable: 'segment registers are fixed', cite, sem: (b, dst, src) => {
      const value = b.wrap(b.getInt(src));
      // Null selectors, and the ones a process has anyway; anything else has no descriptor.
      const known = b.or(b.leU(value, b.i32(3)), b.or(b.eq(value, b.i32(0x2b)), b.eq(value, b.i32(0x33))));
      b.raiseIf(b.eq(b.regNumber(dst), b.i32(CS)), UD);
      b.raiseIf(b.eqz(known), GP);
    } },
  ];
}

function privilegedRows(): Row[] {
  const row = (mnemonic: string, enc: string, ops = ''): Row => ({ mnemonic, enc, ops, cite: 'SDM Vol. 2 (CPL > 0: #GP)', sem: raises(GP) });
  return [
    row('hlt', 'F4'), row('cli', 'FA'), row('sti', 'FB'), row('in', 'E4 ib', 'n:al r:imm8'), row('in', 'E5 ib', 'n:eax r:imm8'), row('in', 'EC', 'n:al r:dx'), row('in', 'ED', 'n:eax r:dx'),
    row('out', 'E6 ib', 'r:imm8 n:al'), row('out', 'E7 ib', 'r:imm8 n:eax'), row('out', 'EE', 'r:dx n:al'), row('out', 'EF', 'r:dx n:eax'),
    row('insb', '6C'), row('insd', '6D'), row('outsb', '6E'), row('outsd', '6F'),
    row('clts', '0F 06'), row('invd', '0F 08'), row('wbinvd', '0F 09'), row('rdmsr', '0F 32'), row('wrmsr', '0F 30'), row('rdpmc', '0F 33'), row('swapgs', '0F 01 F8'),
  ];
}

function hintRows(): Row[] {
  const hints = ['18', '19', '1A', '1B', '1C', '1D', '1E', '1F'];
  const cite = 'SDM Vol. 2B NOP';
  return [
    { mnemonic: 'nop', enc: '90', ops: '', hot: true, cite, sem: nop },
    { mnemonic: 'pause', enc: 'F3 90', ops: '', cite: 'SDM Vol. 2B PAUSE', sem: nop },
    ...hints.flatMap((opcode): Row[] => [{ mnemonic: 'nop', enc: `0F ${opcode} /r`, ops: 'n:rm32 n:r32', hot: opcode === '1F', cite, sem: nop }]),
    { mnemonic: 'endbr64', enc: 'F3 0F 1E FA', ops: '', hot: true, cite: 'SDM Vol. 2A ENDBR64', sem: nop },
    { mnemonic: 'prefetchw', enc: '0F 0D /r', ops: 'n:m8 n:r32', cite: 'SDM Vol. 2B PREFETCHW', sem: nop },
    ...['prefetchnta', 'prefetcht0', 'prefetcht1', 'prefetcht2'].map((mnemonic, digit): Row => ({ mnemonic, enc: `0F 18 /${digit}`, ops: 'n:m8', cite: 'SDM Vol. 2B PREFETCHh', sem: nop })),
    { mnemonic: 'lfence', enc: 'NP 0F AE E8+i', ops: '', cite: 'SDM Vol. 2A LFENCE', sem: nop },
    { mnemonic: 'mfence', enc: 'NP 0F AE F0+i', ops: '', cite: 'SDM Vol. 2B MFENCE', sem: (b) => b.fence() },
    { mnemonic: 'sfence', enc: 'NP 0F AE F8+i', ops: '', cite: 'SDM Vol. 2B SFENCE', sem: nop },
  ];
}

export const systemRowList: Row[] = [...flagRows(), ...systemRows(), ...privilegedRows(), ...hintRows()];
