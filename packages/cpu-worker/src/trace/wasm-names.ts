import { PURE_OPS } from '../ir/wasm-ops.js';

/** Names of opcodes that access memory, in the order of their numbers from `first` on (WebAssembly Core Specification 2.0, 5.4; threads proposal). */
function range(first: number, names: string): [number, string][] {
  return names.split(' ').map((name, i) => [first + i, name]);
}

const ATOMIC_OPERATIONS = ['add', 'sub', 'and', 'or', 'xor', 'xchg', 'cmpxchg'];
const FIRST_RMW = 0xfe001e;
const RMW_GROUP = 7;

function atomicNames(): [number, string][] {
  const loads = range(0xfe0010, 'i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u i64.atomic.load8_u i64.atomic.load16_u i64.atomic.load32_u');
  const stores = range(0xfe0017, 'i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16 i64.atomic.store8 i64.atomic.store16 i64.atomic.store32');
  const changes = ATOMIC_OPERATIONS.flatMap((name, i) => range(FIRST_RMW + i * RMW_GROUP, ['i32', 'i64', 'i32 8', 'i32 16', 'i64 8', 'i64 16', 'i64 32'].map((kind) => {
    const [ty, bits] = kind.split(' ');
    return bits ? `${ty}.atomic.rmw${bits}.${name}_u` : `${ty}.atomic.rmw.${name}`;
  }).join(' ')));
  return [...loads, ...stores, ...changes];
}

/** Loads and stores: they have an alignment and an offset. */
export const MEMORY_NAMES: ReadonlyMap<number, string> = new Map([
  ...range(0x28, 'i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u'),
  ...range(0x36, 'i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32'),
  ...range(0xfd0000, 'v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.store'),
  ...range(0xfd005c, 'v128.load32_zero v128.load64_zero'),
  ...atomicNames(),
]);

/** Operations on values, by opcode as in MEMORY_NAMES. */
export const PURE_BY_CODE: ReadonlyMap<number, { readonly name: string; readonly lane: boolean }> = new Map([...PURE_OPS.values()].map(({ name, prefix, code, lane }) => [(prefix << 16) | code, { name, lane }]));
