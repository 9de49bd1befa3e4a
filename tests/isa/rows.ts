/** The rows that random tests can run on the host, as generator templates. */
import { readFileSync } from 'node:fs';
import { ISA } from '@troupe/cpu-worker/isa/table.js';
import { chainPool, isX87, withChain, withReadBack, x87ChainPool } from './gen/suffix.js';
import { type Template, templateOf } from './gen/template.js';

/** Alone, with a reader of its flags behind it, or followed by other rows. */
export interface TestableRows {
  readonly single: readonly Template[];
  readonly readBack: readonly Template[];
  readonly chained: readonly Template[];
}

function isPresent(t: Template | undefined): t is Template {
  return t !== undefined;
}

/** Instructions that some hosts do not let programs use, by their names in /proc/cpuinfo. */
const OPTIONAL: readonly { readonly flag: string; readonly rows: RegExp }[] = [{ flag: 'fsgsbase', rows: /^(rd|wr)[fg]sbase$/ }];

function missingRows(): RegExp[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' '));
  return OPTIONAL.filter(({ flag }) => !flags.has(flag)).map(({ rows }) => rows);
}

/** All rows but the untestable ones and those that the host lacks. */
export function testableRows(): TestableRows {
  const missing = missingRows();
  const single = ISA.filter((row) => row.untestable === undefined && !missing.some((rows) => rows.test(row.mnemonic))).map(templateOf);
  const pool = chainPool(single);
  const x87Pool = x87ChainPool(single);
  return { single, readBack: single.map(withReadBack).filter(isPresent), chained: single.map((t) => withChain(t, isX87(t) ? x87Pool : pool)).filter(isPresent) };
}

/** Rows with exactly this name, or else those whose mnemonic or name match the regular expression. */
export function selectRows(rows: TestableRows, filter?: string, kind?: keyof TestableRows): Template[] {
  const all = kind ? [...rows[kind]] : [...rows.single, ...rows.readBack, ...rows.chained];
  if (filter === undefined) return all;
  const exact = all.filter((t) => t.name === filter);
  if (exact.length > 0) return exact;
  const pattern = new RegExp(filter);
  return all.filter((t) => pattern.test(t.row.mnemonic) || pattern.test(t.name));
}
