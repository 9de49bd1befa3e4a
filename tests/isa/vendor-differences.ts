/**
 * Where processors of different makers do not agree. The rows do what both manuals document, else
 * what one of them documents, else what the processor did that they were made on (AMD Zen 4). Each
 * entry says who does something else, and which differences from the emulator that explains.
 */
import type { Row } from '@troupe/cpu-worker/isa/row.js';
import { hostVendor, isParavirtual, type Vendor } from '../support/oracle/host.js';
import type { Difference, Outcome } from './outcome.js';
import { areApproximations, areNans, bothFault, doubleShiftCount, everyLane, hasSegmentPrefix, isAliased, isTopCleared, isUpperHalfCleared, isX87ErrorPending } from './vendor-conditions.js';

export interface VendorDifference {
  /** Whose processors differ from the rows. */
  readonly vendor: Vendor;
  /** Matches `mnemonic encoding` of the rows concerned. */
  readonly rows: RegExp;
  readonly reason: string;
  /** Later instructions would carry the difference on: the rows stay out of chains and programs. */
  readonly spreads?: boolean;
  readonly explains: (difference: Difference, outcome: Outcome) => boolean;
}

const INT3 = 3;
const GP = 13;
const PF = 14;
const MF = 16;
const STATUS_FLAGS = 0x8d5n;
const NT = 0x4000n;
const KERNEL_HALF = 0xffff_8000_0000_0000n;
const [RCX, RSP, RSI, RDI] = [1, 4, 6, 7];
const FAULT = /^(vector|error code|fault address)$/;
const CHANGED_RANGE = /^(first changed|end of changed)/;
const MEMORY = /^(memory|first changed|end of changed)/;

export const VENDOR_DIFFERENCES: readonly VendorDifference[] = [
  {
    vendor: 'intel', rows: /^(movs|stos)[bwdq] REPN?E a32/,
    reason: 'Without an iteration rcx, rsi and rdi are written all the same, zero-extended from ecx, esi and edi. Neither manual says whether they are.',
    explains: (d, o) => isUpperHalfCleared(d, o, [RCX, RSI, RDI]),
  },
  {
    vendor: 'intel', rows: /^(lods|cmps|scas)[bwdq] REPN?E a32/,
    reason: 'As for movs, but rcx alone.',
    explains: (d, o) => isUpperHalfCleared(d, o, [RCX]),
  },
  {
    vendor: 'intel', rows: /^movs[bwdq] REPN?E a64/,
    reason: 'Fast string operation moves blocks and looks for overlap by address only: pages that are mapped twice are not noticed (SDM Vol. 3A 9.2.4 leaves the order of the stores open).',
    explains: (d, o) => MEMORY.test(d.field) && isAliased(o),
  },
  {
    vendor: 'amd', rows: /^movs[bwdq] REPN?E a64/,
    reason: 'The same on Zen 5.',
    explains: (d, o) => MEMORY.test(d.field) && isAliased(o),
  },
  {
    vendor: 'amd', rows: /^(cmps|scas)[bwdq] REPN?E/,
    reason: 'A fault after some iterations leaves the flags of the last one. The rows leave those from before the instruction (SDM Vol. 2B REP).',
    explains: (d, o) => o.hostVector !== INT3 && d.field === 'rflags' && ((d.host ^ d.emulator) & ~STATUS_FLAGS) === 0n,
  },
  {
    vendor: 'amd', rows: /^cmps[bwdq]/,
    reason: 'The source is read first: by repe cmpsb on Zen 4, by all forms on Zen 5; on Intel processors the destination. Neither manual states an order.',
    explains: (d, o) => bothFault(o) && FAULT.test(d.field),
  },
  {
    vendor: 'amd', rows: /./,
    reason: 'With an fs or gs prefix the offset must be canonical too, which is a #GP. Both manuals ask it of the linear address alone (SDM Vol. 3A 3.4.4, APM Vol. 2 5.3.1).',
    explains: (d, o) => FAULT.test(d.field) && o.hostVector === GP && o.emulatorVector === PF && o.emulatorFaultAddress >= KERNEL_HALF && hasSegmentPrefix(o),
  },
  {
    vendor: 'paravirtual', rows: /./,
    reason: 'The kernel does not return to a program with a stack pointer that is not canonical.',
    explains: (_, o) => o.hostVector === GP && !isCanonical(o.initialGpr(RSP)),
  },
  {
    vendor: 'paravirtual', rows: /^popfq/,
    reason: 'NT is lost when the kernel takes an interrupt.',
    explains: (d) => d.field === 'rflags' && (d.host ^ d.emulator) === NT,
  },
  {
    vendor: 'paravirtual', rows: /^int /, spreads: true,
    reason: 'Some interrupt numbers are calls of the hypervisor.',
    explains: () => true,
  },
  {
    vendor: 'amd', rows: /^movsxd o16/,
    reason: 'Reads 32 bits, of which 16 are used, and can fault on the others. The row reads 16 (SDM Vol. 2B MOVSXD).',
    explains: (_, o) => o.hostVector !== INT3 && o.emulatorVector === INT3,
  },
  {
    vendor: 'intel', rows: /^sh[lr]d o16/, spreads: true,
    reason: 'Result and flags are undefined for counts above 16 (SDM Vol. 2B SHLD, APM Vol. 3 SHLD).',
    explains: (_, o) => !bothFault(o) && doubleShiftCount(o) > 16,
  },
  {
    vendor: 'intel', rows: /^call f64 FF/,
    reason: 'The return address is on the stack when a target that is not canonical raises #GP. SDM Vol. 2A CALL looks at the target first.',
    explains: (d, o) => o.hostVector === GP && CHANGED_RANGE.test(d.field) && d.emulator === 0n && o.hostChangedBytes <= 8,
  },
  {
    vendor: 'intel', rows: /^(movd|movq|movntq) NP .*0F (7E|7F|E7)/,
    reason: 'A store from an MMX register that faults has cleared the top of stack already. Neither manual mentions state after a fault.',
    explains: (d, o) => bothFault(o) && isTopCleared(d, o),
  },
  {
    vendor: 'intel', rows: /^maskmovdqu/,
    reason: 'The upper half is stored first: a page fault names an address in it.',
    explains: (d, o) => bothFault(o) && d.field === 'fault address' && d.host > d.emulator && d.host <= d.emulator + 8n,
  },
  {
    vendor: 'intel', rows: /^(fbstp|fstp DB)/,
    reason: 'The first 8 of 10 bytes are in memory when the others fault.',
    explains: (d, o) => bothFault(o) && CHANGED_RANGE.test(d.field) && d.emulator === 0n && o.hostChangedBytes <= 8,
  },
  {
    vendor: 'intel', rows: /^(fbstp|fi?stt?p?) D/,
    reason: 'An unmasked invalid operation comes before faults of the memory operand, which is not written then (SDM Vol. 1 8.5).',
    explains: (_, o) => (o.hostVector === INT3 || o.hostVector === MF) && o.emulatorVector !== INT3 && isX87ErrorPending(o),
  },
  {
    vendor: 'intel', rows: /^(rcp|rsqrt)[ps]s/, spreads: true,
    reason: 'Approximations with a relative error of at most 1.5 · 2^-12 (SDM Vol. 2B RCPPS, APM Vol. 4 RCPPS); the rows have the tables of AMD Zen 4.',
    explains: (d) => everyLane(d, 32, areApproximations),
  },
  ...([['dpps', 32], ['dppd', 64]] as const).map(([mnemonic, bits]): VendorDifference => ({
    vendor: 'intel', rows: new RegExp(`^${mnemonic}`), spreads: true,
    reason: 'Which of several NaNs reaches which element depends on the implementation (SDM Vol. 2A DPPS).',
    explains: (d) => everyLane(d, bits, areNans),
  })),
];

/** 48-bit addresses. */
function isCanonical(address: bigint): boolean {
  return BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
}

const HOST: Vendor | undefined = process.platform === 'linux' ? hostVendor() : undefined;
const IS_PARAVIRTUAL = process.platform === 'linux' && isParavirtual();

/** What a maker's processors (by default the host's) do otherwise in `row`; for an unknown maker, whatever is known. */
export function differencesOf(row: Row, vendor = HOST): VendorDifference[] {
  const applies = (known: VendorDifference): boolean => (known.vendor === 'paravirtual' ? IS_PARAVIRTUAL && vendor === HOST : vendor === undefined || known.vendor === vendor);
  return VENDOR_DIFFERENCES.filter((known) => applies(known) && known.rows.test(rowName(row)));
}

/** What the `rows` of an entry are matched with. */
export function rowName(row: Row): string {
  return `${row.mnemonic} ${row.enc}`;
}

/** The row's result depends on the maker in a way that further instructions would carry on. */
export function isVendorSpecific(row: Row): boolean {
  return differencesOf(row).some((known) => known.spreads);
}
