/** Decodes a straight run of guest code into the code page of its frame (src/decode/code-cache.ts). */
import {
  FORM_OVERLONG, FORM_UNDEFINED, JIT_AREA, OP_BYTES, OP_HANDLER, OP_IMM, OP_IMM1, OP_PLACE, PAGE_BYTES, PAGE_CURSOR, PAGE_FRAME, PAGE_GENERATION, PAGE_INDEX, PAGE_LIMIT, PAGE_OP_COUNT,
  REGION_BYTES, REGION_HANDLER, REGION_ORIGINAL, RESULT_OK, RESULT_TOO_LONG, RESULT_TRUNCATED, RUN_DONE, RUN_FETCH_FAULT, RUN_NEEDS_NEXT, RUN_NEEDS_ROOM, SPECIAL_GUARD,
} from '../../dist/assembly/decode-tables';
import { decode, form, lenBytes, replace } from './decode';
import { ends } from './forms';
import { writeChain, writeGuard, writeOp } from './op-writer';
import { addToRun, RUN_LIMIT, runOp, setStaging, stagedOp, STAGING_BYTES, window } from './staging';
import { chooseVariants } from './variants';

/** Tells the host of bytes that are no instruction we know. */
// @ts-ignore: decorator
@external('env', 'undefinedAt')
declare function undefinedAt(address: usize, end: usize): void;

/** The next page's code page is not known; 0 = it cannot be executed. */
const UNKNOWN: usize = usize.MAX_VALUE;
const MAX_INSTRUCTION: u32 = 15;

let isPrecise: bool = false;
/** The staged run. */
let page: usize = 0;
let ops: u32 = 0;
let count: u32 = 0;

/** Every flag is right at every fault. */
export function setPrecise(value: bool): void { isPrecise = value; }
export function stagingBytes(): usize { return STAGING_BYTES; }

function frameOf(codePage: usize): usize { return load<u32>(codePage + PAGE_FRAME); }
function opAt(offset: u32): u32 { return atomic.load<u32>(page + PAGE_INDEX + (usize(offset) << 2)); }

/** Decodes the instruction at `at` of a page; bytes of the next page come through a window. RUN_NEEDS_NEXT or a Result. */
export function decodeOne(codePage: usize, at: u32, next: usize, staging: usize): i32 {
  setStaging(staging);
  const frame = frameOf(codePage);
  const result = decode(frame + at, frame + PAGE_BYTES);
  if (result != RESULT_TRUNCATED || next == 0) return result;
  if (next == UNKNOWN) return RUN_NEEDS_NEXT;
  const here = u32(PAGE_BYTES) - at;
  memory.copy(window(), frame + at, here);
  memory.copy(window() + here, frameOf(next), MAX_INSTRUCTION);
  return decode(window(), window() + here + MAX_INSTRUCTION);
}

/** Decodes the instruction at `at` of a page alone, with exact flags: its op is the first staged one. RUN_NEEDS_NEXT, RUN_FETCH_FAULT or RUN_DONE. */
export function stageOne(codePage: usize, at: u32, next: usize, staging: usize): i32 {
  page = codePage;
  const result = decodeOne(codePage, at, next, staging);
  if (result == RUN_NEEDS_NEXT) return RUN_NEEDS_NEXT;
  if (result == RESULT_TRUNCATED) return RUN_FETCH_FAULT;
  if (result != RESULT_OK) substitute(result, at);
  writeOp(stagedOp(0), at);
  return RUN_DONE;
}

/** Handler of an op, also where a region starts (src/jit/region-abi.ts). */
function handlerOf(op: usize): u32 {
  const handler = u32(load<u16>(op + OP_HANDLER));
  if (handler < REGION_HANDLER) return handler;
  return load<u16>(usize(load<u32>(JIT_AREA)) + REGION_ORIGINAL + usize(handler - REGION_HANDLER) * REGION_BYTES);
}

/** A straddling instruction whose next page is no longer the one it was decoded with. */
function isStaleGuard(op: usize, next: usize): bool {
  if (handlerOf(op) != SPECIAL_GUARD) return false;
  return next == 0 || load<u32>(op + OP_IMM) != next || load<u32>(next + PAGE_GENERATION) != load<u32>(op + OP_IMM1);
}

/**
 * Decodes from `start` of a locked code page. `next`: code page of the next page, UNKNOWN or 0.
 * The number of new ops, or RUN_…
 */
export function decodeRun(codePage: usize, start: u32, next: usize, staging: usize): i32 {
  page = codePage;
  const existing = opAt(start);
  if (existing != 0) {
    if (next == UNKNOWN && handlerOf(existing) == SPECIAL_GUARD) return RUN_NEEDS_NEXT;
    if (!isStaleGuard(existing, next)) return RUN_DONE;
  }
  const failure = stage(start, next, staging);
  if (failure != RUN_DONE) return failure;
  chooseVariants(count, frameOf(page), isPrecise);
  return placeRun();
}

function stage(start: u32, next: usize, staging: usize): i32 {
  let at = start;
  let hasEnded = false;
  ops = 0;
  for (count = 0; count < RUN_LIMIT && at < u32(PAGE_BYTES) && !hasEnded; ) {
    if (at != start && opAt(at) != 0) break;
    const result = decodeOne(page, at, next, staging);
    if (result == RUN_NEEDS_NEXT) return RUN_NEEDS_NEXT;
    if (result == RESULT_TRUNCATED || result == RESULT_TOO_LONG) {
      if (at != start) break;
      if (result == RESULT_TRUNCATED) return RUN_FETCH_FAULT;
    }
    if (result != RESULT_OK) substitute(result, at);
    if (at + lenBytes > u32(PAGE_BYTES)) writeGuard(stagedOp(ops++), at, next, load<u32>(next + PAGE_GENERATION));
    addToRun(count++, form, ops);
    writeOp(stagedOp(ops++), at);
    at += lenBytes;
    hasEnded = ends(form);
  }
  if (!hasEnded) writeChain(stagedOp(ops++), at, at < u32(PAGE_BYTES) ? opAt(at) : 0);
  return RUN_DONE;
}

/** Bytes that are no instruction become a #UD, that the kernel reports, or a #GP. */
function substitute(result: i32, at: u32): void {
  if (result == RESULT_TOO_LONG) return replace(FORM_OVERLONG);
  const frame = frameOf(page);
  undefinedAt(frame + at, frame + PAGE_BYTES);
  replace(FORM_UNDEFINED);
}

/** Moves the staged run into the page, then publishes it. The number of ops, or RUN_NEEDS_ROOM. */
export function placeRun(): i32 {
  const address = usize(load<u32>(page + PAGE_CURSOR));
  const size = usize(ops) * OP_BYTES;
  if (address + size > usize(load<u32>(page + PAGE_LIMIT))) return RUN_NEEDS_ROOM;
  store<u32>(page + PAGE_CURSOR, u32(address + size));
  store<u32>(page + PAGE_OP_COUNT, load<u32>(page + PAGE_OP_COUNT) + ops);
  memory.copy(address, stagedOp(0), size);
  for (let i: u32 = 0; i < count; i++) {
    const op = runOp(i);
    const offset = u32(load<u16>(op + OP_PLACE)) & 0xfff;
    atomic.store<u32>(page + PAGE_INDEX + (usize(offset) << 2), u32(entryOf(op, offset) - stagedOp(0) + address));
  }
  return ops;
}

/** A straddling instruction is entered through its guard. */
function entryOf(op: usize, offset: u32): usize {
  const before = op - OP_BYTES;
  const isGuarded = before >= stagedOp(0) && load<u16>(before + OP_HANDLER) == SPECIAL_GUARD && load<u16>(before + OP_PLACE) == u16(offset);
  return isGuarded ? before : op;
}
