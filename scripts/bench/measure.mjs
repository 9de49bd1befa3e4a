// Runs every task on every engine in turn, several times, so that a change of the machine's load meets all engines alike.
import { runTask } from './engines.mjs';

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

const WRONG_RESULT = 'wrong result';
export const hasWrongResult = (rows) => rows.some((row) => Object.values(row.failures).some((message) => message.startsWith(WRONG_RESULT)));

/** The interpreter is slow and steady: it runs in every third round only. */
const runsInRound = (engine, round) => engine.name !== 'interp' || round % 3 === 0;

/**
 * `read(run, task)` turns a run into { value, check }, or throws; a check sum that differs from the native one is a failure.
 * Returns { name, runs: { engine: [values] }, medians: { engine: value }, failures: { engine: message } }.
 */
export function measureTask(task, engines, repeats, read) {
  const row = { name: task.name, runs: {}, checks: {}, failures: {} };
  for (const engine of engines) {
    for (let run = 0; run < (engine.runsBefore ?? 0) && !task.skip?.includes(engine.name); run++) {
      task.before?.();
      runTask(engine, task);
    }
  }
  for (let round = 0; round < repeats; round++) {
    for (const engine of engines) {
      if (row.failures[engine.name] || !runsInRound(engine, round) || task.skip?.includes(engine.name)) continue;
      try {
        task.before?.();
        const { value, check } = read(runTask(engine, task), task);
        (row.runs[engine.name] ??= []).push(value);
        (row.checks[engine.name] ??= new Set()).add(check);
      } catch (error) {
        row.failures[engine.name] = error.message;
      }
    }
  }
  return withMedians(row, engines);
}

function withMedians(row, engines) {
  row.medians = Object.fromEntries(Object.entries(row.runs).map(([name, values]) => [name, median(values)]));
  const expected = row.checks.native && [...row.checks.native][0];
  for (const { name } of engines) {
    const other = [...(row.checks[name] ?? [])].find((check) => expected !== undefined && check !== expected);
    if (other !== undefined) row.failures[name] = `${WRONG_RESULT}: ${other} instead of ${expected}`;
  }
  delete row.checks;
  return row;
}

/** Status 125 is Troupe's own refusal, for example of an engine it does not have. */
export function failureOf({ status, stderr }) {
  const line = stderr.split('\n').find((text) => text.trim() !== '') ?? '';
  return status === 0 ? undefined : `status ${status}: ${line.slice(0, 160)}`;
}

/** Reads CHECK and TIME as tests/bench/cpu/bench.h prints them. */
export function readTimed(run) {
  const failure = failureOf(run);
  if (failure) throw new Error(failure);
  const seconds = Number(/^TIME \S+ ([\d.]+)$/m.exec(run.stdout)?.[1]);
  const check = /^CHECK .*$/m.exec(run.stdout)?.[0];
  if (check === undefined || !(seconds > 0)) throw new Error(`no CHECK and TIME lines: ${run.stdout.slice(0, 80)}`);
  return { value: seconds, check };
}
