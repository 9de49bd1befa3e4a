import type { Builder } from '../../ir/builder.js';
import type { I32, Val } from '../../ir/types.js';
import type { Row } from '../row.js';
import { Mxcsr, PACKED, SCALAR } from '../simd/float-lanes.js';
import type { FloatLanes } from '../simd/float-lanes.js';
import { sdm } from '../simd/row-makers.js';
import { FloatOp } from '../simd/sse-runtime.js';

/** roundps, roundpd, roundss, roundsd: mode in bits 1:0, MXCSR.RC when bit 2 is set; bit 3 suppresses PE. */

const MODES = ['nearest', 'floor', 'ceil', 'trunc'] as const;

function roundBy(b: Builder, lanes: FloatLanes, mode: I32, x: Val): Val<any> {
  const [nearest, floor, ceil, trunc] = MODES.map((name) => lanes.native(b, name, x)) as [Val<any>, Val<any>, Val<any>, Val<any>];
  const isMode = (n: number): I32 => b.eq(mode, b.i32(n));
  return b.select<Val<any>>(isMode(0), nearest, b.select<Val<any>>(isMode(1), floor, b.select<Val<any>>(isMode(2), ceil, trunc)));
}

function round(lanes: FloatLanes): Row['sem'] {
  return (b, dst, src, imm) => {
    const x = lanes.get(b, src);
    const control = b.get(imm) as I32;
    const mxcsr = b.field('mxcsr');
    const fromMxcsr = b.and(b.shrU(mxcsr, b.i32(13)), b.i32(3));
    const r = roundBy(b, lanes, b.select(b.and(control, b.i32(4)), fromMxcsr, b.and(control, b.i32(3))), x);
    const unchanged = lanes.none(b, lanes.native(b, 'ne', r, x));
    const peIgnored = b.eq(b.and(mxcsr, b.i32(Mxcsr.PE | Mxcsr.PM)), b.i32(Mxcsr.PE | Mxcsr.PM));
    const quiet = b.or(b.or(unchanged, b.and(control, b.i32(8))), peIgnored);
    const plain = lanes.none(b, lanes.nan(b, x), lanes.denormal(b, x));
    const exact = (): Val<any> => lanes.exact(b, b.i32(FloatOp.ROUND), x, lanes.fromInt(b, control));
    lanes.set(b, dst, b.ifVal<Val<any>>(b.select(plain, quiet, b.i32(0)), () => r, exact));
  };
}

const FORMS = [['roundps', '08', 'xmm/m128', PACKED.f32], ['roundpd', '09', 'xmm/m128', PACKED.f64], ['roundss', '0A', 'xmm/m32', SCALAR.f32], ['roundsd', '0B', 'xmm/m64', SCALAR.f64]] as const;

export const sse41RoundRows: readonly Row[] = FORMS.map(([mnemonic, opcode, source, lanes]) => ({
  mnemonic, enc: `66 0F 3A ${opcode} /r ib`, ops: `rw:xmm r:${source} r:imm8`, feature: 'sse41', cite: sdm(mnemonic), sem: round(lanes),
}));
