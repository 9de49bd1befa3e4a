// Recorded work on other numbers of cores.
import { firstBottleneck, simulate, workOf, type SchedEvent, type Step, type TaskWork } from '@troupe/kernel';
import { expect } from 'chai';

const work = (...tasks: readonly (readonly Step[])[]): TaskWork[] => tasks.map((steps, index) => ({ tid: index + 1, name: `t${index}`, steps }));
const run = (ns: number): Step => ({ kind: 'run', ns });
const kernel = (ns: number, what = 'read'): Step => ({ kind: 'kernel', ns, what });
const elapsed = (tasks: readonly TaskWork[], cores: number): number => simulate(tasks, cores).elapsedNs;

describe('simulation of recorded work', () => {
  it('spreads independent tasks over cores', () => {
    const tasks = work(...Array.from({ length: 8 }, () => [run(100)]));
    expect([1, 2, 4, 8, 64].map((cores) => elapsed(tasks, cores))).to.deep.equal([800, 400, 200, 100, 100]);
    expect(firstBottleneck([1, 2, 8].map((cores) => simulate(tasks, cores)))).to.equal(null);
    expect(firstBottleneck([1, 8, 16].map((cores) => simulate(tasks, cores)))).to.deep.equal({ what: 'parallelism of the load', from: 16 });
    expect(simulate(tasks, 16).coreUse).to.equal(0.5);
  });

  it('does the work of the kernel one after the other', () => {
    const tasks = work(...Array.from({ length: 64 }, () => [run(10), kernel(10), run(10)]));
    const prediction = simulate(tasks, 64);
    expect(prediction.elapsedNs).to.equal(10 + 640 + 10);
    expect(prediction.kernelUse).to.be.closeTo(640 / 660, 1e-9);
    expect(firstBottleneck([1, 2, 4, 64].map((cores) => simulate(tasks, cores)))).to.deep.equal({ what: 'kernel thread', from: 4 });
    expect(prediction.kernelNs).to.deep.equal([['read', 640]]);
  });

  it('waits for the tasks that wake', () => {
    const tasks = work([run(50), kernel(5, 'write'), run(10)], [{ kind: 'after', task: 0, step: 1 }, run(20)]);
    expect(elapsed(tasks, 1)).to.equal(85);
    expect(elapsed(tasks, 2)).to.equal(75);
    expect(firstBottleneck([simulate(tasks, 8)])!.what).to.equal('parallelism of the load');
    expect(elapsed(work([{ kind: 'delay', ns: 500 }, run(1)]), 1)).to.equal(501);
  });

  it('is built from a trace: slices, calls, who made and who woke a task', () => {
    const events: SchedEvent[] = [
      { kind: 'task', tid: 1, tgid: 1, name: 'sh', atNs: 0 },
      { kind: 'slice', tid: 1, core: 0, thread: 0, startNs: 0, endNs: 40, end: 'preempt' }, { kind: 'slice', tid: 1, core: 1, thread: 1, startNs: 45, endNs: 60, end: 'syscall' },
      { kind: 'kernel', tid: 1, what: 'clone', startNs: 61, endNs: 70 }, { kind: 'task', tid: 2, tgid: 2, name: 'cat', atNs: 66 }, { kind: 'ready', tid: 2, atNs: 67 },
      { kind: 'slice', tid: 2, core: 0, thread: 0, startNs: 72, endNs: 80, end: 'syscall' }, { kind: 'kernel', tid: 2, what: 'read', startNs: 81, endNs: 84 }, { kind: 'blocked', tid: 2, what: 'read', atNs: 84 },
      { kind: 'slice', tid: 1, core: 1, thread: 1, startNs: 71, endNs: 100, end: 'syscall' }, { kind: 'kernel', tid: 1, what: 'write', startNs: 101, endNs: 109 }, { kind: 'woken', tid: 2, by: 1, atNs: 105 },
      { kind: 'slice', tid: 2, core: 0, thread: 0, startNs: 110, endNs: 112, end: 'syscall' }, { kind: 'blocked', tid: 2, what: 'nanosleep', atNs: 113 }, { kind: 'woken', tid: 2, by: 0, atNs: 213 },
    ];
    expect(workOf(events)).to.deep.equal([
      { tid: 1, name: 'sh', steps: [run(55), kernel(9, 'clone'), run(29), kernel(8, 'write')] },
      { tid: 2, name: 'cat', steps: [{ kind: 'after', task: 0, step: 1 }, run(8), kernel(3), { kind: 'after', task: 0, step: 3 }, run(2), { kind: 'delay', ns: 100 }] },
    ]);
  });
});
