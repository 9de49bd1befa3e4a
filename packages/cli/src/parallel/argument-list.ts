/** The operands of `troupe parallel`: words of the command, and after ::: and :::: the sources of arguments. */
import type { ArgumentSource } from '@troupe/kernel/jobs';

const SEPARATORS: ReadonlySet<string> = new Set([':::', '::::', ':::+', '::::+']);

export interface ArgumentList {
  readonly command: readonly string[];
  readonly sources: readonly ArgumentSource[];
}

/** Without any source the arguments come from `input`, the standard input, which is opened then only. */
export function parseArgumentList(operands: readonly string[], argFiles: readonly string[], input: () => AsyncIterable<Buffer>): ArgumentList {
  const first = operands.findIndex((word) => SEPARATORS.has(word));
  const command = first < 0 ? operands : operands.slice(0, first);
  const sources = argFiles.map((path) => fileSource(path, false, input));
  for (let at = first; at >= 0 && at < operands.length; ) {
    const separator = operands[at]!;
    const next = operands.findIndex((word, index) => index > at && SEPARATORS.has(word));
    const end = next < 0 ? operands.length : next;
    const values = operands.slice(at + 1, end);
    const isLinked = separator.endsWith('+');
    if (separator.startsWith('::::')) sources.push(...values.map((path) => fileSource(path, isLinked, input)));
    else sources.push({ from: { kind: 'values', values }, isLinked });
    at = end;
  }
  if (sources.length === 0) sources.push({ from: { kind: 'stream', stream: input() }, isLinked: false });
  return { command, sources };
}

function fileSource(path: string, isLinked: boolean, input: () => AsyncIterable<Buffer>): ArgumentSource {
  return { from: path === '-' ? { kind: 'stream', stream: input() } : { kind: 'file', path }, isLinked };
}
