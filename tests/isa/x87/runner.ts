/** Runs x87 cases on the host CPU and in the run-time library and reports the differences. */
import { readFileSync } from 'node:fs';
import { MAX_MEMORY_BYTES } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { Batch } from '../../support/oracle/batch.js';
import type { HostOracle } from '../../support/oracle/host.js';
import { CaseIn, CaseOut, CODE_ADDR, DATA_ADDR, Fx, Patch } from '../../support/oracle/layout.js';
import type { Exports, X87Case } from './cases.js';
import { Random, bits32, bits64, controlWord, number80, type Number80 } from './operands.js';

const TCB_ADDR = 0x10_0000;
const OPERAND_ADDR = 0x11_0000;
const OPERAND_BYTES = 128;

export class Library {
  readonly memory = new WebAssembly.Memory({ initial: 65535, maximum: 65535, shared: true });
  readonly bytes = new Uint8Array(this.memory.buffer, 0, 0x20_0000);
  readonly view = new DataView(this.memory.buffer, 0, 0x20_0000);
  readonly exports: Exports;

  constructor(wasmPath: string | URL) {
    if (MAX_MEMORY_BYTES !== 65535 * 65536) throw new RangeError('memory size of the library changed');
    const module = new WebAssembly.Module(readFileSync(wasmPath));
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.exports = { ...(instance.exports as Exports), load16: (at) => this.view.getUint16(at, true) };
  }
}

interface State {
  readonly fcw: number;
  readonly fsw: number;
  readonly ftw: number;
  readonly st: readonly Number80[];
  readonly operand: Uint8Array;
}

const DOMAINS: Record<NonNullable<X87Case['domain']>, (r: Random) => [number, number]> = {
  f2xm1: (r) => [0x3fff - 70 + r.below(70), 0x3fff],
  fyl2xp1: (r) => [0x3fff - 70 + r.below(68), 0x3fff - 40 + r.below(80)],
  fyl2x: (r) => [0x3fff - 40 + r.below(80), 0x3fff - 40 + r.below(80)],
  trig: (r) => [0x3fff - 40 + r.below(60), 0x3fff],
};

function operandBytes(r: Random, test: X87Case): Uint8Array {
  const bytes = new Uint8Array(OPERAND_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < OPERAND_BYTES; i += 8) view.setBigUint64(i, r.u64(), true);
  if (test.memory === 'f32') view.setUint32(0, Number(bits32(r)), true);
  if (test.memory === 'f64') view.setBigUint64(0, bits64(r), true);
  if (test.memory === 'i16' && r.below(3) === 0) view.setInt16(0, r.pick([0, 1, -1, -32768, 32767]), true);
  if (test.memory === 'i32' && r.below(3) === 0) view.setInt32(0, r.pick([0, 1, -1, -(2 ** 31), 2 ** 31 - 1]), true);
  if (test.memory === 'i64' && r.below(3) === 0) view.setBigInt64(0, r.pick([0n, 1n, -1n, -(1n << 63n), (1n << 63n) - 1n]), true);
  if (test.memory === 'bcd') for (let i = 0; i < 9; i++) bytes[i] = r.below(10) * 16 + r.below(10);
  if (test.memory === 'env' || test.memory === 'save') view.setUint16(4, view.getUint16(4, true) & 0x7f00, true);
  return bytes;
}

function randomState(r: Random, test: X87Case): State {
  const fcw = controlWord(r);
  const flags = r.below(3) === 0 ? r.below(64) & fcw & 0x3f : 0;
  const top = r.below(8);
  const conditions = r.below(2) ? r.below(65536) & 0x4700 : 0;
  const st: Number80[] = [number80(r)];
  for (let i = 1; i < 8; i++) st.push(number80(r, st[0]));
  if (test.domain && r.below(8) !== 0) {
    const [e0, e1] = DOMAINS[test.domain](r);
    st[0] = { se: e0 | (test.domain === 'fyl2x' ? 0 : r.below(2) << 15), sig: r.u64() | (1n << 63n) };
    st[1] = { se: e1 | (r.below(2) << 15), sig: r.u64() | (1n << 63n) };
  }
  const ftw = r.below(3) === 0 ? r.below(256) : 0xff & ~(1 << ((top + 7) & 7));
  return { fcw, fsw: (top << 11) | conditions | flags, ftw, st, operand: operandBytes(r, test) };
}

/** Seven registers in use unless the case wants them all. */
function addCase(batch: Batch, test: X87Case, state: State): void {
  const at = batch.add();
  const v = batch.view;
  v.setUint32(at + CaseIn.off.codeAddr, CODE_ADDR, true);
  v.setUint32(at + CaseIn.off.codeSize, test.bytes.length, true);
  batch.bytes.set(test.bytes, at + CaseIn.off.code);
  v.setBigUint64(at + CaseIn.off.rflags, 0x202n, true);
  v.setBigUint64(at + CaseIn.off.gpr + 7 * 8, BigInt(DATA_ADDR), true);
  v.setBigUint64(at + CaseIn.off.gpr + 4 * 8, BigInt(DATA_ADDR + 4096), true);
  const fx = at + CaseIn.off.fx;
  v.setUint16(fx + Fx.fcw, state.fcw, true);
  v.setUint16(fx + Fx.fsw, state.fsw, true);
  v.setUint8(fx + Fx.ftw, state.ftw);
  v.setUint32(fx + Fx.mxcsr, 0x1f80, true);
  for (let i = 0; i < 8; i++) {
    v.setBigUint64(fx + Fx.st + i * 16, state.st[i]!.sig, true);
    v.setUint16(fx + Fx.st + i * 16 + 8, state.st[i]!.se, true);
  }
  for (let p = 0; p < 2; p++) {
    const patch = at + CaseIn.off.patches + p * Patch.sizeBytes;
    v.setUint32(patch + Patch.off.offset, p * 64, true);
    v.setUint32(patch + Patch.off.size, 64, true);
    batch.bytes.set(state.operand.subarray(p * 64, p * 64 + 64), patch + Patch.off.bytes);
  }
}

function loadState(lib: Library, state: State): void {
  const v = lib.view;
  v.setUint16(TCB_ADDR + TCB.off.fcw, state.fcw, true);
  v.setUint16(TCB_ADDR + TCB.off.fsw, state.fsw, true);
  v.setUint8(TCB_ADDR + TCB.off.ftw, state.ftw);
  const top = (state.fsw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const at = TCB_ADDR + TCB.off.st + ((top + i) & 7) * 16;
    v.setBigUint64(at, state.st[i]!.sig, true);
    v.setUint16(at + 8, state.st[i]!.se, true);
  }
  lib.bytes.set(state.operand, OPERAND_ADDR);
}

function show(fcw: number, fsw: number, ftw: number, st: readonly Number80[]): string {
  const regs = st.map((n) => `${n.se.toString(16).padStart(4, '0')}:${n.sig.toString(16).padStart(16, '0')}`);
  return `fcw ${fcw.toString(16)} fsw ${fsw.toString(16).padStart(4, '0')} ftw ${ftw.toString(16)} st ${regs.join(' ')}`;
}

function hostResult(reply: DataView, at: number): string {
  const fx = at + CaseOut.off.fx;
  const st: Number80[] = [];
  for (let i = 0; i < 8; i++) st.push({ sig: reply.getBigUint64(fx + Fx.st + i * 16, true), se: reply.getUint16(fx + Fx.st + i * 16 + 8, true) });
  return show(reply.getUint16(fx, true), reply.getUint16(fx + Fx.fsw, true), reply.getUint8(fx + Fx.ftw), st);
}

function ownResult(lib: Library): string {
  const v = lib.view;
  const fsw = v.getUint16(TCB_ADDR + TCB.off.fsw, true);
  const st: Number80[] = [];
  for (let i = 0; i < 8; i++) {
    const at = TCB_ADDR + TCB.off.st + (((fsw >> 11) + i) & 7) * 16;
    st.push({ sig: v.getBigUint64(at, true), se: v.getUint16(at + 8, true) });
  }
  return show(v.getUint16(TCB_ADDR + TCB.off.fcw, true), fsw, v.getUint8(TCB_ADDR + TCB.off.ftw), st);
}

/** The memory operand after the case: the initial bytes with the oracle's difference applied. */
function hostMemory(state: State, reply: Buffer, at: number): string {
  const bytes = Uint8Array.from(state.operand);
  const start = reply.readUInt32LE(at + CaseOut.off.diffStart);
  const end = reply.readUInt32LE(at + CaseOut.off.diffEnd);
  for (let i = start; i < end && i < OPERAND_BYTES; i++) bytes[i] = reply[at + CaseOut.off.diff + i - start]!;
  return Buffer.from(bytes).toString('hex');
}

/** FIP, FCS, FDP and FDS are not kept by the library (SDM Vol. 1 8.1.8 lets them be anything after most instructions). */
function withoutPointers(memory: string, test: X87Case): string {
  if (test.memory !== 'env' && test.memory !== 'save') return memory;
  return memory.slice(0, 24) + memory.slice(56);
}

/** Distance in units of the last place when two results differ in one register's significand only, else undefined. */
function ulpDistance(host: string, own: string): number | undefined {
  const a = host.split(' '), b = own.split(' ');
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    const [x, y] = [a[i]!, b[i]!];
    if (i === 3) {
      // C1 (rounded up) may differ when the last place does.
      if (((parseInt(x, 16) ^ parseInt(y, 16)) & ~0x200) !== 0) return undefined;
      continue;
    }
    if (!x.includes(':')) return undefined;
    const wide = (s: string): bigint => (BigInt(`0x${s.slice(0, 4)}`) << 63n) + (BigInt(`0x${s.slice(5)}`) & ((1n << 63n) - 1n));
    const d = wide(x) - wide(y);
    worst = Math.max(worst, Number(d < 0n ? -d : d));
  }
  return worst;
}

export interface Difference {
  readonly name: string;
  readonly initial: string;
  readonly operand: string;
  readonly host: string;
  readonly own: string;
}

export interface Outcome {
  readonly cases: number;
  readonly differences: Difference[];
  /** Largest distance accepted under a tolerance. */
  readonly worstUlp: number;
}

/** Compares `count` random cases of one instruction. */
export async function compareCase(oracle: HostOracle, lib: Library, test: X87Case, count: number, seed: number): Promise<Outcome> {
  const r = new Random(seed);
  const differences: Difference[] = [];
  let worstUlp = 0;
  let cases = 0;
  while (cases < count) {
    const n = Math.min(2048, count - cases);
    const batch = new Batch(n);
    const states = Array.from({ length: n }, () => randomState(r, test));
    for (const state of states) addCase(batch, test, state);
    const reply = await oracle.run(batch);
    const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
    for (let i = 0; i < n; i++) {
      const at = i * CaseOut.sizeBytes;
      const state = states[i]!;
      loadState(lib, state);
      const flags = test.run(lib.exports, TCB_ADDR, OPERAND_ADDR);
      let host = hostResult(view, at);
      let own = ownResult(lib);
      const ulp = host === own || test.toleranceUlp === undefined ? undefined : ulpDistance(host, own);
      if (ulp !== undefined && ulp <= test.toleranceUlp!) { worstUlp = Math.max(worstUlp, ulp); own = host; }
      const vector = view.getUint32(at + CaseOut.off.vector, true);
      host += ` vector ${vector} mem ${withoutPointers(hostMemory(state, reply, at), test)}`;
      own += ` vector 3 mem ${withoutPointers(Buffer.from(lib.bytes.subarray(OPERAND_ADDR, OPERAND_ADDR + OPERAND_BYTES)).toString('hex'), test)}`;
      if (typeof flags === 'number' && test.name.includes('comi')) {
        host += ` flags ${view.getUint32(at + CaseOut.off.rflags, true) & 0x8d5}`;
        own += ` flags ${flags < 0 ? 0 : flags}`;
      }
      if (host !== own) differences.push({ name: test.name, initial: show(state.fcw, state.fsw, state.ftw, state.st), operand: Buffer.from(state.operand).toString('hex'), host, own });
    }
    cases += n;
  }
  return { cases, differences, worstUlp };
}
