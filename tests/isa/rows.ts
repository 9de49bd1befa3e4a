/** The rows that random tests can run on the host, as generator templates. */
import { ISA } from '@troupe/cpu-worker/isa/table.js';
import { withReadBack } from './gen/suffix.js';
import { type Template, templateOf } from './gen/template.js';

/**
 * Rows whose name matches `filter` (a regular expression or the exact name), without the untestable ones;
 * rows that write flags come a second time with an instruction that reads them.
 */
export function testableRows(filter?: string): Template[] {
  const single = ISA.filter((row) => row.untestable === undefined).map(templateOf);
  const all = [...single, ...single.map(withReadBack).filter((t) => t !== undefined)];
  if (filter === undefined) return all;
  const exact = all.filter((t) => t.name === filter);
  if (exact.length > 0) return exact;
  const pattern = new RegExp(filter);
  return all.filter((t) => pattern.test(t.row.mnemonic) || pattern.test(t.name));
}
