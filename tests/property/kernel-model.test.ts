/**
 * Random interleavings of create, exit, signals, stops, waits, timers and external pauses against a sequential model
 * (support/kernel/model-kernel.ts): after every message every process is where the model says.
 */
import { Nr, Sig, Wait, sigBit } from '@troupe/abi';
import type { Task } from '@troupe/kernel/task/task.js';
import { rows as signalTimerRows } from '@troupe/kernel/syscall/rows/timer.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { FakeKernel, SCRATCH, SIMULATED_ROWS } from '../support/kernel/fake-kernel.js';
import { lose, type Plant } from '../support/kernel/plants.js';
import { MASKED, MODEL_SIGNALS, ModelKernel, type ModelProcess } from '../support/kernel/model-kernel.js';

const MAX_TASKS = 12;
const SEC = 1_000_000_000;
const ERRNO_FULL = -11;
const TIMESPEC = SCRATCH + 0x30;
const MASK = SCRATCH + 0x50;
const NO_MASK = SCRATCH + 0x58;
const STATUS = SCRATCH + 0x100;
const SIG_SETMASK = 2;

const OPS = ['fork', 'fork', 'exit', 'wait', 'waitNoHang', 'pause', 'sleep', 'alarm', 'mask', 'unmask', 'ownGroup', 'step', 'step', 'signal', 'signal', 'signal', 'signalGroup', 'time', 'freeze', 'thaw'] as const;
type Op = (typeof OPS)[number];

interface Step {
  readonly op: Op;
  readonly who: number;
  readonly arg: number;
}

class Twins {
  readonly fake = new FakeKernel({ maxTasks: MAX_TASKS, rows: [...SIMULATED_ROWS, ...signalTimerRows] });
  readonly model: ModelKernel;

  constructor(plant: Plant) {
    plant(this.fake);
    const { mm, tid } = this.fake.boot();
    this.model = new ModelKernel(tid);
    mm.writeU64(TIMESPEC, 1n);
    mm.writeU64(TIMESPEC + 8, 0n);
    mm.writeU64(MASK, MASKED.reduce((set, signo) => set | sigBit(signo), 0n));
    mm.writeU64(NO_MASK, 0n);
  }

  run({ op, who, arg }: Step): void {
    if (this._external(op, who, arg)) return;
    const onCore = [...this.model.processes.values()].filter(({ isOnCore }) => isOnCore);
    const process = onCore[who % Math.max(1, onCore.length)];
    if (process !== undefined) this._internal(process, this.fake.task(process.tid), op, arg);
  }

  /** Messages from outside. */
  private _external(op: Op, who: number, arg: number): boolean {
    const { fake, model } = this;
    const { kernel } = fake;
    switch (op) {
      case 'time':
        fake.advance(SEC / 2);
        model.advance(SEC / 2);
        return true;
      case 'freeze':
        void kernel.pause();
        model.pauses++;
        return true;
      case 'thaw':
        this.thaw();
        return true;
      case 'signal':
      case 'signalGroup':
        this._signal(op, who, arg);
        return true;
      default:
        return false;
    }
  }

  thaw(): void {
    if (this.model.pauses === 0) return;
    this.fake.kernel.unpause();
    this.fake.kernel.drain();
    this.model.unpause();
  }

  /** The first process is spared: it takes the others with it. */
  private _signal(op: 'signal' | 'signalGroup', who: number, arg: number): void {
    const { kernel } = this.fake;
    const targets = [...this.model.processes.values()].filter((process) => process !== this.model.init && (op === 'signal' || process.group !== this.model.init.group));
    const target = targets[who % Math.max(1, targets.length)];
    if (target === undefined) return;
    const signo = MODEL_SIGNALS[arg % MODEL_SIGNALS.length]!;
    const info = { signo, code: 0, pid: 0, uid: 0 };
    if (op === 'signal') {
      kernel.signals.sendToGroup(kernel.tasks.groupByTgid(target.tid)!, info);
      this.model.send(target, signo);
    } else {
      kernel.signals.sendToProcessGroup(kernel.tasks.processGroups.get(target.group)!, info);
      this.model.sendToGroup(target.group, signo);
    }
    kernel.drain();
    this.model.settle();
  }

  /** A process on a core makes a call, or passes a safepoint. */
  private _internal(process: ModelProcess, task: Task, op: Op, arg: number): void {
    const { fake, model } = this;
    const isInit = process === model.init;
    switch (op) {
      case 'fork': return this._fork(process, task);
      case 'exit':
        if (isInit) return;
        fake.syscall(task, Nr.exit_group, arg & 0xff);
        if (!model.endsNow(process)) model.exit(process, { code: arg & 0xff, signo: 0 });
        return model.settle();
      case 'wait': return this._wait(process, task);
      case 'waitNoHang': return this._waitNoHang(process, task);
      case 'pause':
        fake.syscall(task, Nr.pause);
        return void (model.endsNow(process) || model.block(process, 'pause'));
      case 'sleep':
        fake.syscall(task, Nr.nanosleep, TIMESPEC, 0);
        return void (model.endsNow(process) || model.block(process, 'sleep', SEC));
      default: return this._simple(process, task, op);
    }
  }

  /** What neither waits nor ends the process by itself. */
  private _simple(process: ModelProcess, task: Task, op: Op): void {
    const { fake, model } = this;
    if (op === 'step') fake.interrupt(task);
    else if (op === 'ownGroup') fake.syscall(task, Nr.setpgid, 0, 0);
    else if (op === 'alarm') fake.syscall(task, Nr.alarm, process === model.init ? 0 : 1);
    else fake.syscall(task, Nr.rt_sigprocmask, SIG_SETMASK, op === 'mask' ? MASK : NO_MASK, 0, 8);
    if (model.endsNow(process)) return;
    if (op === 'ownGroup') process.group = process.tid;
    else if (op === 'alarm' && process !== model.init) model.alarm(process, SEC);
    else if (op === 'mask') process.masked = MASKED;
    else if (op === 'unmask') process.masked = [];
    model.leave(process);
  }

  private _fork(process: ModelProcess, task: Task): void {
    const { fake, model } = this;
    const isFull = model.processes.size >= MAX_TASKS;
    const before = new Set([...fake.kernel.tasks.all()].map(({ tid }) => tid));
    const result = fake.syscall(task, Nr.fork);
    if (model.endsNow(process)) return;
    if (isFull && result !== undefined) expect(result, 'fork').to.equal(ERRNO_FULL);
    for (const { tid } of fake.kernel.tasks.all()) if (!before.has(tid)) model.fork(process, tid);
    expect(model.processes.size, 'fork').to.equal(isFull ? MAX_TASKS : before.size + 1);
    model.leave(process);
  }

  private _wait(process: ModelProcess, task: Task): void {
    const { fake, model } = this;
    const result = fake.syscall(task, Nr.wait4, -1, STATUS, Wait.UNTRACED | Wait.CONTINUED, 0);
    if (model.endsNow(process)) return;
    const isChildless = process.children.length === 0;
    const child = model.reap(process);
    if (child === undefined && !isChildless) return model.block(process, 'child');
    if (result !== undefined && child !== undefined) expect(result, 'wait4').to.equal(child.tid);
    model.leave(process);
  }

  private _waitNoHang(process: ModelProcess, task: Task): void {
    const { fake, model } = this;
    const result = fake.syscall(task, Nr.wait4, -1, STATUS, Wait.UNTRACED | Wait.CONTINUED | Wait.NOHANG, 0);
    if (model.endsNow(process)) return;
    const child = model.reap(process);
    if (result !== undefined && result >= 0) expect(result, 'wait4').to.equal(child?.tid ?? 0);
    model.leave(process);
  }

  check(): void {
    const { fake, model } = this;
    const seen = [...fake.kernel.tasks.groups].map(({ leader, exitStatus, pending, processGroup, isZombie }) => {
      const place = isZombie ? `ended ${exitStatus!.code} ${exitStatus!.signo}` : leader.state === 'stopped' ? 'stopped' : fake.isRunnable(leader) ? 'on a core' : 'off';
      return `${leader.tid} group ${processGroup.pgid}: ${place}${isZombie ? '' : `, pending ${pending.set}`}`;
    });
    const wanted = [...model.processes.values()].map(({ tid, group, state, status, isOnCore, pending }) => {
      const place = state === 'zombie' ? `ended ${status!.code} ${status!.signo}` : state === 'stopped' ? 'stopped' : isOnCore ? 'on a core' : 'off';
      return `${tid} group ${group}: ${place}${state === 'zombie' ? '' : `, pending ${[...pending].reduce((set, signo) => set | sigBit(signo), 0n)}`}`;
    });
    expect(seen.sort()).to.deep.equal(wanted.sort());
    if (model.pauses === 0) expect(fake.kernel.running.count, 'runningTasks').to.equal([...model.processes.values()].filter(({ state }) => state === 'running').length);
  }

  /** SIGHUP of an orphaned group may end the first process, and with it all others: more than the model knows. */
  get isOver(): boolean {
    return this.model.init.state === 'zombie';
  }

  /** The kernel ends all that is left. */
  finish(): void {
    while (this.model.pauses > 0) this.thaw();
    if (this.isOver) expect(this.fake.kernel.globalInit!.isZombie, 'the first process').to.equal(true);
    else this.check();
    const { kernel } = this.fake;
    kernel.kill({ code: 0, signo: Sig.KILL, coreDumped: false });
    kernel.drain();
    for (const tcb of [...this.fake.queue]) this.fake.interrupt(kernel.tasks.byTcb(tcb)!);
    expect(kernel.tasks.count, 'tasks left').to.equal(0);
  }
}

const STEP = fc.record<Step>({ op: fc.constantFrom(...OPS), who: fc.nat(20), arg: fc.nat(1000) });

function play(steps: readonly Step[], plant: Plant = () => {}): void {
  const twins = new Twins(plant);
  for (const step of steps) {
    twins.run(step);
    if (twins.isOver) break;
    twins.check();
  }
  twins.finish();
}

const interleavings = (plant?: Plant): fc.IProperty<[Step[]]> => fc.property(fc.array(STEP, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => play(steps, plant));

const PLANTS: readonly { readonly name: string; readonly plant: Plant }[] = [
  { name: 'a waiting process is not told of a signal', plant: (fake) => lose(fake.kernel.runner, 'attend', 5) },
  { name: 'a signal is lost', plant: (fake) => lose(fake.kernel.signals, 'sendToGroup', 9) },
  { name: 'a deadline is lost', plant: (fake) => lose(fake.kernel.timers, 'expire', 5) },
  { name: 'a pause ends too early', plant: (fake) => lose(fake.kernel.runner, 'beginExternalStop', 3) },
];

/** Interleavings that failed once. */
const REGRESSIONS: readonly { readonly name: string; readonly steps: readonly Step[] }[] = [
  {
    name: 'SIGHUP for the stopped members of a group that was orphaned before its member ended',
    steps: [{ op: 'fork', who: 0, arg: 0 }, { op: 'fork', who: 0, arg: 0 }, { op: 'signal', who: 0, arg: 6 }, { op: 'step', who: 1, arg: 0 }, { op: 'exit', who: 1, arg: 0 }],
  },
];

describe('kernel and model', () => {
  const seed = process.env['SCHEDULE_SEED'];

  it('do as the model does', function () {
    const numRuns = Number(process.env['SCHEDULE_RUNS'] ?? 60);
    this.timeout(60_000 + numRuns * 100);
    fc.assert(interleavings(), { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) });
  });

  for (const { name, steps } of REGRESSIONS) it(`again: ${name}`, () => play(steps));

  for (const { name, plant } of PLANTS) {
    it(`notice that ${name}`, () => {
      const { failed, counterexample } = fc.check(interleavings(plant), { numRuns: 200, seed: 1, endOnFailure: true });
      expect(failed, 'the fault was not noticed').to.equal(true);
      expect(counterexample).to.have.length(1);
    }).timeout(60_000);
  }
});
