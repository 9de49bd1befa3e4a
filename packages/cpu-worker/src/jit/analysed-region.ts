import type { RuntimeFn } from '../ir/types.js';
import type { Signature } from '../ir/wasm-module.js';
import type { FlagLiveness } from './flag-liveness.js';
import type { GuestCode, GuestInstruction } from './guest-code.js';
import type { RegionOrder } from './order.js';
import { REGION_SIGNATURE, type RegionPage } from './region-abi.js';
import type { SlotFlow } from './slot-flow.js';
import type { WindowChoice } from './window-choice.js';

/** Numbers fixed in every region module (region-compiler.ts). */
export const RegionModuleIndex = { CORE_BLOCK: 0 } as const;

/** Globals of each body: relocated, as functions are. Those of its constants come last. */
export const BodyGlobal = { ENTRY_KEY: 0, LINKS: 1, CONSTANTS: 2 } as const;

/** A function with several entries: the last parameter is the entry's `at` (GuestInstruction). */
export const ENTERED_SIGNATURE: Signature = { params: [...REGION_SIGNATURE.params, 'i32'], results: REGION_SIGNATURE.results };

/** What analysis found out about a region. */
export interface AnalysedRegion {
  readonly code: GuestCode;
  readonly entryAt: number;
  /** The instruction at the entry. */
  readonly entry: GuestInstruction;
  readonly order: RegionOrder;
  readonly flags: FlagLiveness;
  readonly flow: SlotFlow;
  readonly windows: WindowChoice;
  readonly rewritten: ReadonlySet<GuestInstruction>;
  /** The region may be made again when it stays hot: the driver sees from time to time where it is. */
  readonly isSampled: boolean;
  /** Pages covered, by distance from the entry's page. */
  readonly pages: ReadonlyMap<number, RegionPage>;
}

/** Functions of the interpreter's module that regions call (region-abi.ts). */
export const INTERPRETER_FUNCTIONS = {
  cold: { params: ['i32', 'i32'], results: ['i32'] },
  direct: REGION_SIGNATURE,
  fits: { params: ['i32', 'i64', 'i32'], results: ['i32'] },
  indirect: { params: ['i32', 'i64', 'i32'], results: REGION_SIGNATURE.results },
  misfit: REGION_SIGNATURE,
  poll: { params: ['i32', 'i32', 'i32'], results: ['i32'] },
} as const satisfies Record<string, Signature>;

/** `direct`, or the region at that address itself where it is in the same module. */
export interface DirectCallee {
  readonly at: number;
}

/** Functions called: of the interpreter (region-abi.ts), or of the run-time library. */
export type Callee = RuntimeFn | DirectCallee | keyof typeof INTERPRETER_FUNCTIONS;

/** Name of the import. */
export function nameOf(callee: Callee): string {
  if (typeof callee === 'string') return callee;
  return 'at' in callee ? 'direct' : callee.name;
}
