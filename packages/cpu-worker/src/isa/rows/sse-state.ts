import { Vector } from '@troupe/abi/layout/tcb.js';
import type { I32 } from '../../ir/types.js';
import type { Row } from '../row.js';

/** MXCSR (SDM Vol. 1 10.2.3) and cache-line hints. */

/** Reserved bits of MXCSR: setting one is #GP. */
const MXCSR_RESERVED = ~0xffff;

export const sseStateRows: readonly Row[] = [
  {
    mnemonic: 'ldmxcsr', enc: 'NP 0F AE /2', ops: 'r:m32', feature: 'sse', cite: 'SDM Vol. 2A LDMXCSR',
    sem: (b, src) => {
      const value = b.get(src) as I32;
      b.raiseIf(b.and(value, b.i32(MXCSR_RESERVED)), Vector.GP);
      b.setField('mxcsr', value);
    },
  },
  { mnemonic: 'stmxcsr', enc: 'NP 0F AE /3', ops: 'w:m32', feature: 'sse', cite: 'SDM Vol. 2B STMXCSR', sem: (b, dst) => b.set(dst, b.field('mxcsr')) },
  { mnemonic: 'clflush', enc: 'NP 0F AE /7', ops: 'r:m8', feature: 'sse2', cite: 'SDM Vol. 2A CLFLUSH', sem: (b, src) => void b.get(src) },
];
