/**
 * Makes a mismatching case simpler: registers, flags and memory are reset one by one as long as
 * host and emulator still disagree.
 */
import { Batch } from '../support/oracle/batch.js';
import type { HostOracle } from '../support/oracle/host.js';
import { CaseIn, CaseOut, Fx, Patch, PATCHES } from '../support/oracle/layout.js';
import { type CompareRule, compareCase } from './compare.js';
import { type Emulator, runBatch } from './engine/emulator.js';
import { type Difference, Outcome } from './outcome.js';

type Edit = (batch: Batch, at: number) => void;

const zero = (offset: number, bytes: number): Edit => (batch, at) => void batch.bytes.fill(0, at + offset, at + offset + bytes);
const u32 = (offset: number, value: number): Edit => (batch, at) => batch.view.setUint32(at + offset, value, true);
const fx = CaseIn.off.fx;
const RSP = 4;

const EDITS: readonly Edit[] = [
  ...Array.from({ length: 16 }, (_, i) => (i === RSP ? [] : [zero(CaseIn.off.gpr + 8 * i, 8), u32(CaseIn.off.gpr + 8 * i, 1), zero(CaseIn.off.gpr + 8 * i + 4, 4)])).flat(),
  zero(CaseIn.off.rflags, 8),
  u32(fx + Fx.mxcsr, 0x1f80),
  u32(fx + Fx.fcw, 0x37f),
  zero(fx + Fx.ftw, 1),
  ...Array.from({ length: 16 }, (_, i) => [zero(fx + Fx.xmm + 16 * i, 16), zero(fx + Fx.xmm + 16 * i, 8), zero(fx + Fx.xmm + 16 * i + 8, 8), zero(fx + Fx.xmm + 16 * i + 4, 4)]).flat(),
  ...Array.from({ length: 8 }, (_, i) => zero(fx + Fx.st + 16 * i, 10)),
  ...Array.from({ length: PATCHES }, (_, i) => zero(CaseIn.off.patches + i * Patch.sizeBytes + Patch.off.bytes, 64)),
];

/** A batch of that one case, with the same data pages. */
function extract(batch: Batch, index: number): Batch {
  const single = new Batch(1);
  single.data.set(batch.data);
  single.ro.set(batch.ro);
  single.code.set(batch.code);
  const at = single.add();
  single.bytes.set(batch.bytes.subarray(batch.at(index), batch.at(index) + CaseIn.sizeBytes), at);
  return single;
}

export interface Minimised {
  readonly batch: Batch;
  readonly differences: readonly Difference[];
  readonly host: DataView;
}

async function disagreement(batch: Batch, rule: CompareRule, oracle: HostOracle, emulator: Emulator): Promise<Minimised | undefined> {
  const reply = await oracle.run(batch);
  const host = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const emulated = runBatch(emulator, batch, CaseOut.sizeBytes);
  const differences = compareCase(rule, new Outcome(batch, 0, host, new DataView(emulated.buffer)));
  return differences.length > 0 ? { batch, differences, host } : undefined;
}

/** The simplest case found that still disagrees; undefined when the case alone agrees. */
export async function minimise(batch: Batch, index: number, rule: CompareRule, oracle: HostOracle, emulator: Emulator): Promise<Minimised | undefined> {
  let best = await disagreement(extract(batch, index), rule, oracle, emulator);
  if (!best) return undefined;
  for (const edit of EDITS) {
    const candidate = extract(best.batch, 0);
    edit(candidate, candidate.at(0));
    best = (await disagreement(candidate, rule, oracle, emulator)) ?? best;
  }
  return best;
}
