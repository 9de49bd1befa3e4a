/**
 * The table of vendor differences: entries accept what the maker's processors do and nothing else,
 * whatever the host is. The other maker's results are the emulator's, altered by hand.
 */
import { expect } from 'chai';
import { ISA } from '@troupe/cpu-worker/isa/table.js';
import { Batch } from '../support/oracle/batch.js';
import type { Vendor } from '../support/oracle/host.js';
import { CaseIn, CaseOut, CODE_ADDR, DATA_ADDR, Fx, GUARD_ADDR } from '../support/oracle/layout.js';
import { compareCase, compareRule } from './compare.js';
import { runBatch } from './engine/emulator.js';
import { InterpEmulator } from './engine/interp-emulator.js';
import { Outcome } from './outcome.js';
import { differencesOf, rowName, VENDOR_DIFFERENCES } from './vendor-differences.js';

const START = CODE_ADDR + 16;
const GPR = { rax: 0, rcx: 1, rsp: 4, rsi: 6, rdi: 7 } as const;
const XMM1 = Fx.xmm + 16;
const [GP, PF] = [13, 14];
const { off } = CaseOut;

interface Example {
  readonly title: string;
  readonly vendor: Vendor;
  readonly row: string;
  readonly code: string;
  readonly gpr?: Partial<Record<keyof typeof GPR, bigint>>;
  readonly fsBase?: number;
  /** Bits of the four elements of xmm1. */
  readonly xmm1?: readonly number[];
  /** Turns the emulator's record into the host's. */
  readonly accepted: (host: DataView) => void;
  readonly rejected: (host: DataView) => void;
}

const setU32 = (offset: number, value: number) => (host: DataView): void => host.setUint32(offset, value, true);
const setU64 = (offset: number, value: bigint) => (host: DataView): void => host.setBigUint64(offset, value, true);

function fault(vector: number, address = 0n): (host: DataView) => void {
  return (host) => {
    host.setUint32(off.vector, vector, true);
    host.setUint32(off.error, vector === PF ? 4 : 0, true);
    host.setBigUint64(off.faultAddr, address, true);
  };
}

const EXAMPLES: readonly Example[] = [
  {
    title: 'flags of a repeated compare that faults', vendor: 'amd', row: 'scasb REPE a64 AE', code: 'f3ae',
    gpr: { rcx: 16n, rdi: BigInt(GUARD_ADDR - 8) },
    accepted: setU32(off.rflags, 0x246), rejected: setU64(off.gpr + 8 * GPR.rcx, 7n),
  },
  {
    title: 'operand of repe cmpsb that faults first', vendor: 'amd', row: 'cmpsb REPE a64 A6', code: 'f3a6',
    gpr: { rcx: 4n, rsi: BigInt(GUARD_ADDR + 16), rdi: BigInt(GUARD_ADDR) },
    accepted: fault(PF, BigInt(GUARD_ADDR + 16)), rejected: fault(3),
  },
  {
    title: 'offset that is not canonical', vendor: 'amd', row: 'mov o32 8B /r', code: '648b06',
    gpr: { rsi: 0xffff_7fff_f000_0000n }, fsBase: DATA_ADDR,
    accepted: fault(GP), rejected: fault(12),
  },
  {
    title: 'bytes of movsxd that are not used', vendor: 'amd', row: 'movsxd o16 63 /r', code: '666306',
    gpr: { rsi: BigInt(GUARD_ADDR - 2) },
    accepted: fault(PF, BigInt(GUARD_ADDR)), rejected: setU64(off.gpr, 1n),
  },
  {
    title: 'upper halves without an iteration', vendor: 'intel', row: 'movsb REPE a32 A4', code: 'f367a4',
    gpr: { rcx: 0x5_0000_0000n, rdi: 0x7_0000_0001n },
    accepted: setU64(off.gpr + 8 * GPR.rdi, 1n), rejected: setU64(off.gpr + 8 * GPR.rdi, 0x6_0000_0001n),
  },
  {
    title: 'approximations', vendor: 'intel', row: 'rcpps NP 0F 53 /r', code: '0f53c9', xmm1: [0x4040_0000, 0, 0, 0],
    accepted: setU32(off.fx + XMM1, 0x3eaa_a000), rejected: setU32(off.fx + XMM1, 0x3eab_c000),
  },
  {
    title: 'choice of a NaN', vendor: 'intel', row: 'dpps 66 0F 3A 40 /r ib', code: '660f3a40c9ff', xmm1: [0x7fc0_0001, 0x7fc0_0002, 0, 0],
    accepted: setU32(off.fx + XMM1, 0x7fc0_0002), rejected: setU32(off.fx + XMM1, 0x7f80_0000),
  },
  {
    title: 'return address under a fault', vendor: 'intel', row: 'call f64 FF /2', code: 'ffd0', gpr: { rax: 0x8000_0000_0000n, rsp: BigInt(DATA_ADDR + 64) },
    accepted: (host) => [off.diffStart, off.diffEnd].forEach((field, i) => setU32(field, 56 + 8 * i)(host)), rejected: setU64(off.rip, 0n),
  },
];

function batchOf(example: Example): Batch {
  const batch = new Batch(1);
  const at = batch.add();
  const { view } = batch;
  const bytes = Buffer.from(example.code, 'hex');
  view.setUint32(at + CaseIn.off.codeAddr, START, true);
  view.setUint32(at + CaseIn.off.codeSize, bytes.length, true);
  batch.bytes.set(bytes, at + CaseIn.off.code);
  view.setBigUint64(at + CaseIn.off.rflags, 0x202n, true);
  view.setBigUint64(at + CaseIn.off.fsBase, BigInt(example.fsBase ?? 0), true);
  for (const [name, value] of Object.entries(example.gpr ?? {})) view.setBigUint64(at + CaseIn.off.gpr + 8 * GPR[name as keyof typeof GPR], value, true);
  view.setUint16(at + CaseIn.off.fx + Fx.fcw, 0x37f, true);
  view.setUint32(at + CaseIn.off.fx + Fx.mxcsr, 0x1f80, true);
  example.xmm1?.forEach((element, i) => view.setUint32(at + CaseIn.off.fx + XMM1 + 4 * i, element, true));
  return batch;
}

describe('vendor differences', () => {
  let emulator: InterpEmulator;

  before(async () => {
    emulator = await InterpEmulator.create();
  });

  /** Whether the differences of a host that leaves `alter` behind are accepted on `vendor`. */
  function isAccepted(example: Example, vendor: Vendor, alter: (host: DataView) => void): boolean {
    const batch = batchOf(example);
    const emulated = runBatch(emulator, batch, CaseOut.sizeBytes);
    const host = new DataView(emulated.slice().buffer);
    alter(host);
    const row = ISA.find((candidate) => rowName(candidate) === example.row)!;
    const rule = { ...compareRule(row), vendorDifferences: differencesOf(row, vendor) };
    return compareCase(rule, new Outcome(batch, 0, host, new DataView(emulated.buffer))).length === 0;
  }

  it('concern existing rows', () => {
    expect(VENDOR_DIFFERENCES.filter(({ rows }) => !ISA.some((row) => rows.test(rowName(row))))).to.deep.equal([]);
  });

  for (const example of EXAMPLES) {
    it(`${example.title} (${example.vendor})`, () => {
      const other: Vendor = example.vendor === 'amd' ? 'intel' : 'amd';
      expect(isAccepted(example, example.vendor, example.accepted), 'accepted').to.equal(true);
      expect(isAccepted(example, other, example.accepted), 'accepted of the other maker').to.equal(false);
      expect(isAccepted(example, example.vendor, example.rejected), 'rejected').to.equal(false);
    });
  }
});
