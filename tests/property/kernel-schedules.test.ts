/**
 * Random schedules of processes, threads, signals, stops, waits and external pauses against invariants
 * that hold after every step. A failing seed is printed by fast-check and replays: SCHEDULE_SEED.
 * `pnpm simulate` runs 100,000 of these and of kernel-model.test.ts; what it once found is kept in REGRESSIONS.
 */
import { Clone, Nr, Sig, TCB, Wait, killedBy } from '@troupe/abi';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { FakeKernel, SCRATCH } from '../support/kernel/fake-kernel.js';
import { lose, type Plant } from '../support/kernel/plants.js';

const THREAD = Clone.VM | Clone.FS | Clone.FILES | Clone.SIGHAND | Clone.THREAD | Clone.SYSVSEM;
const SIGNALS = [Sig.STOP, Sig.CONT, Sig.TERM, Sig.USR1, Sig.KILL, Sig.TSTP, Sig.CHLD, 40];
const MAX_TASKS = 12;

type Op = 'fork' | 'thread' | 'vfork' | 'exit' | 'exitGroup' | 'exec' | 'kill' | 'tkill' | 'wait' | 'waitNoHang' | 'pause' | 'sleep' | 'futexWait' | 'futexWake' | 'sigwait' | 'ignore' | 'step' | 'time' | 'freeze' | 'thaw';
const OPS: readonly Op[] = ['fork', 'fork', 'thread', 'thread', 'vfork', 'exit', 'exitGroup', 'exec', 'kill', 'kill', 'kill', 'tkill', 'wait', 'waitNoHang', 'pause', 'sleep', 'futexWait', 'futexWake', 'sigwait', 'ignore', 'step', 'step', 'time', 'freeze', 'thaw'];

interface Step {
  readonly op: Op;
  readonly who: number;
  readonly arg: number;
}

class Schedule {
  readonly fake = new FakeKernel({ maxTasks: MAX_TASKS });
  readonly init = this.fake.boot();
  pauses = 0;

  constructor(plant: Plant = () => {}) {
    plant(this.fake);
    const { mm } = this.init;
    mm.copyOut(SCRATCH, Buffer.from('/program\0'));
    mm.writeU64(SCRATCH + 0x20, 1n);
    mm.writeU64(SCRATCH + 0x30, 0n);
    mm.writeU64(SCRATCH + 0x38, 50_000_000n);
    mm.writeU64(SCRATCH + 0x40, 1n << 39n);
  }

  get alive(): Task[] {
    return [...this.fake.kernel.tasks.all()].filter((task) => task.isAlive);
  }

  run(step: Step): void {
    const { fake } = this;
    if (step.op === 'time') return fake.advance(20_000_000);
    if (step.op === 'freeze') {
      this.pauses++;
      void fake.kernel.pause();
      return;
    }
    if (step.op === 'thaw') return this.#thaw();
    const runnable = this.alive.filter((task) => fake.isRunnable(task));
    const task = runnable[step.who % Math.max(1, runnable.length)];
    if (!task) return;
    this.#act(task, step);
  }

  #thaw(): void {
    if (this.pauses === 0) return;
    this.pauses--;
    this.fake.kernel.unpause();
    this.fake.kernel.drain();
  }

  #act(task: Task, { op, arg }: Step): void {
    const { fake } = this;
    const everyone = [...fake.kernel.tasks.all()];
    const target = everyone[arg % everyone.length]!;
    const signo = SIGNALS[arg % SIGNALS.length]!;
    switch (op) {
      case 'fork': return void fake.syscall(task, Nr.fork);
      case 'vfork': return void fake.syscall(task, Nr.vfork);
      case 'thread': return void fake.syscall(task, Nr.clone, THREAD, SCRATCH + 0x800, 0, 0, 0);
      case 'exit': return void (task.group === this.init.group || fake.syscall(task, Nr.exit, arg & 0xff));
      case 'exitGroup': return void (task.group === this.init.group || fake.syscall(task, Nr.exit_group, arg & 0xff));
      case 'exec': return void fake.syscall(task, Nr.execve, SCRATCH, 0, 0);
      case 'kill': return void (target.group === this.init.group || fake.syscall(task, Nr.kill, target.group.tgid, signo));
      case 'tkill': return void (target.group === this.init.group || fake.syscall(task, Nr.tkill, target.tid, signo));
      case 'wait': return void fake.syscall(task, Nr.wait4, -1, SCRATCH + 0x100, Wait.UNTRACED | Wait.CONTINUED, 0);
      case 'waitNoHang': return void fake.syscall(task, Nr.wait4, -1, SCRATCH + 0x100, Wait.NOHANG, 0);
      case 'pause': return void fake.syscall(task, Nr.pause);
      case 'sleep': return void fake.syscall(task, Nr.nanosleep, SCRATCH + 0x30, 0);
      case 'futexWait': return void fake.syscall(task, Nr.futex, SCRATCH + 0x200, 128, 0, SCRATCH + 0x30, 0, 0);
      case 'futexWake': return void fake.syscall(task, Nr.futex, SCRATCH + 0x200, 129, 1, 0, 0, 0);
      case 'sigwait': return void fake.syscall(task, Nr.rt_sigtimedwait, SCRATCH + 0x40, 0, SCRATCH + 0x30, 8);
      case 'ignore': return void fake.syscall(task, Nr.rt_sigaction, Sig.CHLD, SCRATCH + 0x20, 0, 8);
      default: return fake.interrupt(task);
    }
  }

  check(): void {
    const { fake, alive } = this;
    const { kernel } = fake;
    expect(new Set(fake.queue).size, 'a task is in the run queue twice').to.equal(fake.queue.length);
    for (const tcb of fake.queue) expect(kernel.tasks.byTcb(tcb)?.state, 'run queue').to.equal('running');
    expect(kernel.runner.onCores, 'tasks on cores').to.equal(fake.queue.length);
    expect(kernel.tasks.liveCount).to.equal(alive.length);
    if (this.pauses === 0) {
      expect(kernel.running.count, 'runningTasks').to.equal(alive.filter((task) => task.state === 'running').length);
      for (const task of alive) this.#checkTask(task);
    }
  }

  #checkTask(task: Task): void {
    const { fake } = this;
    expect(task.state === 'running', `task ${task.tid} ${task.state} in run queue`).to.equal(fake.isRunnable(task));
    expect(task.parked !== null, `task ${task.tid} ${task.state} parked`).to.equal(task.state === 'blocked');
    const wantsStop = task.signalPending && task.state === 'blocked' && task.parked!.wait.uninterruptible !== true;
    expect(wantsStop, `task ${task.tid} sleeps on a signal`).to.equal(false);
    if (task.parked?.wait.uninterruptible) {
      const hasReason = task.group.liveTasks.length > 1 || this.alive.some((other) => other.vforkParent === task);
      expect(hasReason, `task ${task.tid} waits for nobody`).to.equal(true);
    }
    if (task.state === 'stopped') expect(task.group.stopRequested, `task ${task.tid} stopped without reason`).to.equal(true);
    if (task.killStatus !== null) expect(task.state, 'killed').to.equal('running');
    if (task.state === 'running' && task.signalPending) {
      expect(Atomics.load(fake.shared.i32, (task.tcb + TCB.off.interrupt) >> 2), `task ${task.tid} is not told of its signal`).to.equal(1);
    }
  }

  /** Everything is killed: nothing may be left. */
  finish(): void {
    const { fake } = this;
    while (this.pauses > 0) this.#thaw();
    fake.kernel.kill(killedBy(Sig.KILL));
    fake.kernel.drain();
    for (let task = this.alive.find((at) => fake.isRunnable(at)); task; task = this.alive.find((at) => fake.isRunnable(at))) fake.interrupt(task);
    expect(this.alive.map((task) => `${task.tid} ${task.state}`), 'survivors').to.deep.equal([]);
    expect(fake.kernel.tasks.count, 'tids in use').to.equal(0);
    expect(fake.kernel.running.count).to.equal(0);
    expect(fake.kernel.tasks.processGroups.size + fake.kernel.tasks.sessions.size, 'process groups').to.equal(0);
    expect(fake.kernel.memory.spaces.size, 'address spaces').to.equal(0);
  }
}

const STEP = fc.record<Step>({ op: fc.constantFrom(...OPS), who: fc.nat(20), arg: fc.nat(1000) });

function play(steps: readonly Step[], plant?: Plant): void {
  const schedule = new Schedule(plant);
  for (const each of steps) {
    schedule.run(each);
    schedule.check();
  }
  schedule.finish();
}

function schedules(plant?: Plant): fc.IProperty<[Step[]]> {
  return fc.property(fc.array(STEP, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => play(steps, plant));
}

/** Faults that the invariants must notice. */
const PLANTS: readonly { readonly name: string; readonly plant: Plant }[] = [
  { name: 'a task that is made runnable gets on no queue', plant: (fake) => lose(fake, 'enqueue', 7) },
  { name: 'a task is not told of its signal', plant: (fake) => lose(fake.kernel.runner, 'attend', 5) },
  { name: 'a task that starts to run is not counted', plant: (fake) => lose(fake.kernel.running, 'inc', 9) },
  { name: 'a task that blocks is still counted as running', plant: (fake) => lose(fake.kernel.running, 'dec', 9) },
];

/** Schedules that failed once. */
const REGRESSIONS: readonly { readonly name: string; readonly steps: readonly Step[] }[] = [
  {
    name: 'a second SIGCONT marked a thread that nobody told',
    steps: [{ op: 'fork', who: 0, arg: 0 }, { op: 'thread', who: 7, arg: 0 }, { op: 'kill', who: 0, arg: 1 }, { op: 'kill', who: 0, arg: 73 }],
  },
];

describe('random schedules', () => {
  const seed = process.env['SCHEDULE_SEED'];

  it('keep the invariants of tasks and leave nothing behind', function () {
    const numRuns = Number(process.env['SCHEDULE_RUNS'] ?? 60);
    this.timeout(60_000 + numRuns * 50);
    fc.assert(schedules(), { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) });
  });

  for (const { name, steps } of REGRESSIONS) it(`again: ${name}`, () => play(steps));

  for (const { name, plant } of PLANTS) {
    it(`notice that ${name}`, () => {
      const { failed, counterexample } = fc.check(schedules(plant), { numRuns: 200, seed: 1, endOnFailure: true });
      expect(failed, 'the fault was not noticed').to.equal(true);
      expect(counterexample).to.have.length(1);
    }).timeout(60_000);
  }
});
