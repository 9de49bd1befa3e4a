/** x87 arithmetic, comparison and classification on the register stack (SDM Vol. 2A). */
import { arith, sqrt80 } from './arith80';
import { fastArith } from './fast80';
import { LESS, EQUAL, UNORDERED, compare } from './compare80';
import { roundToInteger } from './convert80';
import { NO_QUOTIENT, extract, extractedSe, extractedSig, remainder, scale } from './reduce80';
import { C0, C1, C2, C3, CONDITION, INDEFINITE_SE, INDEFINITE_SIG, clearRaised, commit, commitKeepingC1, fsw, isEmpty, isSuppressed, popStack, regSe, regSig, setFsw, setReg, setRoundedUp, setTop, stackOverflow, stackUnderflow, top } from './state';
import { DENORMAL, INFINITE, NORMAL, UNSUPPORTED, ZERO, classify, isWidenedDenormal, setValue, setWidenedDenormal, vSe, vSig } from './number80';
import { readMemory } from './x87-move';

/** Writes the value as ST(i) unless an unmasked exception forbids it; then pops when asked. */
function deliver(tcb: usize, i: u32, pop: u32): void {
  if (!isSuppressed(tcb)) {
    setReg(tcb, i, vSe(), vSig());
    if (pop) popStack(tcb);
  }
  commit(tcb);
}

/** ST(dst) = ST(dst) op ST(src); op as in arith80. */
export function x87_arith(tcb: usize, op: u32, dst: u32, src: u32, pop: u32): void {
  if (!isEmpty(tcb, src) && fastArith(tcb, op, dst, regSe(tcb, src), regSig(tcb, src), pop)) return;
  clearRaised();
  setWidenedDenormal(false);
  if (isEmpty(tcb, dst) || isEmpty(tcb, src)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    arith(tcb, op, regSe(tcb, dst), regSig(tcb, dst), regSe(tcb, src), regSig(tcb, src));
  }
  deliver(tcb, dst, pop);
}

/** ST(0) = ST(0) op memory. */
export function x87_arith_mem(tcb: usize, op: u32, format: u32, at: usize): void {
  readMemory(format, at);
  if (!isWidenedDenormal() && fastArith(tcb, op, 0, vSe(), vSig(), 0)) return;
  clearRaised();
  if (isEmpty(tcb, 0)) {
    stackUnderflow();
    setWidenedDenormal(false);
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    arith(tcb, op, regSe(tcb, 0), regSig(tcb, 0), vSe(), vSig());
    setWidenedDenormal(false);
  }
  deliver(tcb, 0, 0);
}

/** Condition code bits of a relation. */
function conditionOf(relation: u32): u32 {
  return relation == UNORDERED ? C0 | C2 | C3 : relation == EQUAL ? C3 : relation == LESS ? C0 : 0;
}

function setCondition(tcb: usize, bits: u32): void {
  setFsw(tcb, (fsw(tcb) & ~CONDITION) | bits);
}

function finishCompare(tcb: usize, relation: u32, pops: u32): void {
  setCondition(tcb, conditionOf(relation));
  if (!isSuppressed(tcb)) {
    for (; pops != 0; pops--) popStack(tcb);
  }
  commit(tcb);
}

/** FCOM FCOMP FCOMPP (quiet = 0), FUCOM FUCOMP FUCOMPP (quiet = 1) with ST(i). */
export function x87_compare(tcb: usize, i: u32, quiet: u32, pops: u32): void {
  finishCompare(tcb, relationToReg(tcb, i, quiet), pops);
}

function relationToReg(tcb: usize, i: u32, quiet: u32): u32 {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, i)) {
    stackUnderflow();
    return UNORDERED;
  }
  setWidenedDenormal(false);
  return compare(regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, i), regSig(tcb, i), quiet != 0);
}

/** FCOM/FCOMP, FICOM/FICOMP with memory. */
export function x87_compare_mem(tcb: usize, format: u32, pops: u32, at: usize): void {
  clearRaised();
  let relation = UNORDERED;
  if (isEmpty(tcb, 0)) stackUnderflow();
  else {
    readMemory(format, at);
    relation = compare(regSe(tcb, 0), regSig(tcb, 0), vSe(), vSig(), false);
    setWidenedDenormal(false);
  }
  finishCompare(tcb, relation, pops);
}

/** FTST. */
function test(tcb: usize): void {
  clearRaised();
  let relation = UNORDERED;
  setWidenedDenormal(false);
  if (isEmpty(tcb, 0)) stackUnderflow();
  else relation = compare(regSe(tcb, 0), regSig(tcb, 0), 0, 0, false);
  finishCompare(tcb, relation, 0);
}

/**
 * FCOMI FCOMIP FUCOMI FUCOMIP: returns ZF PF CF in their RFLAGS positions. The flags are written
 * even when an unmasked exception is raised; the pop is not done then.
 */
export function x87_compare_flags(tcb: usize, i: u32, quiet: u32, pop: u32): u32 {
  const relation = relationToReg(tcb, i, quiet);
  if (pop && !isSuppressed(tcb)) popStack(tcb);
  commitKeepingC1(tcb);
  return relation == UNORDERED ? 0x45 : relation == EQUAL ? 0x40 : relation == LESS ? 1 : 0;
}

/** FXAM. */
function examine(tcb: usize): void {
  const se = regSe(tcb, 0);
  let bits = (se >> 15) != 0 ? C1 : 0;
  if (isEmpty(tcb, 0)) bits |= C3 | C0;
  else {
    const c = classify(se, regSig(tcb, 0));
    if (c == ZERO) bits |= C3;
    else if (c == NORMAL) bits |= C2;
    else if (c == DENORMAL) bits |= C3 | C2;
    else if (c == INFINITE) bits |= C2 | C0;
    else if (c != UNSUPPORTED) bits |= C0;
  }
  setCondition(tcb, bits);
}

/** One-operand and two-operand instructions on the top of the stack, by the second opcode byte of D9. */
export function x87_unary(tcb: usize, opcode: u32): void {
  if (opcode == 0xe5) { examine(tcb); return; }
  if (opcode == 0xe4) { test(tcb); return; }
  clearRaised();
  const se = regSe(tcb, 0), sig = regSig(tcb, 0);
  if (isEmpty(tcb, 0)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else if (opcode == 0xe0) setValue(se ^ 0x8000, sig);
  else if (opcode == 0xe1) setValue(se & 0x7fff, sig);
  else if (opcode == 0xfa) sqrt80(tcb, se, sig);
  else roundToInteger(tcb, se, sig);
  deliver(tcb, 0, 0);
}

/** FSCALE. */
export function x87_scale(tcb: usize): void {
  clearRaised();
  if (isEmpty(tcb, 0) || isEmpty(tcb, 1)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    scale(tcb, regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, 1), regSig(tcb, 1));
  }
  deliver(tcb, 0, 0);
}

/** FPREM (nearest = 0), FPREM1 (nearest = 1). */
export function x87_remainder(tcb: usize, nearest: u32): void {
  clearRaised();
  let bits = NO_QUOTIENT;
  if (isEmpty(tcb, 0) || isEmpty(tcb, 1)) {
    stackUnderflow();
    setValue(INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    bits = remainder(tcb, regSe(tcb, 0), regSig(tcb, 0), regSe(tcb, 1), regSig(tcb, 1), nearest != 0);
  }
  if (isSuppressed(tcb) || bits == NO_QUOTIENT) {
    bits = 0;
    setFsw(tcb, fsw(tcb) & ~C2);
  } else {
    setCondition(tcb, bits);
  }
  if (!isSuppressed(tcb)) setReg(tcb, 0, vSe(), vSig());
  setRoundedUp((bits & C1) != 0);
  commit(tcb);
}

/** FXTRACT. */
export function x87_extract(tcb: usize): void {
  clearRaised();
  let se: u32 = INDEFINITE_SE, sig: u64 = INDEFINITE_SIG;
  setValue(INDEFINITE_SE, INDEFINITE_SIG);
  if (isEmpty(tcb, 0)) stackUnderflow();
  else if (!isEmpty(tcb, 7)) stackOverflow();
  else {
    extract(regSe(tcb, 0), regSig(tcb, 0));
    se = extractedSe();
    sig = extractedSig();
  }
  if (!isSuppressed(tcb)) {
    setReg(tcb, 0, se, sig);
    setTop(tcb, top(tcb) - 1);
    setReg(tcb, 0, vSe(), vSig());
  }
  commit(tcb);
}
