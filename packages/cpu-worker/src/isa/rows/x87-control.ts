import { Vector } from '@troupe/abi/layout/tcb.js';
import type { Builder } from '../../ir/builder.js';
import type { I32, I64 } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Row } from '../row.js';
import { call, readAddress, wait, writeMemory, x87 } from '../x87/library.js';

/** x87 control, environment and state images (SDM Vol. 2A). */

const FX_BYTES = 512;
/** The last 96 bytes of the FXSAVE area belong to software; the processor still checks access to all 512, the last first. */
const FX_WRITTEN_BYTES = 416;

function sdm(mnemonic: string): string {
  return `SDM Vol. 2A ${mnemonic.toUpperCase()}`;
}

const WORDS: Row[] = [
  { mnemonic: 'fldcw', enc: 'D9 /5', ops: 'r:m16', feature: 'fpu', cite: sdm('fldcw'), sem: (b, src) => { wait(b); call(b, x87.fldcw, b.get(src) as I32); } },
  { mnemonic: 'fnstcw', enc: 'D9 /7', ops: 'w:m16', feature: 'fpu', cite: sdm('fstcw'), sem: (b, dst) => b.set(dst, b.field('fcw')) },
  { mnemonic: 'fnstsw', enc: 'DD /7', ops: 'w:m16', feature: 'fpu', cite: sdm('fstsw'), sem: (b, dst) => b.set(dst, b.field('fsw')) },
  { mnemonic: 'fnstsw', enc: 'DF E0', ops: 'w:ax', feature: 'fpu', cite: sdm('fstsw'), sem: (b, dst) => b.set(dst, b.field('fsw')) },
];

const SIMPLE: Row[] = [
  { mnemonic: 'fnclex', enc: 'DB E2', ops: '', feature: 'fpu', cite: sdm('fclex'), sem: (b) => call(b, x87.fnclex) },
  { mnemonic: 'fninit', enc: 'DB E3', ops: '', feature: 'fpu', cite: sdm('finit'), sem: (b) => call(b, x87.fninit) },
  { mnemonic: 'fnop', enc: 'D9 D0', ops: '', feature: 'fpu', cite: sdm('fnop'), sem: wait },
  { mnemonic: 'fwait', enc: '9B', ops: '', feature: 'fpu', cite: 'SDM Vol. 2B WAIT/FWAIT', sem: wait },
  // 8087 and 287 instructions that do nothing today (SDM Vol. 3B 23.18.9).
  ...([['fneni', 'DB E0'], ['fndisi', 'DB E1'], ['fnsetpm', 'DB E4']] as const).map(([mnemonic, enc]): Row => ({ mnemonic, enc, ops: '', feature: 'fpu', cite: 'SDM Vol. 3B 23.18.9', sem: () => undefined })),
];

/** FNSTENV and its kin: with a 16-bit operand size the image is 14 bytes shorter and has 16-bit fields. */
const IMAGES: [mnemonic: string, enc: string, write: boolean, fn: 'fnstenv' | 'fldenv' | 'fnsave' | 'frstor', bytes: number][] = [
  ['fnstenv', 'D9 /6', true, 'fnstenv', 28], ['fldenv', 'D9 /4', false, 'fldenv', 28], ['fnsave', 'DD /6', true, 'fnsave', 108], ['frstor', 'DD /4', false, 'frstor', 108],
];

function imageRows(): Row[] {
  return IMAGES.flatMap(([mnemonic, enc, write, fn, wideBytes]) => (['o16', 'o32', 'REX.W'] as const).map((size): Row => {
    const is16 = size === 'o16' ? 1 : 0;
    const bytes = wideBytes - 14 * is16;
    return {
      mnemonic, enc: `${size} ${enc}`, ops: write ? 'w:m' : 'r:m', feature: 'fpu', cite: sdm(mnemonic),
      sem: (b, o) => {
        if (write) {
          writeMemory(b, o, bytes, (at) => void call(b, x87[fn], at, is16));
        } else {
          wait(b);
          call(b, x87[fn], readAddress(b, o, bytes), is16);
        }
      },
    };
  }));
}

/** #GP unless aligned to 16 bytes; a non-canonical address is left to the access (#SS for stack operands). */
function requireAligned(b: Builder, o: Operand): void {
  const va = b.ea(o);
  const canonical = b.eq(b.shrS(b.shl(va, b.i64(16)), b.i64(16)), va);
  b.raiseIf(b.select(canonical, b.wrap(b.and(va, b.i64(15))), b.i32(0)), Vector.GP);
}

function lastByte(b: Builder, o: Operand): I64 {
  return b.add(b.ea(o), b.i64(FX_BYTES - 1));
}

function fxRows(): Row[] {
  return [{ token: 'W0', suffix: '', wide: 0 }, { token: 'REX.W', suffix: '64', wide: 1 }].flatMap(({ token, suffix, wide }): Row[] => [
    {
      mnemonic: `fxsave${suffix}`, enc: `NP ${token} 0F AE /0`, ops: 'w:m', feature: 'fxsr', cite: sdm('fxsave'),
      sem: (b, dst) => {
        requireAligned(b, dst);
        b.hostWrite(lastByte(b, dst), 1);
        writeMemory(b, dst, FX_WRITTEN_BYTES, (at) => void b.callVoid(x87.fxsave, b.tcb(), at, b.i32(wide)));
      },
    },
    {
      mnemonic: `fxrstor${suffix}`, enc: `NP ${token} 0F AE /1`, ops: 'r:m', feature: 'fxsr', cite: sdm('fxrstor'),
      sem: (b, src) => {
        requireAligned(b, src);
        b.hostRead(lastByte(b, src), 1);
        const valid = b.call(x87.fxrstor, b.tcb(), readAddress(b, src, FX_BYTES), b.i32(wide));
        b.raiseIf(b.eqz(valid), Vector.GP);
      },
    },
  ]);
}

export const x87ControlRows: readonly Row[] = [...WORDS, ...SIMPLE, ...imageRows(), ...fxRows()];
