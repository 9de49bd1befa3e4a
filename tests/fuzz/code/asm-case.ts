/**
 * Control flow of the cases: blocks joined by conditional and indirect jumps in both directions, calls, recursion,
 * returns to other places, stack switches. r15 is the fuel: every way back takes some, and ends the case without any.
 */
import { Random } from '../../isa/gen/random.js';
import { condition, instruction } from './asm-instructions.js';
import { AsmText } from './asm-text.js';

const MAX_BLOCKS = 14;
const MIN_BLOCKS = 4;
const FUNCTIONS = 4;
const INDEX_REGISTERS = ['%al', '%cl', '%dl', '%r8b', '%r13b', '%dil'];

class CaseGenerator {
  readonly #a: AsmText;
  readonly #random: Random;
  readonly #blocks: string[];
  readonly #functions: string[];
  readonly #exit: string;
  /** What lies out of line: jump tables, ways back. */
  readonly #data: string[] = [];
  readonly #stubs: string[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed, 7);
    this.#a = new AsmText(this.#random, seed.toString(16));
    this.#blocks = Array.from({ length: MIN_BLOCKS + this.#random.below(MAX_BLOCKS - MIN_BLOCKS) }, () => this.#a.label());
    this.#functions = Array.from({ length: FUNCTIONS }, () => this.#a.label());
    this.#exit = this.#a.label();
  }

  text(name: string): string {
    const a = this.#a;
    a.put('.text', ...(this.#random.percent(30) ? ['.p2align 12', `.skip ${4096 - this.#random.below(200)}, 0x90`] : ['.p2align 4']), `.globl ${name}`, `${name}:`, 'call fuzz_enter');
    this.#blocks.forEach((label, i) => {
      a.put(`${label}:`);
      this.#instructions(1 + this.#random.below(7));
      this.#end(i);
    });
    a.put(`${this.#exit}:`, 'jmp fuzz_leave');
    this.#functions.forEach((label, i) => this.#function(label, i));
    a.put(...this.#stubs, '.section .rodata', '.p2align 3', ...this.#data);
    return `${a.lines.join('\n')}\n`;
  }

  #instructions(count: number): void {
    for (let i = 0; i < count; i++) instruction(this.#a);
    this.#a.defineFlags();
  }

  /** Label that leads to block `to` from block `from`. */
  #way(from: number, to: number): string {
    if (to >= this.#blocks.length) return this.#exit;
    if (to > from) return this.#blocks[to]!;
    const stub = this.#a.label();
    const target = this.#blocks[to]!;
    const out = `${stub}_x`;
    // With the flags as they are, with the carry kept, with new flags.
    const burn = this.#random.pick([
      ['xchgq %rcx, %r15', `jrcxz ${out}`, 'leaq -1(%rcx), %rcx', 'xchgq %rcx, %r15', `jmp ${target}`, `${out}:`, 'xchgq %rcx, %r15', `jmp ${this.#exit}`],
      ['xchgq %rcx, %r15', `jrcxz ${out}2`, `loop ${out}`, `${out}2:`, 'xchgq %rcx, %r15', `jmp ${this.#exit}`, `${out}:`, 'xchgq %rcx, %r15', `jmp ${target}`],
      ['decq %r15', `js ${this.#exit}`, `jmp ${target}`],
      ['subq $1, %r15', `jbe ${this.#exit}`, `jmp ${target}`],
    ]);
    this.#stubs.push(`${stub}:`, ...burn);
    return stub;
  }

  #anyWay(from: number): string {
    const span = this.#random.percent(65) ? from + 1 + this.#random.below(4) : this.#random.below(this.#blocks.length + 1);
    return this.#way(from, span);
  }

  #table(from: number, entries: number): string {
    const label = this.#a.label();
    const ways = Array.from({ length: 4 }, () => this.#anyWay(from));
    this.#data.push(`${label}:`, ...Array.from({ length: entries }, () => `.quad ${this.#random.pick(ways)}`));
    return label;
  }

  #end(i: number): void {
    const a = this.#a;
    const kind = this.#random.below(14);
    if (kind < 5) a.put(`j${condition(a)} ${this.#anyWay(i)}`);
    else if (kind < 6) a.put(`jmp ${this.#anyWay(i)}`);
    else if (kind < 7) a.put(`movzbl ${this.#random.pick(INDEX_REGISTERS)}, %r14d`, `jmp *${this.#table(i, 256)}(,%r14,8)`);
    else if (kind < 8) this.#switch(i);
    else if (kind < 11) this.#call(i);
    else if (kind < 12) a.put(`pushq $${this.#anyWay(i)}`, this.#random.percent(30) ? 'movq (%rsp), %r14\naddq $8, %rsp\njmp *%r14' : 'ret');
    // Otherwise on to the next block.
  }

  /** As compilers do: a range check, then a table of as many targets as there are cases. */
  #switch(i: number): void {
    const a = this.#a;
    const cases = 2 + this.#random.below(7);
    a.put('movl %eax, %r14d', `andl $${this.#random.pick([7, 15])}, %r14d`, `cmpl $${cases - 1}, %r14d`, `ja ${this.#anyWay(i)}`, `movq ${this.#table(i, cases)}(,%r14,8), %r14`, 'jmp *%r14');
  }

  #call(i: number): void {
    const a = this.#a;
    const target = this.#random.pick(this.#functions);
    const kind = this.#random.below(6);
    if (kind < 3) a.put(`call ${target}`);
    else if (kind === 3) a.put(`leaq ${target}(%rip), %r14`, 'call *%r14');
    else if (kind === 4) a.put('movq %rsp, fuzz_saved_stack(%rip)', 'leaq fuzz_stack2+8192(%rip), %rsp', `call ${target}`, 'movq fuzz_saved_stack(%rip), %rsp');
    else this.#longJump(i);
  }

  /** The callee does not return: it takes the stack pointer back and jumps. */
  #longJump(i: number): void {
    const a = this.#a;
    const [callee, landing] = [a.label(), a.label()];
    a.put('movq %rsp, fuzz_jump_stack(%rip)', `pushq ${a.register(8)}`, `call ${callee}`, `jmp ${this.#exit}`, `${landing}:`);
    this.#stubs.push(`${callee}:`, `pushq ${a.register(8)}`, `j${condition(a)} 1f`, 'pushq %r9', '1:', 'movq fuzz_jump_stack(%rip), %rsp', `jmp ${landing}`);
    if (this.#random.percent(30)) a.put(`j${condition(a)} ${this.#anyWay(i)}`);
  }

  #function(label: string, i: number): void {
    const a = this.#a;
    const kind = this.#random.below(5);
    a.put(this.#random.percent(20) ? '.p2align 12' : '.p2align 4', `${label}:`);
    if (kind === 0) a.put('pushq %rbp', 'movq %rsp, %rbp', 'subq $48, %rsp', 'movq %rax, -8(%rbp)', 'movl %ecx, -40(%rbp)');
    if (kind === 1) a.put('pushq %r13', 'pushq %rdx');
    a.hasFrame = kind === 0;
    this.#instructions(1 + this.#random.below(4));
    a.hasFrame = false;
    if (kind === 0) a.put('addq -8(%rbp), %rax', 'leave');
    if (kind === 1) a.put('popq %rdx', 'popq %r13');
    if (kind === 2) this.#recurse(label);
    const next = this.#functions[i + 1];
    if (kind === 3 && next !== undefined) a.put(this.#random.percent(50) ? `call ${next}\n ret` : `jmp ${next}`);
    else if (kind === 4) a.put('popq %r14', `pushq ${a.source(8)}`, 'pushq %r14', 'ret $8');
    else a.put('ret');
  }

  #recurse(label: string): void {
    const a = this.#a;
    const end = a.label();
    a.put('testq %r15, %r15', `jle ${end}`, 'decq %r15', 'pushq %rsi', `call ${label}`, 'popq %rdi', 'xorq %rdi, %rsi', `${end}:`);
  }
}

/** Saves and sets all registers, on a stack of its own. */
const FRAME = `.bss
.p2align 12
fuzz_stack1: .skip 65536
fuzz_host_stack: .skip 8
fuzz_return: .skip 8
fuzz_saved_stack: .skip 8
fuzz_jump_stack: .skip 8
.text
fuzz_enter:
popq fuzz_return(%rip)
pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15
movq %rsp, fuzz_host_stack(%rip)
leaq fuzz_stack1+65536-1024(%rip), %rsp
fxrstorq fuzz_state+144(%rip)
pushq fuzz_state+128(%rip); popfq
${registers((name, at) => `movq fuzz_state+${at}(%rip), ${name}`)}
jmp *fuzz_return(%rip)
fuzz_leave:
${registers((name, at) => `movq ${name}, fuzz_state+${at}(%rip)`)}
pushfq; popq fuzz_state+128(%rip)
cld
fxsaveq fuzz_state+144(%rip)
movq fuzz_host_stack(%rip), %rsp
popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx
ret
`;

function registers(line: (name: string, at: number) => string): string {
  const names = ['rax', 'rcx', 'rdx', 'rbx', '', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
  return names.flatMap((name, i) => (name === '' ? [] : [line(`%${name}`, i * 8)])).join('\n');
}

/** An assembly file of cases for asm-driver.c; each case depends on its seed alone. */
export function asmFile(seeds: readonly number[]): string {
  const cases = seeds.map((seed, i) => new CaseGenerator(seed).text(`fuzz_case_${i}`));
  const table = ['.section .data.rel.ro,"aw"', '.p2align 3', '.globl fuzz_cases, fuzz_seeds, fuzz_case_count', 'fuzz_cases:', ...seeds.map((_, i) => `.quad fuzz_case_${i}`), 'fuzz_seeds:', ...seeds.map((seed) => `.quad ${seed}`), 'fuzz_case_count: .long ' + String(seeds.length)];
  return `${FRAME}${cases.join('')}${table.join('\n')}\n.section .note.GNU-stack,"",@progbits\n`;
}
