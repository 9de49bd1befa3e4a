/**
 * Differential run: rows and random programs against the host CPU. Used by the mocha tests (a few hundred cases per row)
 * and by `pnpm isa:fuzz` (millions).
 */
import type { Batch } from '../support/oracle/batch.js';
import type { HostOracle } from '../support/oracle/host.js';
import { CaseOut, Fx, TIMEOUT_SIGNAL } from '../support/oracle/layout.js';
import { type CompareRule, compareCase, compareRule, PROGRAM_RULE } from './compare.js';
import { type Emulator, runBatch } from './engine/emulator.js';
import { Generator } from './gen/generator.js';
import { ProgramGenerator } from './gen/program.js';
import type { Template } from './gen/template.js';
import { minimise } from './minimise.js';
import { Outcome } from './outcome.js';
import { mismatchText } from './report.js';

export interface RunResult {
  readonly name: string;
  cases: number;
  /** Cases that ended in a fault on the host. */
  faults: number;
  mismatches: number;
  /** Texts of the first few mismatches. */
  readonly examples: string[];
}

function emptyResult(name: string): RunResult {
  return { name, cases: 0, faults: 0, mismatches: 0, examples: [] };
}

const INT3_VECTOR = 3;
/** The case set TF: the host stepped once, which the emulator does not model. */
const DEBUG_VECTOR = 1;
/** MXCSR.MM (misaligned SSE) exists on AMD processors only (APM Vol. 2 11.2.2). */
const MXCSR_MM = 0x2_0000;

/** Whether the host's result is one that the emulator should have. */
export function isComparable(host: DataView, at: number): boolean {
  const signo = host.getUint32(at + CaseOut.off.signo, true);
  const vector = host.getUint32(at + CaseOut.off.vector, true);
  return signo !== TIMEOUT_SIGNAL && vector !== DEBUG_VECTOR && (host.getUint32(at + CaseOut.off.fx + Fx.mxcsr, true) & MXCSR_MM) === 0;
}

export class DifferentialRun {
  readonly #generator: Generator;

  constructor(readonly oracle: HostOracle, readonly emulator: Emulator, readonly seed: number, readonly undefinedFlags: 'ignored' | 'compared' = 'ignored', readonly maxExamples = 1, inputs = 1) {
    this.#generator = new Generator(seed, inputs);
  }

  /** Runs cases `from` … `from + count - 1` of one row. */
  async row(template: Template, count: number, from = 0): Promise<RunResult> {
    const result = emptyResult(template.name);
    const rule = compareRule(template.row, this.undefinedFlags);
    for (let done = 0; done < count; ) {
      const size = Math.min(count - done, this.#generator.batchCases);
      const first = from + done;
      await this.#batch(result, rule, this.#generator.batch(template, first, size), (i) => `--row '${template.name}' --seed ${this.seed} --case ${first + i}${this.#generator.inputs > 1 ? ` --inputs ${this.#generator.inputs}` : ''}`);
      done += size;
    }
    return result;
  }

  /** Runs `count` batches of random programs (gen/program.ts) made of the rows in `pool`. */
  async programs(pool: readonly Template[], count: number, from = 0, style: ProgramGenerator['style'] = 'any'): Promise<RunResult> {
    const result = emptyResult('programs');
    const generator = new ProgramGenerator(this.seed, pool, style);
    for (let index = from; index < from + count; index++) await this.#batch(result, PROGRAM_RULE, generator.batch(index), () => `--programs 1 --seed ${this.seed} --case ${index}${style === 'floats' ? ' --floats' : ''}`);
    return result;
  }

  async #batch(result: RunResult, rule: CompareRule, batch: Batch, replayOf: (position: number) => string): Promise<void> {
    const reply = this.oracle.run(batch);
    const emulated = runBatch(this.emulator, batch, CaseOut.sizeBytes);
    const host = await reply;
    const hostView = new DataView(host.buffer, host.byteOffset, host.byteLength);
    const emulatedView = new DataView(emulated.buffer);
    for (let i = 0; i < batch.count; i++) {
      const at = i * CaseOut.sizeBytes;
      if (!isComparable(hostView, at)) continue;
      const vector = hostView.getUint32(at + CaseOut.off.vector, true);
      result.cases++;
      if (vector !== INT3_VECTOR) result.faults++;
      const differences = compareCase(vector === INT3_VECTOR || this.emulator.hasPreciseFlags ? rule : { ...rule, flagMask: 0 }, new Outcome(batch, i, hostView, emulatedView));
      if (differences.length === 0) continue;
      result.mismatches++;
      const replay = `pnpm isa:fuzz ${replayOf(i)}`;
      if (result.examples.length < this.maxExamples) result.examples.push(await this.#example(rule, batch, i, replay, mismatchText(batch, i, differences, hostView, at, `${replay} (not alone, only within its batch)`)));
    }
  }

  async #example(rule: CompareRule, batch: Batch, position: number, replay: string, whole: string): Promise<string> {
    const found = await minimise(batch, position, rule, this.oracle, this.emulator);
    return found ? mismatchText(found.batch, 0, found.differences, found.host, 0, replay) : whole;
  }
}
