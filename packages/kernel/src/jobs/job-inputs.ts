/** From combinations of arguments to numbered jobs (parallel(1): --colsep, -n, -N, -r, --trim). */
import { combinations, type ArgumentSource, type CombineOptions } from './argument-sources.js';

export interface JobInput {
  /** Number of the job in the input, from 1: the same in every run over the same input. */
  readonly seq: number;
  readonly args: readonly string[];
}

export interface InputOptions extends CombineOptions {
  /** Each argument is split here into several. */
  readonly columnSeparator: RegExp | undefined;
  /** Combinations per job; 0: one, of which nothing is inserted. */
  readonly maxArgs: number;
  readonly skipsEmpty: boolean;
}

export const DEFAULT_INPUT: InputOptions = { delimiter: '\n', isLinked: false, columnSeparator: undefined, maxArgs: 1, skipsEmpty: false };

export async function* jobInputs(sources: readonly ArgumentSource[], options: InputOptions): AsyncGenerator<JobInput> {
  const { columnSeparator, maxArgs, skipsEmpty } = options;
  let seq = 0;
  let group: string[] = [];
  let size = 0;
  for await (const values of combinations(sources, options)) {
    if (skipsEmpty && values.every((value) => /^\s*$/.test(value))) continue;
    const args = columnSeparator === undefined ? values : values.flatMap((value) => value.split(columnSeparator));
    if (maxArgs > 0) group.push(...args);
    if (++size < maxArgs) continue;
    yield { seq: ++seq, args: group };
    group = [];
    size = 0;
  }
  if (size > 0) yield { seq: ++seq, args: group };
}
