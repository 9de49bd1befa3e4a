/** Fields of the form table. */
import { FE_MASK, FF_DIRECT_JUMP, FF_ENDS, FF_MEMORY, FF_MOFFS, FF_RELATIVE, FORM_BYTES, FORMS } from '../../dist/assembly/decode-tables';

// @ts-ignore: decorator
@inline
function at(form: u32): usize { return FORMS + usize(form) * FORM_BYTES; }

/** Handler by addressing: 0 none, 1 base, 2 index, 3 general. */
export function handler(form: u32, addressing: u32): u32 { return load<u16>(at(form) + (addressing << 1)); }
export function registerCode(form: u32, i: u32): u32 { return load<u8>(at(form) + i, 8); }
export function formFlags(form: u32): u32 { return load<u8>(at(form), 11); }
export function flagEffect(form: u32): u32 { return load<u8>(at(form), 12) & FE_MASK; }
/** Bits FS_…: a shift by a constant. */
export function flagShift(form: u32): u32 { return load<u8>(at(form), 12) & ~FE_MASK; }
/** Condition of a conditional jump, else 0xff. */
export function jumpCondition(form: u32): u32 { return load<u8>(at(form), 13); }
export function stackUse(form: u32): u32 { return load<u8>(at(form), 14); }

export function isMemory(form: u32): bool { return (formFlags(form) & FF_MEMORY) != 0; }
export function isRelative(form: u32): bool { return (formFlags(form) & FF_RELATIVE) != 0; }
export function isMoffs(form: u32): bool { return (formFlags(form) & FF_MOFFS) != 0; }
export function ends(form: u32): bool { return (formFlags(form) & FF_ENDS) != 0; }
export function isDirectJump(form: u32): bool { return (formFlags(form) & FF_DIRECT_JUMP) != 0; }
