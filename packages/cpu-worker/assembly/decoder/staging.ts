/**
 * The run under construction, in memory of the core: its op records, then the form (u16) and op
 * number (u16) of each instruction, then the bytes of an instruction that runs into the next page.
 */
import { OP_BYTES } from '../../dist/assembly/decode-tables';

/** Instructions decoded ahead at most. */
export const RUN_LIMIT: u32 = 96;
/** A guard and a chain beside. */
const OPS: usize = RUN_LIMIT + 2;
const LIST: usize = OPS * OP_BYTES;
const WINDOW: usize = LIST + RUN_LIMIT * 4;
export const WINDOW_BYTES: usize = 32;
export const STAGING_BYTES: usize = WINDOW + WINDOW_BYTES;

let staging: usize = 0;

export function setStaging(address: usize): void { staging = address; }
export function stagedOp(number: u32): usize { return staging + usize(number) * OP_BYTES; }
export function window(): usize { return staging + WINDOW; }

export function addToRun(i: u32, form: u32, op: u32): void {
  store<u16>(staging + LIST + (i << 2), form);
  store<u16>(staging + LIST + (i << 2), op, 2);
}

export function runForm(i: u32): u32 { return load<u16>(staging + LIST + (i << 2)); }
export function runOp(i: u32): usize { return stagedOp(load<u16>(staging + LIST + (i << 2), 2)); }
