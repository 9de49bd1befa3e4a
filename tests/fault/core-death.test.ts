// A core that dies or fails takes the process down that ran on it, and nothing else.
import { coreBlockAddr, CoreBlock, headerWord, TCB } from '@troupe/abi';
import { CODE_PAGE, OP } from '@troupe/cpu-worker/interp/op-record.js';
import { Kernel, type Process } from '@troupe/kernel';
import { expect } from 'chai';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';
import { run } from '../support/run.js';

const SOURCES = join(ROOT, 'tests/fault/programs');
const ROUNDS = '3000000';
const KILLED = { code: 0, signo: 9, coreDumped: false };
const PAGE_BYTES = 4096;
const NO_HANDLER = 0x7fff;

/** A victim that spins for ever, a bystander that computes, and what the kernel reports. */
class Scene {
  readonly victim: Process;
  readonly bystander: Process;
  readonly output: Promise<string>;

  private constructor(readonly kernel: Kernel, readonly reports: readonly string[]) {
    this.victim = this.process('spin');
    this.bystander = this.process('spin', ROUNDS);
    this.output = text(this.bystander.stdout!);
  }

  static async create(cores: number): Promise<Scene> {
    const reports: string[] = [];
    const scene = new Scene(await Kernel.create({ cores, onReport: (message) => reports.push(message) }), reports);
    scene.kernel.start();
    await once(scene.victim.stdout as Readable, 'data');
    return scene;
  }

  process(name: string, ...args: string[]): Process {
    // Copies of the program have frames, and so decoded code, of their own.
    const path = compileGuest(name, ['-static', '-O1', ...(args.length > 0 ? ['-DBYSTANDER'] : [])], SOURCES);
    return this.kernel.createProcess({ argv: [path, ...args], stdout: 'pipe' });
  }

  #word(core: number, field: keyof typeof CoreBlock.off): number {
    return Atomics.load(this.kernel.core.shared.i32, (coreBlockAddr(core) + CoreBlock.off[field]) >> 2);
  }

  /** The core the victim is on. */
  async victimCore(): Promise<number> {
    const { tcb } = this.victim.group.leader;
    for (;;) {
      for (let core = 0; core < this.kernel.host.pool.startedCores; core++) if (this.#word(core, 'currentTcb') >>> 0 === tcb) return core;
      await new Promise((done) => setTimeout(done, 1));
    }
  }

  /** Resolves when every core thread that was started is up. */
  async allOnline(): Promise<void> {
    while (Atomics.load(this.kernel.core.shared.i32, headerWord('coreCount')) !== this.kernel.host.pool.startedCores) await new Promise((done) => setTimeout(done, 1));
  }

  /** Gives every decoded op of the page the victim runs in a handler that does not exist, until one was met. */
  async spoilCode(): Promise<void> {
    while (this.victim.group.exitStatus === null) {
      this.#spoilPage();
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  #spoilPage(): void {
    const { u16, u32, u64 } = this.kernel.core.shared;
    const { tcb } = this.victim.group.leader;
    if (tcb === 0) return;
    const rip = Number(u64[(tcb + TCB.off.rip) / 8]);
    const page = u32[(u32[(tcb + TCB.off.tableExec) >> 2]! >> 2) + Math.floor(rip / PAGE_BYTES)]!;
    if (page === 0 || (page & 1) !== 0) return;
    for (let offset = 0; offset < PAGE_BYTES; offset++) {
      const op = u32[((page + CODE_PAGE.index) >> 2) + offset]!;
      if (op !== 0) u16[(op + OP.handler) >> 1] = NO_HANDLER;
    }
  }

  async expectOnlyVictimDies(): Promise<void> {
    expect(await this.victim.wait()).to.deep.equal(KILLED);
    expect(this.reports.join('\n')).to.match(new RegExp(`process ${this.victim.pid} \\(spin\\S*\\) killed: its core failed`));
    const native = await run(compileGuest('spin', ['-static', '-O1'], SOURCES), [ROUNDS]);
    expect(await this.output).to.equal(native.stdout);
    expect(await this.bystander.wait()).to.deep.equal({ code: 0, signo: 0, coreDumped: false });
    const next = this.process('spin', '1000');
    expect(await text(next.stdout!)).to.match(/^ready\n\d+\n$/);
    expect((await next.wait()).code).to.equal(0);
  }
}

for (const cores of [1, 2]) {
  describe(`a failing core (${cores} core${cores > 1 ? 's' : ''})`, function () {
    this.timeout(60_000);

    it('its thread ends: the process dies, the others go on on a fresh thread', async () => {
      const scene = await Scene.create(cores);
      await using _ = scene.kernel;
      const core = await scene.victimCore();
      await scene.kernel.host.pool.thread(core)!.terminate();
      await scene.expectOnlyVictimDies();
      expect(scene.reports.join('\n')).to.match(/^core died: /m);
      await scene.allOnline();
    });

    it('its engine throws: the process dies, the others go on', async () => {
      const scene = await Scene.create(cores);
      await using _ = scene.kernel;
      await scene.spoilCode();
      await scene.expectOnlyVictimDies();
    });
  });
}
