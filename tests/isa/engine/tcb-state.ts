/**
 * Register state between case records and the task control block.
 */
import { packFlags, unpackFlags } from '@troupe/abi/layout/flags.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { CaseIn, CaseOut, Fx, HIGH_OFFSET } from '../../support/oracle/layout.js';

const { off } = TCB;
const LOADED_REST_FLAGS = 0x400;

function copyBytes(to: DataView, toAt: number, from: DataView, fromAt: number, bytes: number): void {
  for (let i = 0; i < bytes; i += 8) to.setBigUint64(toAt + i, from.getBigUint64(fromAt + i, true), true);
}

/** FXSAVE keeps ST(i) in stack order, the TCB physical registers. */
function physical(fsw: number, i: number): number {
  return ((fsw >> 11) + i) & 7;
}

export function loadTcb(memory: DataView, tcb: number, batch: DataView, at: number): void {
  const fx = at + CaseIn.off.fx;
  copyBytes(memory, tcb + off.gpr, batch, at + CaseIn.off.gpr, 128);
  copyBytes(memory, tcb + off.fsBase, batch, at + CaseIn.off.fsBase, 16);
  const rflags = batch.getUint32(at + CaseIn.off.rflags, true);
  const [ccRes, ccAux] = unpackFlags(rflags);
  memory.setBigInt64(tcb + off.ccRes, ccRes, true);
  memory.setBigInt64(tcb + off.ccAux, BigInt.asIntN(64, ccAux), true);
  memory.setUint32(tcb + off.flagsRest, (rflags & LOADED_REST_FLAGS) | 0x202, true);
  memory.setUint32(tcb + off.mxcsr, batch.getUint32(fx + Fx.mxcsr, true), true);
  memory.setBigUint64(tcb + off.rip, BigInt(batch.getUint32(at + CaseIn.off.codeAddr, true) + batch.getUint32(at + CaseIn.off.highCode, true) * HIGH_OFFSET), true);
  const fsw = batch.getUint16(fx + Fx.fsw, true);
  memory.setUint16(tcb + off.fcw, batch.getUint16(fx + Fx.fcw, true), true);
  memory.setUint16(tcb + off.fsw, fsw, true);
  memory.setUint8(tcb + off.ftw, batch.getUint8(fx + Fx.ftw));
  for (let i = 0; i < 8; i++) copyBytes(memory, tcb + off.st + 16 * physical(fsw, i), batch, fx + Fx.st + 16 * i, 16);
  copyBytes(memory, tcb + off.xmm, batch, fx + Fx.xmm, 256);
}

export function storeTcb(memory: DataView, tcb: number, out: DataView, at: number): void {
  const fx = at + CaseOut.off.fx;
  copyBytes(out, at + CaseOut.off.gpr, memory, tcb + off.gpr, 128);
  copyBytes(out, at + CaseOut.off.fsBase, memory, tcb + off.fsBase, 16);
  copyBytes(out, at + CaseOut.off.rip, memory, tcb + off.rip, 8);
  const rflags = packFlags(memory.getBigInt64(tcb + off.ccRes, true), memory.getBigInt64(tcb + off.ccAux, true), memory.getUint32(tcb + off.flagsRest, true));
  out.setUint32(at + CaseOut.off.rflags, rflags, true);
  const fsw = memory.getUint16(tcb + off.fsw, true);
  out.setUint16(fx + Fx.fcw, memory.getUint16(tcb + off.fcw, true), true);
  out.setUint16(fx + Fx.fsw, fsw, true);
  out.setUint8(fx + Fx.ftw, memory.getUint8(tcb + off.ftw));
  out.setUint32(fx + Fx.mxcsr, memory.getUint32(tcb + off.mxcsr, true), true);
  for (let i = 0; i < 8; i++) {
    const from = tcb + off.st + 16 * physical(fsw, i);
    copyBytes(out, fx + Fx.st + 16 * i, memory, from, 8);
    out.setUint16(fx + Fx.st + 16 * i + 8, memory.getUint16(from + 8, true), true);
  }
  copyBytes(out, fx + Fx.xmm, memory, tcb + off.xmm, 256);
}
