/**
 * Random C functions: what compilers make of nested loops, switches, recursion, floats, unaligned records, setjmp and
 * signals. The same binary runs natively and under Troupe, so undefined behaviour only has to be repeatable.
 */
import { Random } from '../../isa/gen/random.js';

const INT_TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'u32', 'u64'];
const HELPERS = 4;
const MAX_DEPTH = 3;

/** Compiler options; each file is compiled with one of them. */
export const C_OPTIONS: readonly (readonly string[])[] = [['-O0'], ['-O1'], ['-O2'], ['-O3'], ['-Os'], ['-O3', '-march=x86-64-v2'], ['-O2', '-mfpmath=387'], ['-O2', '-fno-jump-tables'], ['-O1', '-fno-omit-frame-pointer'], ['-O2', '-funroll-loops']];

class FunctionGenerator {
  readonly #random: Random;
  readonly #ints: string[] = [];
  /** Loop counters are read only. */
  readonly #counters: string[] = [];
  readonly #floats = ['d'];
  #names = 0;
  #loops = 0;

  constructor(random: Random, readonly prefix: string, readonly callable: readonly string[], readonly self: string) {
    this.#random = random;
  }

  #name(kind: string): string { return `${kind}${this.#names++}`; }

  #int(depth = MAX_DEPTH): string {
    const r = this.#random;
    if (depth === 0 || r.percent(25)) return this.#leaf();
    const [x, y] = [this.#int(depth - 1), this.#int(depth - 1)];
    switch (r.below(16)) {
      case 0: return `(${x} + ${y})`;
      case 1: return `(${x} - ${y})`;
      case 2: return `(${x} * ${y})`;
      case 3: return `(${x} ${r.pick(['&', '|', '^'])} ${y})`;
      case 4: return `(${x} << (${y} & ${r.pick([7, 31])}))`;
      case 5: return `((${r.pick(INT_TYPES)})${x} >> (${y} & 7))`;
      case 6: return `((u32)${x} / (((u32)${y} & 0xff) + 1))`;
      case 7: return `((i64)${x} % (i64)(((u32)${y} & 0xffff) + 3))`;
      case 8: return `((${r.pick(INT_TYPES)})${x} ${r.pick(['<', '>', '==', '!=', '<=', '>='])} (${r.pick(INT_TYPES)})${y})`;
      case 9: return `(${x} ? ${y} : ${this.#int(depth - 1)})`;
      case 10: return `(u64)((u32)${x} >> ${1 + r.below(31)} | (u32)${x} << ${1 + r.below(31)})`;
      case 11: return `(${r.pick(INT_TYPES)})${x}`;
      case 12: return `(${r.pick(['i32', 'i64', 'u32'])})(${this.#float(depth - 1)} * 0.001)`;
      case 13: return `(u64)((unsigned __int128)(u64)${x} * (u64)${y} >> ${r.pick([32, 64, 100])})`;
      case 14: return r.pick([`__builtin_popcountll(${x})`, `__builtin_clz((u32)${x} | 1)`, `__builtin_bswap32(${x})`, `(u64)(${x} && ${y})`, `__builtin_ctzll(${x} | 256)`]);
      default: return `~${x}`;
    }
  }

  #leaf(): string {
    const r = this.#random;
    const constant = `${r.percent(50) ? r.below(200) : r.u32()}u`;
    const memory = `${r.pick(['bytes[(u32)I & 1023]', 'words[(u32)I & 127]', 'longs[(u32)I & 63]', 'records[(u32)I & 15].count', 'records[(u32)I & 15].wide', '*(u32 *)(bytes + ((u32)I & 1023))', '*(i16 *)(bytes + ((u32)I & 1023))', 'records[(u32)I & 15].small'])}`;
    return r.pick([constant, 'a', 'b', ...this.#ints, ...this.#counters, ...this.#counters, memory.replace('I', r.pick(['a', 'b', ...this.#ints, ...this.#counters]))]);
  }

  #float(depth = MAX_DEPTH): string {
    const r = this.#random;
    if (depth <= 0 || r.percent(25)) return r.pick([...this.#floats, ...this.#floats, 'doubles[b & 63]', 'floats[a & 63]', 'records[b & 15].value', `${r.below(1000)}.${r.below(100)}`, '(double)(i32)a', '(float)b']);
    const [x, y] = [this.#float(depth - 1), this.#float(depth - 1)];
    return r.pick([`(${x} + ${y})`, `(${x} - ${y})`, `(${x} * ${y})`, `(${x} / (${y} + 1.5))`, `sqrt(fabs(${x}))`, `(${x} < ${y} ? ${x} : ${y})`, `(float)${x}`, `floor(${x})`, `(double)((long double)${x} * 3 - ${y})`, `(-(${x}))`]);
  }

  #store(): string {
    const r = this.#random;
    const at = r.pick(['a', 'b', ...this.#ints, ...this.#counters, ...this.#counters]);
    return r.pick([
      `bytes[(u32)${at} & 1023] = ${this.#int()};`, `words[(u32)${at} & 127] += ${this.#int()};`, `longs[(u32)${at} & 63] ^= ${this.#int()};`, `doubles[(u32)${at} & 63] = ${this.#float()};`, `floats[(u32)${at} & 63] = ${this.#float()};`,
      `*(u64 *)(bytes + ((u32)${at} & 1023)) = ${this.#int()};`, `records[(u32)${at} & 15].wide = ${this.#int()};`, `records[(u32)${at} & 15].value = ${this.#float()};`, `records[(u32)${at} & 15] = records[(u32)${r.pick(['a', 'b'])} & 15];`, `records[(u32)${at} & 15].tag--;`,
    ]);
  }

  #assign(): string {
    const r = this.#random;
    if (r.percent(25)) return `${r.pick(this.#floats)} ${r.pick(['=', '+=', '*='])} ${this.#float()};`;
    return `${r.pick(['a', 'b', ...this.#ints])} ${r.pick(['=', '+=', '^=', '-=', '='])} ${this.#int()};`;
  }

  #loop(depth: number): string {
    const r = this.#random;
    const i = this.#name('n');
    const body = (): string => {
      this.#loops++;
      this.#counters.push(i);
      const text = this.#block(depth - 1, 1 + r.below(3));
      this.#counters.pop();
      this.#loops--;
      return text;
    };
    const count = 2 + r.below(20);
    return r.pick([
      () => `for (u32 ${i} = 0; ${i} < ${count} && fuel-- > 0; ${i}++) ${body()}`,
      () => `for (int ${i} = ${count}; ${i} >= 0 && fuel-- > 0; ${i} -= ${1 + r.below(3)}) ${body()}`,
      () => `{ u64 ${i} = ${this.#int(1)}; while ((${i} & 31) && fuel-- > 0) { ${i} = ${i} * 5 + 3; ${body()} } }`,
      () => `{ u32 ${i} = 0; do { ${i} += 1 + (b & 3); ${body()} } while (${i} < ${count} && fuel-- > 0); }`,
    ])();
  }

  /** Loops over whole arrays, which -O3 turns into vector code. */
  #arrays(): string {
    const r = this.#random;
    return `for (int k = 0; k < 64; k++) ${r.pick([
      'words[k] = words[k] * 3 + bytes[k];', 'words[k] ^= words[k + 32] >> 3;', 'doubles[k] = doubles[k] * 0.5 + floats[k];', 'floats[k] = floats[k] * floats[63 - k] - 1;', 'longs[k] += (u64)words[k] * words[k + 1];', 'bytes[k] = bytes[k + 7] > 100 ? bytes[k] : bytes[k] + 9;', 'a += words[k] > b ? words[k] : bytes[k];', 'd += doubles[k] > 0 ? 1 : floats[k];', '((i16 *)bytes)[k] = ((i16 *)bytes)[k + 64] * 3 - k;',
    ])}`;
  }

  #library(): string {
    const r = this.#random;
    const at = (): string => `bytes + ((u32)${r.pick(['a', 'b'])} & ${r.pick([63, 255, 511])})`;
    return r.pick([`memmove(${at()}, ${at()}, ${1 + r.below(300)});`, `memset(${at()}, (u8)a, 1 + (b & 127));`, `memcpy(longs, words + (a & 31), 1 + (b & 255));`, `bytes[600] = 0; a += strlen((char *)${at()});`, `a += memcmp(${at()}, ${at()}, 20) > 0;`, `qsort(words + 16, 1 + (b & 31), 4, by_value);`, 'raise(SIGUSR1);']);
  }

  #call(): string {
    const r = this.#random;
    const args = `(${this.#int(2)}, ${this.#int(2)}, ${this.#float(2)}, depth - 1)`;
    if (r.percent(30)) return `if (depth > 0 && fuel-- > 0) a ^= ${this.self}${args};`;
    if (this.callable.length === 0) return `b += (u32)a;`;
    if (r.percent(30)) return `{ static const function table[] = { ${[0, 1, 2, 3].map(() => r.pick(this.callable)).join(', ')} }; if (fuel-- > 0) a += table[b & 3]${args}; }`;
    return `if (fuel-- > 0) a ${r.pick(['+=', '^='])} ${r.pick(this.callable)}${args};`;
  }

  #jump(depth: number): string {
    const r = this.#random;
    if (r.percent(50)) {
      const place = this.#name('place');
      return `{ jmp_buf ${place}; if (setjmp(${place}) == 0) { ${this.#statement(depth - 1)} if (${this.#int(1)} & 1) longjmp(${place}, 3); } }`;
    }
    return `if (sigsetjmp(recovery, 1) == 0) { ${r.pick(['*(volatile u32 *)(u64)(b & 0xff) = 1;', 'a /= (volatile u32){0};', 'a += *(volatile u8 *)(u64)(a & 0xfff);'])} } else { a += 77; }`;
  }

  #switch(depth: number): string {
    const r = this.#random;
    const cases = 3 + r.below(8);
    const bodies = Array.from({ length: cases }, (_, i) => `case ${i * (r.percent(90) ? 1 : 3)}: ${this.#statement(depth - 1)}${r.percent(75) ? ' break;' : ''}`);
    return `switch (${this.#int(2)} & 15) { ${[...new Map(bodies.map((body) => [body.slice(0, body.indexOf(':')), body])).values()].join('\n')} default: b++; }`;
  }

  #statement(depth: number): string {
    const r = this.#random;
    if (depth <= 0) return r.percent(60) ? this.#assign() : this.#store();
    const kind = r.below(20);
    if (kind < 5) return this.#assign();
    if (kind < 8) return this.#store();
    if (kind < 11) return `if (${this.#int(2)}) ${this.#block(depth - 1, 2)}${r.percent(50) ? ` else ${this.#block(depth - 1, 2)}` : ''}`;
    if (kind < 14) return this.#loops < 3 ? this.#loop(depth) : this.#assign();
    if (kind === 14) return this.#switch(depth);
    if (kind === 15) return this.#arrays();
    if (kind === 16) return this.#library();
    if (kind === 17) return this.#loops > 0 ? `if (${this.#int(1)} & 1) ${r.pick(['break', 'continue'])};` : this.#call();
    if (kind === 18) return this.#call();
    return this.#jump(depth);
  }

  #block(depth: number, count: number): string {
    const [ints, floats] = [this.#ints.length, this.#floats.length];
    const lines = Array.from({ length: count }, () => {
      if (!this.#random.percent(25)) return this.#statement(depth);
      const isFloat = this.#random.percent(25);
      const name = this.#name(isFloat ? 'f' : 'v');
      const line = isFloat ? `${this.#random.pick(['double', 'float'])} ${name} = ${this.#float()};` : `${this.#random.pick(INT_TYPES)} ${name} = ${this.#int()};`;
      (isFloat ? this.#floats : this.#ints).push(name);
      return line;
    });
    this.#ints.length = ints;
    this.#floats.length = floats;
    return `{\n${lines.join('\n')}\n}`;
  }

  text(): string {
    return `${this.prefix} u64 ${this.self}(u64 a, u32 b, double d, int depth) {\n${this.#block(4, 5)}\nreturn a * 31 + b + (u64)(i64)(d * 0.0001);\n}\n`;
  }
}

function caseText(seed: number, name: string): string {
  const random = new Random(seed, 11);
  const names = Array.from({ length: HELPERS }, (_, i) => `${name}_${i}`);
  const functions = names.map((self, i) => new FunctionGenerator(random, random.percent(30) ? 'static __attribute__((noinline))' : 'static', names.slice(0, i), self).text());
  return `${functions.join('')}${new FunctionGenerator(random, '', names, name).text()}`;
}

/** A C file of cases for c-driver.c; each case depends on its seed alone. */
export function cFile(seeds: readonly number[]): string {
  const names = seeds.map((_, i) => `c_case_${i}`);
  return `#include "c-driver.h"\n${seeds.map((seed, i) => caseText(seed, names[i]!)).join('')}const function c_cases[] = { ${names.join(', ')} };\nconst u64 c_seeds[] = { ${seeds.join(', ')} };\nconst int c_case_count = ${seeds.length};\n`;
}
