/** Builds generated programs, runs them natively and under Troupe, and says where they differ. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mode } from '../../support/modes.js';
import { CACHE, ROOT } from '../../support/paths.js';
import { run, troupe } from '../../support/run.js';
import { asmFile } from './asm-case.js';
import { C_OPTIONS, cFile } from './c-case.js';

export type Kind = 'asm' | 'c';

export interface FuzzProgram {
  readonly binary: string;
  readonly kind: Kind;
  readonly firstSeed: number;
  readonly cases: number;
  readonly options: readonly string[];
}

const FOLDER = join(CACHE, 'fuzz');
const DRIVERS = join(ROOT, 'tests/fuzz/programs');
const MARK = '=== ';
const TIMEOUT_MS = 240_000;
/** Every program in turn, between marks, by one shell. */
const SCRIPT = 'rounds=$1; shift; for program; do echo "=== $program"; "$program" $rounds; echo "status $?"; done';

const gcc = (...args: string[]): void => void execFileSync('gcc', args, { stdio: ['ignore', 'ignore', 'inherit'] });

/** Cases of consecutive seeds; C cases are compiled with the options that belong to the first seed. */
export function buildProgram(kind: Kind, firstSeed: number, cases: number): FuzzProgram {
  mkdirSync(FOLDER, { recursive: true });
  const seeds = Array.from({ length: cases }, (_, i) => firstSeed + i);
  const binary = join(FOLDER, `${kind}-${firstSeed}-${cases}`);
  const driver = join(DRIVERS, `${kind}-driver.c`);
  if (kind === 'asm') {
    writeFileSync(`${binary}.S`, asmFile(seeds));
    gcc('-O1', '-static', '-no-pie', '-o', binary, driver, `${binary}.S`);
    return { binary, kind, firstSeed, cases, options: [] };
  }
  const options = C_OPTIONS[firstSeed % C_OPTIONS.length]!;
  writeFileSync(`${binary}.c`, cFile(seeds));
  gcc(...options, '-w', '-fwrapv', '-fno-strict-aliasing', '-static', '-I', DRIVERS, '-o', binary, driver, `${binary}.c`, '-lm');
  return { binary, kind, firstSeed, cases, options };
}

export interface Difference {
  readonly program: FuzzProgram;
  /** Seed of the first case that differs. */
  readonly seed: number;
  readonly text: string;
}

export class Campaign {
  constructor(readonly mode: Mode, readonly cores: number, readonly rounds: number) {}

  /** Runs the programs in one kernel and compares each with its native run. */
  async compare(programs: readonly FuzzProgram[]): Promise<Difference[]> {
    const argv = ['/bin/sh', '-c', SCRIPT, 'sh', String(this.rounds), ...programs.map(({ binary }) => binary)];
    const [native, ours] = await Promise.all([run(argv[0]!, argv.slice(1), { timeoutMs: TIMEOUT_MS }), this.#troupe(argv)]);
    const [expected, seen] = [native, ours].map(({ stdout }) => sections(stdout));
    const differences: Difference[] = [];
    for (const program of programs) {
      const [theirs, own] = [expected!.get(program.binary) ?? '', seen!.get(program.binary) ?? ''];
      if (!theirs.endsWith('status 0\n')) throw new Error(`${program.binary} fails natively: ${theirs.slice(-200)}`);
      if (theirs !== own) differences.push(await this.#explain(program, theirs, own, ours.stderr));
    }
    return differences;
  }

  #troupe(argv: readonly string[]) {
    return troupe(argv, { ...this.mode.options, cores: this.cores, timeoutMs: TIMEOUT_MS });
  }

  /** Down to the case, the round, and what differs after it. */
  async #explain(program: FuzzProgram, theirs: string, own: string, stderr: string): Promise<Difference> {
    const first = firstDifference(theirs, own);
    const index = Math.min(first.line, program.cases - 1);
    const rounds = await this.#both(program, String(this.rounds), String(index));
    const round = /round (\d+)/.exec(rounds.theirs)?.[1];
    const details = program.kind === 'asm' && round !== undefined ? await this.#differentLines(program, index, round) : [];
    const seed = program.firstSeed + index;
    const text = [
      `${this.mode.name}, ${this.cores} cores, ${program.kind} case ${seed} (${program.options.join(' ')}), round ${round ?? '?'}`,
      `  native: ${first.theirs}`, `  troupe: ${first.own} ${stderr.trim().slice(0, 300)}`, ...details,
      `  alone: ${program.binary} ${this.rounds} ${index} ${round ?? ''}`,
      `  replay: pnpm jit:fuzz --kind ${program.kind} --seed ${program.firstSeed} --cases ${program.cases} --mode ${this.mode.name} --cores ${this.cores}`,
    ];
    return { program, seed, text: text.join('\n') };
  }

  async #both(program: FuzzProgram, ...args: string[]) {
    const [native, ours] = await Promise.all([run(program.binary, args), this.#troupe([program.binary, ...args])]);
    return firstDifference(native.stdout, ours.stdout);
  }

  async #differentLines(program: FuzzProgram, index: number, round: string): Promise<string[]> {
    const args = [String(this.rounds), String(index), round];
    const [native, ours] = await Promise.all([run(program.binary, args), this.#troupe([program.binary, ...args])]);
    const own = ours.stdout.split('\n');
    return native.stdout.split('\n').flatMap((line, i) => (line === own[i] ? [] : [`  native: ${line.trim()}`, `  troupe: ${(own[i] ?? '').trim()}`])).slice(0, 12);
  }
}

function sections(stdout: string): Map<string, string> {
  return new Map(stdout.split(MARK).slice(1).map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]));
}

function firstDifference(theirs: string, own: string): { line: number; theirs: string; own: string } {
  const [a, b] = [theirs.split('\n'), own.split('\n')];
  const line = a.findIndex((text, i) => text !== b[i]);
  return { line: Math.max(line, 0), theirs: a[line] ?? '', own: b[line] ?? '(nothing)' };
}
