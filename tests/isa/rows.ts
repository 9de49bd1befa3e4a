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

/**
 * Rows whose results (approximations, undefined results and flags, order of faults, x87 C1) follow
 * AMD processors, which the rows were made on; other hosts differ in them.
 */
const AMD_RESULTS = /^((rcp|rsqrt)[ps]s|sh[lr]d|cmps[bwdq]|cmpxchg|maskmov\w+|cvt\w+pi|cvtpi2\w+|movsxd|enter|call|ret|jmp|bs[fr]|f(?!xsave|xrstor)\w+|loopn?e)$/;

function isAmdHost(): boolean {
  return process.platform === 'linux' && /AuthenticAMD/.test(readFileSync('/proc/cpuinfo', 'latin1'));
}

function isPresent(t: Template | undefined): t is Template {
  return t !== undefined;
}

/** All rows but the untestable ones, and on other than AMD processors those with AMD's results. */
export function testableRows(): TestableRows {
  const all = isAmdHost();
  const single = ISA.filter((row) => row.untestable === undefined && (all || !AMD_RESULTS.test(row.mnemonic))).map(templateOf);
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
