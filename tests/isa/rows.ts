/** The rows that random tests can run on the host, as generator templates. */
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

/** All rows but the untestable ones. */
export function testableRows(): TestableRows {
  const single = ISA.filter((row) => row.untestable === undefined).map(templateOf);
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
