import type { Builder } from '../../ir/builder.js';
import { flagsZeroParityCarry } from '../../ir/flags.js';
import type { I32, Val } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { PACKED, SCALAR } from '../simd/float-lanes.js';
import type { FloatLanes } from '../simd/float-lanes.js';
import { sdm } from '../simd/row-makers.js';
import { FloatOp, exactCompare } from '../simd/sse-runtime.js';
import { onesVector, zeroVector } from '../simd/vector.js';

/** Float comparison: into flags (comisd, ucomisd) and into lane masks (cmpps and its kin). */

/** ZF PF CF: 000 above, 001 below, 100 equal, 111 unordered; the other flags are cleared. */
function compareFlags(signalling: boolean, lanes: FloatLanes): Row['sem'] {
  return (b, left, right) => {
    const y = lanes.get(b, right);
    const x = lanes.get(b, left);
    const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.nan(b, x), lanes.nan(b, y));
    b.if(
      plain,
      () => flagsZeroParityCarry(b, lanes.native(b, 'eq', x, y), b.i32(0), lanes.native(b, 'lt', x, y), lanes.native(b, 'le', x, y)),
      () => exactFlags(b, lanes, x, y, signalling),
    );
  };
}

function exactFlags(b: Builder, lanes: FloatLanes, x: Val, y: Val, signalling: boolean): void {
  const bits = lanes.ty === 'f32' ? 'i32.reinterpret_f32' : 'i64.reinterpret_f64';
  const order = exactCompare(b, lanes.ty, b.op(bits, x), b.op(bits, y), signalling);
  flagsZeroParityCarry(b, b.shrU(order, b.i32(1)), b.eq(order, b.i32(3)), b.and(order, b.i32(1)));
}

const FLAGS = { w: 'oszapc' } as const;

function flagRows(): Row[] {
  return ([['ucomis', '2E', false], ['comis', '2F', true]] as const).flatMap(([name, opcode, signalling]) => [
    { mnemonic: `${name}s`, enc: `NP 0F ${opcode} /r`, ops: 'r:xmm r:xmm/m32', flags: FLAGS, feature: 'sse' as const, cite: sdm(`${name}s`), hot: true, sem: compareFlags(signalling, SCALAR.f32) },
    { mnemonic: `${name}d`, enc: `66 0F ${opcode} /r`, ops: 'r:xmm r:xmm/m64', flags: FLAGS, feature: 'sse2' as const, cite: sdm(`${name}d`), hot: true, sem: compareFlags(signalling, SCALAR.f64) },
  ]);
}

/**
 * Predicates by the low two bits: equal, less, less or equal, unordered; bit 2 negates. Without
 * NaN operands, unordered is never true.
 */
function nativeMask(b: Builder, lanes: FloatLanes, predicate: I32, x: Val, y: Val): Val<any> {
  const kind = b.and(predicate, b.i32(3));
  const [none, all] = lanes.packed ? [zeroVector(b), onesVector(b)] : [b.i32(0), b.i32(-1)];
  const mask = (name: 'eq' | 'lt' | 'le'): Val<any> => (lanes.packed ? lanes.native(b, name, x, y) : b.sub(b.i32(0), lanes.native(b, name, x, y)));
  const isKind = (n: number): I32 => b.eq(kind, b.i32(n));
  const chosen = b.select<Val<any>>(isKind(0), mask('eq'), b.select<Val<any>>(isKind(1), mask('lt'), b.select<Val<any>>(isKind(2), mask('le'), none)));
  const negate = b.select<Val<any>>(b.and(predicate, b.i32(4)), all, none);
  return lanes.packed ? b.op('v128.xor', chosen, negate) : b.xor(chosen, negate);
}

/** All ones or zero in the type of the lanes. */
function asLanes(b: Builder, lanes: FloatLanes, mask: Val<any>): Val<any> {
  if (lanes.packed) return mask;
  return lanes.ty === 'f32' ? b.op('f32.reinterpret_i32', mask) : b.op('f64.reinterpret_i64', b.sext64(mask, 32));
}

function compareMask(lanes: FloatLanes): (b: Builder, dst: Operand, src: Operand, imm: Operand) => void {
  return (b, dst, src, imm) => {
    const y = lanes.get(b, src);
    const x = lanes.get(b, dst);
    const predicate = b.and(b.get(imm) as I32, b.i32(7));
    const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.nan(b, x), lanes.nan(b, y));
    const exact = (): Val<any> => lanes.exact(b, b.add(predicate, b.i32(FloatOp.CMP)), x, y);
    lanes.set(b, dst, b.ifVal<Val<any>>(plain, () => asLanes(b, lanes, nativeMask(b, lanes, predicate, x, y)), exact));
  };
}

const MASK_FORMS: [mnemonic: string, prefix: string, source: string, feature: Feature, lanes: FloatLanes][] = [
  ['cmpps', 'NP', 'xmm/m128', 'sse', PACKED.f32],
  ['cmppd', '66', 'xmm/m128', 'sse2', PACKED.f64],
  ['cmpss', 'F3', 'xmm/m32', 'sse', SCALAR.f32],
  ['cmpsd', 'F2', 'xmm/m64', 'sse2', SCALAR.f64],
];

function maskRows(): Row[] {
  return MASK_FORMS.map(([mnemonic, prefix, source, feature, lanes]) => ({
    mnemonic, enc: `${prefix} 0F C2 /r ib`, ops: `rw:xmm r:${source} r:imm8`, feature, cite: sdm(mnemonic), sem: compareMask(lanes),
  }));
}

export const sseCompareRows: readonly Row[] = [...flagRows(), ...maskRows()];
