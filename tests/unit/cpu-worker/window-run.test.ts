// What one look at an address is good for, and how that changes with the registers.
import { TCB } from '@troupe/abi/layout/tcb.js';
import { WINDOW_SLACK_BYTES } from '@troupe/abi/layout/memory-windows.js';
import { RegionState } from '@troupe/cpu-worker/jit/region-state.js';
import { distanceIn, RunSpan, type WindowRun } from '@troupe/cpu-worker/jit/window-run.js';
import { expect } from 'chai';

const RSP = 4;
const RBX = 3;

function runOf(key: string, slots: readonly number[], displacement = 0n): WindowRun {
  return { key, slots, displacement, local: slots.length, span: new RunSpan(8, false) };
}

const shape = (displacement: bigint, key = String(RSP)): { key: string; slots: number[]; displacement: bigint } => ({ key, slots: [], displacement });

describe('accesses near one that has been looked at', () => {
  it('are those by the same registers within the slack', () => {
    const run = runOf('4', [RSP], 16n);
    expect(distanceIn(run, shape(24n), 8)).to.equal(8);
    expect(distanceIn(run, shape(16n - BigInt(WINDOW_SLACK_BYTES)), 8)).to.equal(-WINDOW_SLACK_BYTES);
    expect(distanceIn(run, shape(15n - BigInt(WINDOW_SLACK_BYTES)), 8)).to.equal(undefined);
    expect(distanceIn(run, shape(16n + BigInt(WINDOW_SLACK_BYTES) - 8n), 8)).to.equal(WINDOW_SLACK_BYTES - 8);
    expect(distanceIn(run, shape(16n + BigInt(WINDOW_SLACK_BYTES) - 7n), 8)).to.equal(undefined);
    expect(distanceIn(run, shape(16n, '3'), 8)).to.equal(undefined);
  });

  it('follow a register that moves by a constant', () => {
    const state = new RegionState();
    state.addRun(runOf('4', [RSP]));
    state.addRun(runOf('4+3<<3', [RSP, RBX]));
    state.movePages(RSP, -8n);
    expect(state.runs.map(({ displacement }) => displacement)).to.deep.equal([8n, 8n]);
    state.movePages(RBX, 1n);
    expect(state.runs.map(({ key }) => key), 'a scaled register').to.deep.equal(['4']);
    state.forgetPages(RSP);
    expect(state.runs).to.have.length(0);
  });

  it('are not followed by an address with the register twice', () => {
    const state = new RegionState();
    state.addRun(runOf('3+3', [RBX, RBX]));
    state.movePages(RBX, 4n);
    expect(state.runs).to.have.length(0);
  });

  it('decide how much must be there, and for what', () => {
    const span = new RunSpan(8, false);
    const read = { low: span.low.value, last: span.last.value, table: span.table.value };
    expect(read).to.deep.equal({ low: 0, last: 7, table: TCB.off.tableRead });
    span.include(-24, 8, true);
    span.include(32, 16, false);
    expect({ low: span.low.value, last: span.last.value, table: span.table.value }).to.deep.equal({ low: -24, last: 47, table: TCB.off.tableWrite });
  });
});
