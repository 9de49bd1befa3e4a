import { TCB_MXCSR } from '../dist/assembly/tcb-layout';
import { DE, IE, ZE } from './round';

/**
 * MXCSR during an SSE instruction (SDM Vol. 1 10.2.3, 11.5).
 *
 * `begin` reads the register, the operations collect exceptions, `finish` makes them sticky. An
 * unmasked exception found before the computation (IE, DE, ZE) in any lane hides those found after
 * it (OE, UE, PE).
 */
export const DAZ: u32 = 0x40;
export const FTZ: u32 = 0x8000;
const BEFORE: u32 = IE | DE | ZE;
const ALL_MASKED: u32 = 0x1f80;

let csr: u32 = 0;
let raised: u32 = 0;
let unmasked: u32 = 0;

// @ts-ignore: decorator
@inline
export function begin(tcb: usize): void {
  csr = load<u32>(tcb + TCB_MXCSR);
  raised = 0;
}

export function finish(tcb: usize): void {
  const open = raised & ~masks();
  const seen = (open & BEFORE) != 0 ? raised & BEFORE : raised;
  unmasked = open;
  if ((seen & ~csr) != 0) store<u32>(tcb + TCB_MXCSR, csr | seen);
}

// @ts-ignore: decorator
@inline
export function raiseSse(flags: u32): void { raised |= flags; }

/** True when an exception raised so far in this instruction is unmasked. */
// @ts-ignore: decorator
@inline
export function isOpen(): bool { return (raised & ~masks()) != 0; }

/** 1 for each masked exception, in the positions of the flags. */
// @ts-ignore: decorator
@inline
export function masks(): u32 { return (csr >> 7) & 0x3f; }

// @ts-ignore: decorator
@inline
export function roundingSse(): u32 { return (csr >> 13) & 3; }

// @ts-ignore: decorator
@inline
export function isDaz(): bool { return (csr & DAZ) != 0; }

// @ts-ignore: decorator
@inline
export function isFtz(): bool { return (csr & FTZ) != 0; }

/** Rounds to nearest with all exceptions masked; FTZ and DAZ may be set. */
// @ts-ignore: decorator
@inline
export function isNearestMasked(): bool { return (csr & 0x7f80) == ALL_MASKED; }

/** The last instruction met an unmasked exception: #XM is due. */
export function sse_unmasked(): u32 { return u32(unmasked != 0); }
