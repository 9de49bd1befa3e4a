/**
 * The decoder: guest bytes to op records (src/interp/op-record.ts), by the tables of src/decode/tables.ts.
 * A module of its own; every core has an instance, whose state are its globals.
 */
export { decode, repeatedString, storeInstruction } from './decode';
export { decodeOne, decodeRun, placeRun, setPrecise, stageOne, stagingBytes } from './run';

/** First byte after the tables. */
export function staticEnd(): usize { return __heap_base; }
