/** Random instructions of the cases: integer, partial registers, strings, SSE, x87, faults. Undefined flags are never read. */
import { SUFFIX, type AsmText, type Size } from './asm-text.js';

const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
const SIZES: readonly Size[] = [1, 2, 4, 4, 4, 8, 8, 8];
const WIDE: readonly Size[] = [2, 4, 4, 8, 8];

type Emit = (a: AsmText) => void;

export function condition(a: AsmText): string {
  return a.random.pick(CONDITIONS);
}

/** Destination and source of a two-operand instruction, one of them perhaps memory. */
function operands(a: AsmText, size: Size, canStore = true): string {
  const kind = a.random.below(10);
  if (kind < 3) return `${a.source(size)}, ${a.register(size)}`;
  if (kind < 5) return `${a.memory(size)}, ${a.register(size)}`;
  if (kind < 7 && canStore) return `${a.source(size)}, ${a.memory(size)}`;
  if (kind < 8 && canStore) return `${a.immediate(size)}, ${a.memory(size)}`;
  return `${a.immediate(size)}, ${a.register(size)}`;
}

function alu(a: AsmText): void {
  const size = a.random.pick(SIZES);
  const op = a.random.pick(['add', 'sub', 'and', 'or', 'xor', 'cmp', 'adc', 'sbb', 'add', 'cmp']);
  if (op === 'adc' || op === 'sbb') a.defineFlags();
  a.put(`${op}${SUFFIX[size]} ${operands(a, size)}`);
  a.hasDefinedFlags = true;
}

function test(a: AsmText): void {
  const size = a.random.pick(SIZES);
  a.put(a.random.percent(50) ? `test${SUFFIX[size]} ${a.source(size)}, ${a.register(size)}` : `test${SUFFIX[size]} ${a.immediate(size)}, ${a.register(size)}`);
  a.hasDefinedFlags = true;
}

function unary(a: AsmText): void {
  const size = a.random.pick(SIZES);
  const op = a.random.pick(['inc', 'dec', 'neg', 'not']);
  if (op !== 'neg') a.defineFlags();
  a.put(`${op}${SUFFIX[size]} ${a.random.percent(60) ? a.register(size) : a.memory(size)}`);
}

function move(a: AsmText): void {
  const size = a.random.pick(SIZES);
  a.put(`mov${SUFFIX[size]} ${operands(a, size)}`);
}

function extend(a: AsmText): void {
  const [op, from, to] = a.random.pick<[string, Size, Size]>([['movzbl', 1, 4], ['movzwl', 2, 4], ['movsbl', 1, 4], ['movswl', 2, 4], ['movsbq', 1, 8], ['movslq', 4, 8], ['movzbw', 1, 2], ['movsbw', 1, 2], ['movzwq', 2, 8]]);
  a.put(`${op} ${a.random.percent(50) ? a.register(from) : a.memory(from)}, ${a.register(to)}`);
}

/** ah, ch, dh beside the other parts of their registers. */
function highByte(a: AsmText): void {
  const low = a.random.pick(['%al', '%cl', '%dl', '%bl', '%ah', '%bh']);
  const op = a.random.pick(['movb', 'addb', 'subb', 'xorb', 'cmpb', 'andb']);
  a.put(`${op} ${a.random.percent(70) ? low : `${a.random.below(100)}(%rbx)`}, ${a.highByte()}`);
  if (op !== 'movb') a.hasDefinedFlags = true;
}

function lea(a: AsmText): void {
  const size = a.random.pick([4, 8, 8, 2] as const);
  a.put(`lea${SUFFIX[size]} ${a.random.below(512) - 256}(${a.source(8)},${a.register(8)},${a.random.pick([1, 2, 4, 8])}), ${a.register(size)}`);
}

function index(a: AsmText): void {
  a.put(`movzbl ${a.random.pick(['%al', '%cl', '%r8b', '%r13b', '%sil'])}, %r12d`);
}

/** Overflow is undefined for counts other than 1, nothing changes for 0. */
function shift(a: AsmText): void {
  const size = a.random.pick(SIZES);
  const op = a.random.pick(['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr']);
  const count = a.random.pick(['$1', '%cl', `$${a.random.below(size * 8)}`]);
  a.defineFlags();
  a.put(`${op}${SUFFIX[size]} ${count}, ${a.random.percent(70) ? a.register(size) : a.memory(size)}`);
  a.hasDefinedFlags = count === '$1';
}

function doubleShift(a: AsmText): void {
  const size = a.random.pick([4, 8] as const);
  a.put(`${a.random.pick(['shld', 'shrd'])}${SUFFIX[size]} ${a.random.percent(50) ? '%cl' : `$${a.random.below(31)}`}, ${a.source(size)}, ${a.register(size)}`);
  a.hasDefinedFlags = false;
}

function multiply(a: AsmText): void {
  const size = a.random.pick(WIDE);
  a.put(a.random.pick([
    `imul${SUFFIX[size]} ${a.random.percent(50) ? a.source(size) : a.memory(size)}, ${a.register(size)}`,
    `imul${SUFFIX[size]} ${a.immediate(size)}, ${a.source(size)}, ${a.register(size)}`,
    `${a.random.pick(['mul', 'imul'])}${SUFFIX[size]} ${a.register(size)}`,
  ]));
  a.hasDefinedFlags = false;
}

/** Divides by what is not 0 and does not overflow. */
function divide(a: AsmText): void {
  const size = a.random.pick([4, 8] as const);
  const signed = a.random.percent(50);
  a.put(`movl ${a.immediate(4)}, %ecx`, 'orl $5, %ecx', signed ? `andl $0x7fffffff, %ecx` : 'nop', signed ? (size === 4 ? 'cltd' : 'cqto') : 'xorl %edx, %edx', `${signed ? 'idiv' : 'div'}${SUFFIX[size]} ${size === 4 ? '%ecx' : '%rcx'}`);
  a.hasDefinedFlags = false;
}

function bits(a: AsmText): void {
  const size = a.random.pick(WIDE);
  const op = a.random.pick(['bt', 'bts', 'btr', 'btc', 'bsf', 'bsr', 'popcnt', 'bswap']);
  if (op === 'bswap') a.put(`bswap ${a.register(a.random.pick([4, 8] as const))}`);
  else if (op.startsWith('bt')) a.put(`${op}${SUFFIX[size]} ${a.random.percent(50) ? a.source(size) : `$${a.random.below(size * 8)}`}, ${a.register(size)}`);
  else a.put(`${op}${SUFFIX[size]} ${a.random.percent(50) ? a.source(size) : a.memory(size)}, ${a.register(size)}`);
  if (op !== 'bswap') a.hasDefinedFlags = op === 'popcnt';
}

function useFlags(a: AsmText): void {
  a.defineFlags();
  const size = a.random.pick(WIDE);
  const kind = a.random.below(6);
  if (kind < 2) a.put(`set${condition(a)} ${a.random.percent(70) ? a.register(1) : a.memory(1)}`);
  else if (kind < 5) a.put(`cmov${condition(a)}${SUFFIX[size]} ${a.random.percent(60) ? a.source(size) : a.memory(size)}, ${a.register(size)}`);
  else a.put('pushfq', 'andq $0x8c5, (%rsp)', `popq ${a.register(8)}`);
  if (kind === 5) a.hasDefinedFlags = false;
}

function atomic(a: AsmText): void {
  const size = a.random.pick(SIZES);
  const memory = a.memory(size);
  const s = SUFFIX[size];
  a.put(a.random.pick([`lock xadd${s} ${a.register(size)}, ${memory}`, `xchg${s} ${a.register(size)}, ${memory}`, `lock cmpxchg${s} ${a.source(size)}, ${memory}`, `lock add${s} ${a.immediate(size)}, ${memory}`, `xadd${s} ${a.register(size)}, ${a.register(size)}`, `lock orl $0, (%rsp)`]));
  a.hasDefinedFlags = false;
}

function wideExchange(a: AsmText): void {
  if (a.random.percent(50)) a.put(`lock cmpxchg8b ${a.random.below(500) * 8}(%rbx)`);
  else a.put('pushq %rbx', 'movq %rbx, %r14', 'movq %rax, %rbx', `lock cmpxchg16b ${a.random.below(250) * 16}(%r14)`, 'popq %rbx');
  a.hasDefinedFlags = false;
}

function stack(a: AsmText): void {
  const kind = a.random.below(4);
  if (kind === 0) a.put(`pushq ${a.source(8)}`, `pushq ${a.immediate(4)}`, `popq ${a.register(8)}`, `popq ${a.register(8)}`);
  else if (kind === 1) a.put(`pushq ${a.memory(8)}`, `popq ${a.memory(8)}`);
  else if (kind === 2) a.put(`movq ${a.source(8)}, -64(%rsp)`, `movl ${a.source(4)}, -60(%rsp)`, `movq -64(%rsp), ${a.register(8)}`, `movzwl -61(%rsp), ${a.register(4)}`);
  else a.put(`pushw ${a.source(2)}`, `popw ${a.register(2)}`);
}

function convert(a: AsmText): void {
  a.put(a.random.pick(['cltq', 'cwtl', 'cbtw', 'cltd', 'cqto', 'xlatb', 'cmc', 'stc', 'clc']).replace('xlatb', 'movzbl %al, %eax\nxlatb'));
}

/** rep movs, stos, cmps, scas, lods of up to 63 elements, across pages, now and then backwards. */
function strings(a: AsmText): void {
  const size = a.random.pick([1, 1, 4, 8] as const);
  const s = SUFFIX[size];
  const at = (): string => `${a.random.pick([-4200, -100, 40, 4000, 4080, 300])}(%rbx)`;
  const backwards = a.random.percent(15);
  a.put('andl $63, %ecx', `leaq ${at()}, %rdi`, `leaq ${at()}, %rsi`);
  if (backwards) a.put('std');
  a.put(a.random.pick([`rep movs${s}`, `rep movs${s}`, `rep stos${s}`, `movs${s}`, `stos${s}`, `lods${s}`, `rep lods${s}`]));
  if (backwards) a.put('cld');
  if (a.random.percent(40)) a.put('orl $1, %ecx', 'andl $31, %ecx', a.random.percent(50) ? `repe cmps${s}` : `repne scas${s}`);
  a.hasDefinedFlags = false;
}

function scalarFloat(a: AsmText): void {
  const [s, bytes] = a.random.pick<[string, number]>([['sd', 8], ['ss', 4]]);
  const source = a.random.percent(70) ? a.xmm() : a.memory(bytes);
  const op = a.random.pick(['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt', 'mov', 'add', 'mul']);
  if (op === 'mov') a.put(a.random.percent(50) ? `mov${s} ${a.memory(bytes)}, ${a.xmm()}` : `mov${s} ${a.xmm()}, ${a.memory(bytes)}`);
  else a.put(`${op}${s} ${source}, ${a.xmm()}`);
}

function floatFlags(a: AsmText): void {
  a.put(`${a.random.pick(['ucomisd', 'comisd', 'ucomiss', 'comiss'])} ${a.xmm()}, ${a.xmm()}`);
  a.hasDefinedFlags = true;
}

function floatConvert(a: AsmText): void {
  const size = a.random.pick([4, 8] as const);
  const s = SUFFIX[size];
  a.put(a.random.pick([
    `cvtsi2sd${s} ${a.source(size)}, ${a.xmm()}`, `cvtsi2ss${s} ${a.source(size)}, ${a.xmm()}`, `cvttsd2si ${a.xmm()}, ${a.register(size)}`, `cvtsd2si ${a.xmm()}, ${a.register(size)}`,
    `cvttss2si ${a.xmm()}, ${a.register(size)}`, `cvtsd2ss ${a.xmm()}, ${a.xmm()}`, `cvtss2sd ${a.xmm()}, ${a.xmm()}`, `cvtdq2pd ${a.xmm()}, ${a.xmm()}`, `cvtdq2ps ${a.xmm()}, ${a.xmm()}`, `cvttps2dq ${a.xmm()}, ${a.xmm()}`,
  ]));
}

const PACKED_INTEGER = ['paddb', 'paddw', 'paddd', 'paddq', 'psubb', 'psubd', 'psubq', 'pand', 'por', 'pxor', 'pandn', 'pcmpeqb', 'pcmpeqd', 'pcmpgtb', 'pcmpgtd', 'pmullw', 'pmulld', 'pmuludq', 'pmaddwd', 'punpcklbw', 'punpckhdq', 'punpcklqdq', 'packuswb', 'packssdw', 'pminub', 'pmaxsw', 'pshufb', 'pavgb', 'psadbw', 'pabsd', 'palignr $5,', 'pshufd $0x1b,', 'shufps $0x4e,', 'unpcklps', 'unpckhpd', 'andps', 'xorpd', 'orps'];
const PACKED_FLOAT = ['addps', 'subps', 'mulps', 'addpd', 'subpd', 'mulpd', 'divpd', 'minps', 'maxpd', 'haddps', 'cmpltps', 'cmplepd'];

function packed(a: AsmText): void {
  const op = a.random.pick(a.random.percent(65) ? PACKED_INTEGER : PACKED_FLOAT);
  a.put(`${op}${op.endsWith(',') ? '' : ' '} ${a.random.percent(75) ? a.xmm() : a.memory(16, 16)}, ${a.xmm()}`);
}

function vectorMove(a: AsmText): void {
  a.put(a.random.pick([
    `movups ${a.memory(16)}, ${a.xmm()}`, `movups ${a.xmm()}, ${a.memory(16)}`, `movdqa ${a.memory(16, 16)}, ${a.xmm()}`, `movaps ${a.xmm()}, ${a.memory(16, 16)}`, `movaps ${a.xmm()}, ${a.xmm()}`,
    `movd ${a.source(4)}, ${a.xmm()}`, `movq ${a.source(8)}, ${a.xmm()}`, `movd ${a.xmm()}, ${a.register(4)}`, `movq ${a.xmm()}, ${a.register(8)}`, `movq ${a.memory(8)}, ${a.xmm()}`, `movhps ${a.memory(8)}, ${a.xmm()}`,
    `movlpd ${a.xmm()}, ${a.memory(8)}`, `pmovmskb ${a.xmm()}, ${a.register(4)}`, `movmskpd ${a.xmm()}, ${a.register(4)}`, `pinsrd $2, ${a.source(4)}, ${a.xmm()}`, `pextrq $1, ${a.xmm()}, ${a.register(8)}`, `psrldq $${a.random.below(16)}, ${a.xmm()}`, `pslld $${a.random.below(33)}, ${a.xmm()}`, `psraw $3, ${a.xmm()}`,
  ]));
}

/** Loads, calculates, stores: the stack is as before. */
function x87(a: AsmText): void {
  const load = (): string => a.random.pick([`fldl ${a.memory(8)}`, `flds ${a.memory(4)}`, `fildl ${a.memory(4)}`, `fildll ${a.memory(8)}`, 'fld1', 'fldpi', 'fldz']);
  a.put(load(), load(), a.random.pick(['faddp', 'fmulp', 'fsubrp', 'fsubp', 'fdivp', 'fxch\nfsubp']), a.random.pick(['fabs', 'fchs', 'frndint', 'nop']));
  if (a.random.percent(40)) {
    a.put(load(), a.random.pick(['fucomip %st(1), %st', 'fcomip %st(1), %st']));
    a.hasDefinedFlags = true;
  }
  a.put(a.random.pick([`fstpl ${a.memory(8)}`, `fstps ${a.memory(4)}`, `fistpl ${a.memory(4)}`, `fistpll ${a.memory(8)}`, `fstpt ${a.memory(10)}`]));
}

/** A fault whose handler continues behind the instruction. */
function fault(a: AsmText): void {
  const behind = a.label();
  a.put(`movq $${behind}, fuzz_resume(%rip)`);
  a.put(a.random.pick([
    `movl ${a.register(4)}, fuzz_forbidden+${a.random.below(4000)}(%rip)`, `movq fuzz_forbidden+${a.random.below(4000)}, ${a.register(8)}`, 'ud2', 'xorl %ecx, %ecx\ndivl %ecx', 'movl $-1, %ecx\nmovl $0x80000000, %eax\ncltd\nidivl %ecx',
    `addl ${a.register(4)}, fuzz_forbidden+${a.random.below(4000)}(%rip)`, 'movl $100, %ecx\nleaq fuzz_forbidden-20(%rip), %rdi\nleaq fuzz_data(%rip), %rsi\nrep movsb', `movups ${a.xmm()}, fuzz_forbidden-8(%rip)`, 'call *fuzz_forbidden(%rip)', 'lock incl fuzz_forbidden(%rip)',
  ]));
  a.put(`${behind}:`, 'movq $0, fuzz_resume(%rip)');
  a.hasDefinedFlags = false;
}

const WEIGHTED: readonly [number, Emit][] = [
  [22, alu], [5, test], [5, unary], [16, move], [6, extend], [4, highByte], [7, lea], [3, index], [8, shift], [2, doubleShift], [5, multiply], [2, divide], [5, bits], [10, useFlags], [4, atomic], [1, wideExchange],
  [5, stack], [2, convert], [3, strings], [8, scalarFloat], [3, floatFlags], [4, floatConvert], [8, packed], [9, vectorMove], [4, x87], [1, fault],
];
const ALL = WEIGHTED.flatMap(([weight, emit]) => Array.from({ length: weight }, () => emit));

export function instruction(a: AsmText): void {
  a.random.pick(ALL)(a);
}
