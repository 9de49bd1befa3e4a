/** Where the arguments of jobs come from, and how several sources combine (parallel(1): :::, ::::, :::+, -a, --link). */
import { createReadStream } from 'node:fs';
import { ConfigError } from '@troupe/abi';

export interface ArgumentSource {
  readonly from: { readonly kind: 'values'; readonly values: Iterable<string> } | { readonly kind: 'file'; readonly path: string } | { readonly kind: 'stream'; readonly stream: AsyncIterable<Buffer> };
  /** Goes along with the source before it, instead of combining with all its values. */
  readonly isLinked: boolean;
}

/** Values of a source, one after the other. Of text what stands between delimiters; the last may lack one. Throws ConfigError. */
async function* valuesOf({ from }: ArgumentSource, delimiter: string): AsyncGenerator<string> {
  if (from.kind === 'values') return yield* from.values;
  const stream: AsyncIterable<Buffer> = from.kind === 'stream' ? from.stream : createReadStream(from.path);
  try {
    yield* split(stream, delimiter);
  } catch (error) {
    if (from.kind === 'file') throw new ConfigError(`cannot be read: ${(error as Error).message}`, from.path);
    throw error;
  }
}

async function* split(stream: AsyncIterable<Buffer>, delimiter: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(delimiter);
    rest = parts.pop()!;
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

async function all(source: ArgumentSource, delimiter: string): Promise<string[]> {
  const values: string[] = [];
  for await (const value of valuesOf(source, delimiter)) values.push(value);
  return values;
}

/** A source with those that are linked to it. A linked source that is shorter begins again, as with --link; with :::+ the shortest ends the group. */
async function* groupValues(group: readonly ArgumentSource[], options: CombineOptions): AsyncGenerator<readonly string[]> {
  if (group.length === 1) {
    for await (const value of valuesOf(group[0]!, options.delimiter)) yield [value];
    return;
  }
  const lists = await Promise.all(group.map((source) => all(source, options.delimiter)));
  const lengths = lists.map((list) => list.length);
  const count = lengths.includes(0) ? 0 : options.isLinked ? Math.max(...lengths) : Math.min(...lengths);
  for (let at = 0; at < count; at++) yield lists.map((list) => list[at % list.length]!);
}

export interface CombineOptions {
  readonly delimiter: string;
  /** --link: every source goes along with the first. */
  readonly isLinked: boolean;
}

function groupsOf(sources: readonly ArgumentSource[], { isLinked }: CombineOptions): ArgumentSource[][] {
  const groups: ArgumentSource[][] = [];
  for (const source of sources) {
    if (groups.length > 0 && (source.isLinked || isLinked)) groups.at(-1)!.push(source);
    else groups.push([source]);
  }
  return groups;
}

/** One array per combination, the last source varying fastest. The first source is read as it is needed, the others at once. */
export async function* combinations(sources: readonly ArgumentSource[], options: CombineOptions): AsyncGenerator<readonly string[]> {
  const [first, ...others] = groupsOf(sources, options);
  if (first === undefined) return;
  const rest: (readonly string[])[][] = [];
  for (const group of others) {
    const values: (readonly string[])[] = [];
    for await (const value of groupValues(group, options)) values.push(value);
    rest.push(values);
  }
  for await (const head of groupValues(first, options)) yield* extended(head, rest, 0);
}

function* extended(head: readonly string[], rest: readonly (readonly (readonly string[])[])[], at: number): Generator<readonly string[]> {
  if (at === rest.length) return yield head;
  for (const values of rest[at]!) yield* extended([...head, ...values], rest, at + 1);
}
