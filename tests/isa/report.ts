/**
 * Text of a mismatch: instruction, differences, and the initial state that matters.
 */
import type { Batch } from '../support/oracle/batch.js';
import { CaseIn, CaseOut, CODE_ADDR, DATA_ADDR, Fx, Patch, PATCHES } from '../support/oracle/layout.js';
import { icedText } from './disassembly.js';
import { type Difference, GPR_NAMES } from './outcome.js';

/** A run of int3 longer than the gaps between blocks. */
const FILLER = Buffer.alloc(90, 0xcc);

function hexBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function hasVectors(text: string): boolean {
  return /xmm/.test(text);
}

function stateLines(batch: Batch, at: number, instruction: string): string[] {
  const { view } = batch;
  const gprs = GPR_NAMES.map((name, i) => `${name}=${view.getBigUint64(at + CaseIn.off.gpr + 8 * i, true).toString(16)}`);
  const fx = at + CaseIn.off.fx;
  const lines = [gprs.slice(0, 8).join(' '), gprs.slice(8).join(' ')];
  lines.push(`rflags=${view.getUint32(at + CaseIn.off.rflags, true).toString(16)} mxcsr=${view.getUint32(fx + Fx.mxcsr, true).toString(16)} fcw=${view.getUint16(fx, true).toString(16)} fsw=${view.getUint16(fx + Fx.fsw, true).toString(16)} ftw=${view.getUint8(fx + Fx.ftw).toString(16)} fs=${view.getBigUint64(at + CaseIn.off.fsBase, true).toString(16)} gs=${view.getBigUint64(at + CaseIn.off.gsBase, true).toString(16)}`);
  if (hasVectors(instruction)) {
    for (let i = 0; i < 16; i++) if (new RegExp(`xmm${i}\\b`).test(instruction) || i === 0) lines.push(`xmm${i}=${hexBytes(batch.bytes.subarray(fx + Fx.xmm + 16 * i, fx + Fx.xmm + 16 * i + 16))}`);
  }
  if (/^f|\bmm\d/.test(instruction)) for (let i = 0; i < 8; i++) lines.push(`st${i}=${hexBytes(batch.bytes.subarray(fx + Fx.st + 16 * i, fx + Fx.st + 16 * i + 10))}`);
  for (let i = 0; i < PATCHES; i++) {
    const record = at + CaseIn.off.patches + i * Patch.sizeBytes;
    const size = view.getUint32(record + Patch.off.size, true);
    if (size) lines.push(`[${(DATA_ADDR + view.getUint32(record + Patch.off.offset, true)).toString(16)}]=${hexBytes(batch.bytes.subarray(record + Patch.off.bytes, record + Patch.off.bytes + size))}`);
  }
  return lines;
}

/** Longest program shown. */
const PROGRAM_BYTES = 1500;

/** Code of a program in the batch's code image, to the int3s that fill its area. */
function programCode(batch: Batch, codeAddr: number): Uint8Array {
  const code = Buffer.from(batch.code.subarray(codeAddr - CODE_ADDR, codeAddr - CODE_ADDR + PROGRAM_BYTES));
  const end = code.indexOf(FILLER);
  return end < 0 ? code : code.subarray(0, end);
}

/** The report of one mismatching case; `replay` is the command line that runs it again. */
export function mismatchText(batch: Batch, index: number, differences: readonly Difference[], host: DataView, hostAt: number, replay: string): string {
  const at = batch.at(index);
  const codeAddr = batch.view.getUint32(at + CaseIn.off.codeAddr, true);
  const size = batch.view.getUint32(at + CaseIn.off.codeSize, true);
  const code = size > 0 ? batch.bytes.subarray(at + CaseIn.off.code, at + CaseIn.off.code + size) : programCode(batch, codeAddr);
  const instruction = icedText(code, codeAddr);
  const vector = host.getUint32(hostAt + CaseOut.off.vector, true);
  return [
    size > 0 ? `${codeAddr.toString(16)}: ${hexBytes(code)}  ${instruction}   (host vector ${vector})` : `program at ${codeAddr.toString(16)} (host vector ${vector}):\n    ${instruction.replaceAll(' ; ', '\n    ')}`,
    ...differences.map(({ text }) => `  ${text}`),
    ...stateLines(batch, at, instruction).map((line) => `    ${line}`),
    `  replay: ${replay}`,
  ].join('\n');
}
