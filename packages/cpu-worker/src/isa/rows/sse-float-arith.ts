import type { Builder } from '../../ir/builder.js';
import type { I32, V128, Val } from '../../ir/types.js';
import type { Operand } from '../operand.js';
import type { Feature, Row } from '../row.js';
import { guardProduct, guardSum } from '../simd/float-guards.js';
import { PACKED, SCALAR, isRoundingDefault } from '../simd/float-lanes.js';
import type { FloatLanes, FloatTy } from '../simd/float-lanes.js';
import { horizontal } from '../simd/integer.js';
import { sdm } from '../simd/row-makers.js';
import { FloatOp, exactDot, sseReciprocal, sseReciprocalRoot } from '../simd/sse-runtime.js';
import { byteLanes } from '../simd/vector.js';

/** Float arithmetic: add sub mul div sqrt min max, horizontal forms, dot products, approximations. */

/** add, sub: exact in the denormal range, so only infinite and NaN results need care. */
function sum(b: Builder, lanes: FloatLanes, name: 'add' | 'sub', x: Val, y: Val): Val<any> {
  const r = lanes.native(b, name, x, y);
  const op = name === 'add' ? FloatOp.ADD : FloatOp.SUB;
  if (b.leaveIfBoth) {
    guardSum(b, lanes, name, [x, y, r]);
    return r;
  }
  const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.notFinite(b, r));
  return b.ifVal<Val<any>>(b.and(isRoundingDefault(b, 'daz'), plain), () => r, () => lanes.exact(b, b.i32(op), x, y));
}

function product(b: Builder, lanes: FloatLanes, name: 'mul' | 'div', x: Val, y: Val): Val<any> {
  const r = lanes.native(b, name, x, y);
  const op = name === 'mul' ? FloatOp.MUL : FloatOp.DIV;
  if (b.leaveIfBoth) {
    guardProduct(b, lanes, name, [x, y, r]);
    return r;
  }
  const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.notOrdinary(b, r));
  return b.ifVal<Val<any>>(b.and(isRoundingDefault(b, 'daz-ftz'), plain), () => r, () => lanes.exact(b, b.i32(op), x, y));
}

function root(b: Builder, lanes: FloatLanes, y: Val): Val<any> {
  const r = lanes.native(b, 'sqrt', y);
  const plain = lanes.none(b, lanes.denormal(b, y), lanes.nan(b, r));
  if (lanes.isPlain(b, y)) lanes.notePlain(b, r);
  return b.ifVal<Val<any>>(b.and(isRoundingDefault(b, 'daz-ftz'), plain), () => r, () => lanes.exact(b, b.i32(FloatOp.SQRT), y, y));
}

/** min: x < y ? x : y; max: y < x ? x : y (so the second operand when equal or NaN). */
function extremum(b: Builder, lanes: FloatLanes, name: 'min' | 'max', x: Val, y: Val): Val<any> {
  const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.nan(b, x), lanes.nan(b, y));
  const less = name === 'min' ? lanes.native(b, 'lt', x, y) : lanes.native(b, 'lt', y, x);
  const native = (): Val<any> => {
    const r = lanes.packed ? b.op('v128.bitselect', x, y, less) : b.select<Val<any>>(less, x, y);
    if (lanes.isPlain(b, x) && lanes.isPlain(b, y)) lanes.notePlain(b, r);
    return r;
  };
  const op = name === 'min' ? FloatOp.MIN : FloatOp.MAX;
  return b.ifVal<Val<any>>(plain, native, () => lanes.exact(b, b.i32(op), x, y));
}

type Binary = (b: Builder, lanes: FloatLanes, x: Val, y: Val) => Val<any>;

const BINARY: [name: string, opcode: string, f: Binary][] = [
  ['add', '58', (b, lanes, x, y) => sum(b, lanes, 'add', x, y)],
  ['mul', '59', (b, lanes, x, y) => product(b, lanes, 'mul', x, y)],
  ['sub', '5C', (b, lanes, x, y) => sum(b, lanes, 'sub', x, y)],
  ['div', '5E', (b, lanes, x, y) => product(b, lanes, 'div', x, y)],
  ['min', '5D', (b, lanes, x, y) => extremum(b, lanes, 'min', x, y)],
  ['max', '5F', (b, lanes, x, y) => extremum(b, lanes, 'max', x, y)],
  ['sqrt', '51', (b, lanes, _x, y) => root(b, lanes, y)],
];

interface Form {
  readonly suffix: 'ps' | 'pd' | 'ss' | 'sd';
  readonly prefix: string;
  readonly source: string;
  readonly feature: Feature;
  readonly lanes: FloatLanes;
}

const FORMS: Form[] = [
  { suffix: 'ps', prefix: 'NP', source: 'xmm/m128', feature: 'sse', lanes: PACKED.f32 },
  { suffix: 'pd', prefix: '66', source: 'xmm/m128', feature: 'sse2', lanes: PACKED.f64 },
  { suffix: 'ss', prefix: 'F3', source: 'xmm/m32', feature: 'sse', lanes: SCALAR.f32 },
  { suffix: 'sd', prefix: 'F2', source: 'xmm/m64', feature: 'sse2', lanes: SCALAR.f64 },
];

function binarySem(lanes: FloatLanes, f: Binary): Row['sem'] {
  return (b, dst, src) => {
    const y = lanes.get(b, src);
    lanes.set(b, dst, f(b, lanes, lanes.get(b, dst), y));
  };
}

function binaryRows(): Row[] {
  return BINARY.flatMap(([name, opcode, f]) => FORMS.map((form) => {
    const mnemonic = name + form.suffix;
    // Packed: add, mul, sub (opcodes 58, 59, 5C); the others are rare.
    const hot = form.suffix === 'sd' || form.suffix === 'ss' || ['58', '59', '5C'].includes(opcode);
    return { mnemonic, enc: `${form.prefix} 0F ${opcode} /r`, ops: `rw:xmm r:${form.source}`, feature: form.feature, cite: sdm(mnemonic), hot, sem: binarySem(form.lanes, f) };
  }));
}

/** haddps and its kin: sums of neighbours, those of the destination first. */
function horizontalSem(ty: FloatTy, name: 'add' | 'sub'): Row['sem'] {
  const lanes = PACKED[ty];
  if (ty === 'f32') {
    const f = horizontal(32, (b, x, y) => sum(b, lanes, name, x, y));
    return (b, dst, src) => {
      const y = b.getV128(src);
      b.set(dst, f(b, b.getV128(dst), y));
    };
  }
  return (b, dst, src) => {
    const y = b.getV128(src);
    const x = b.getV128(dst);
    b.set(dst, sum(b, lanes, name, b.shuffle(x, y, byteLanes(64, [0, 2])), b.shuffle(x, y, byteLanes(64, [1, 3]))));
  };
}

/** addsubps: even lanes are subtracted, odd ones added. */
function alternateSem(ty: FloatTy): Row['sem'] {
  const lanes = PACKED[ty];
  const mixed = ty === 'f32' ? byteLanes(32, [0, 5, 2, 7]) : byteLanes(64, [0, 3]);
  return (b, dst, src) => {
    const y = b.getV128(src);
    const x = b.getV128(dst);
    const r = b.shuffle(lanes.native(b, 'sub', x, y), lanes.native(b, 'add', x, y), mixed);
    const plain = lanes.none(b, lanes.denormal(b, x), lanes.denormal(b, y), lanes.notFinite(b, r));
    b.set(dst, b.ifVal<V128>(b.and(isRoundingDefault(b, 'daz'), plain), () => r, () => lanes.exact(b, b.i32(FloatOp.ADDSUB), x, y)));
  };
}

function sse3Rows(): Row[] {
  const row = (name: string, opcode: string, ty: FloatTy, sem: Row['sem']): Row => {
    const mnemonic = name + (ty === 'f32' ? 'ps' : 'pd');
    return { mnemonic, enc: `${ty === 'f32' ? 'F2' : '66'} 0F ${opcode} /r`, ops: 'rw:xmm r:xmm/m128', feature: 'sse3', cite: sdm(mnemonic), sem };
  };
  return (['f32', 'f64'] as const).flatMap((ty) => [
    row('hadd', '7C', ty, horizontalSem(ty, 'add')),
    row('hsub', '7D', ty, horizontalSem(ty, 'sub')),
    row('addsub', 'D0', ty, alternateSem(ty)),
  ]);
}

function dotSem(ty: FloatTy): Row['sem'] {
  return (b, dst, src, imm) => {
    const y = b.getV128(src);
    b.set(dst, exactDot(b, ty, b.getV128(dst), y, b.get(imm) as I32));
  };
}

const DOT: Row[] = [
  { mnemonic: 'dpps', enc: '66 0F 3A 40 /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'sse41', cite: sdm('dpps'), sem: dotSem('f32') },
  { mnemonic: 'dppd', enc: '66 0F 3A 41 /r ib', ops: 'rw:xmm r:xmm/m128 r:imm8', feature: 'sse41', cite: sdm('dppd'), sem: dotSem('f64') },
];

function approximateScalar(fn: typeof sseReciprocal): Row['sem'] {
  return (b, dst, src) => b.setLow(dst, b.call(fn, b.low(src, 'i32')));
}

function approximatePacked(fn: typeof sseReciprocal): Row['sem'] {
  return (b: Builder, dst: Operand, src: Operand) => {
    const y = b.getV128(src);
    let r = y;
    for (let i = 0; i < 4; i++) r = b.lane('i32x4.replace_lane', i, r, b.call(fn, b.lane('i32x4.extract_lane', i, y)));
    b.set(dst, r);
  };
}

function approximationRows(): Row[] {
  return ([['rsqrt', '52', sseReciprocalRoot], ['rcp', '53', sseReciprocal]] as const).flatMap(([name, opcode, fn]) => [
    { mnemonic: `${name}ps`, enc: `NP 0F ${opcode} /r`, ops: 'w:xmm r:xmm/m128', feature: 'sse', cite: sdm(`${name}ps`), sem: approximatePacked(fn) },
    { mnemonic: `${name}ss`, enc: `F3 0F ${opcode} /r`, ops: 'rw:xmm r:xmm/m32', feature: 'sse', cite: sdm(`${name}ss`), sem: approximateScalar(fn) },
  ]);
}

export const sseFloatArithRows: readonly Row[] = [...binaryRows(), ...sse3Rows(), ...DOT, ...approximationRows()];
