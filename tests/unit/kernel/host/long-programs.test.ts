import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Nr, TCB, headerWord } from '@troupe/abi';
import { LongCommands } from '@troupe/cpu-worker/jit/long-commands.js';
import { LongPrograms } from '@troupe/kernel/host/long-programs.js';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import { FakeKernel, SCRATCH, tinyElf } from '../../../support/kernel/fake-kernel.js';

const LONG = 60_000_000;
const SHORT = 30_000_000;

describe('programs that run long', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-programs-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const boot = (): FakeKernel => {
    const fake = new FakeKernel();
    fake.programs = new LongPrograms(fake.shared, new LongCommands(folder));
    return fake;
  };
  const run = (fake: FakeKernel, task: Task, instructions: number): void => {
    fake.shared.u64[(task.tcb + TCB.off.instructions) / 8]! += BigInt(instructions);
  };
  const end = (fake: FakeKernel, task: Task): void => void fake.syscall(task, Nr.exit_group, 0);
  const wakes = (fake: FakeKernel): boolean => fake.shared.i32[headerWord('wakeCompiler')] === 1;
  /** Whether a new kernel wakes the compiler for the command. */
  const isKnown = (...argv: string[]): boolean => {
    const fake = boot();
    fake.boot({ argv });
    return wakes(fake);
  };
  /** execve of /program with one argument. */
  const exec = (fake: FakeKernel, task: Task, argument: string): void => {
    const at = SCRATCH;
    task.mm.copyOut(at, Buffer.from(`/program\0${argument}\0`));
    const pointers = Buffer.alloc(24);
    pointers.writeBigUInt64LE(BigInt(at), 0);
    pointers.writeBigUInt64LE(BigInt(at + 9), 8);
    task.mm.copyOut(at + 64, pointers);
    expect(fake.syscall(task, Nr.execve, at, at + 64, 0)).to.equal(0);
  };

  it('wake the compiler when they start again', () => {
    const fake = boot();
    const task = fake.boot({ argv: ['/program', 'long'] });
    run(fake, task, LONG);
    end(fake, task);
    expect(wakes(fake)).to.equal(false);
    expect(isKnown('/program', 'long')).to.equal(true);
    expect(isKnown('/program', 'other')).to.equal(false);
    expect(isKnown('/program', 'lo', 'ng')).to.equal(false);
  });

  it('are not those of which many are short', () => {
    const fake = boot();
    const parent = fake.boot({ argv: ['/program', 'parent'] });
    for (let n = 0; n < 3; n++) {
      const child = fake.task(fake.syscall(parent, Nr.fork)!);
      exec(fake, child, 'child');
      run(fake, child, SHORT);
      end(fake, child);
    }
    run(fake, parent, SHORT);
    end(fake, parent);
    expect(isKnown('/program', 'parent')).to.equal(false);
    expect(isKnown('/program', 'child')).to.equal(false);
  });

  it('make their ancestors known, too', () => {
    const fake = boot();
    const parent = fake.boot({ argv: ['/program', 'parent'] });
    const child = fake.task(fake.syscall(parent, Nr.fork)!);
    exec(fake, child, 'child');
    run(fake, child, LONG);
    end(fake, child);
    expect(isKnown('/program', 'parent')).to.equal(true);
    expect(isKnown('/program', 'child')).to.equal(true);
  });

  it('count from their own start', () => {
    const fake = boot();
    const task = fake.boot({ argv: ['/program', 'first'] });
    run(fake, task, LONG);
    exec(fake, task, 'second');
    run(fake, task, SHORT);
    end(fake, task);
    expect(isKnown('/program', 'first')).to.equal(true);
    expect(isKnown('/program', 'second')).to.equal(false);
  });

  it('are others when the file has changed', () => {
    const fake = boot();
    const task = fake.boot();
    run(fake, task, LONG);
    end(fake, task);
    expect(isKnown('/program')).to.equal(true);
    const next = boot();
    next.time.advance(1_000_000_000);
    next.writeFile('/program', tinyElf());
    next.boot();
    expect(wakes(next)).to.equal(false);
  });

  it('are not noted when nothing is kept', () => {
    const fake = new FakeKernel();
    fake.programs = new LongPrograms(fake.shared, undefined);
    const task = fake.boot();
    run(fake, task, LONG);
    end(fake, task);
    expect(wakes(fake)).to.equal(false);
    expect(isKnown('/program')).to.equal(false);
  });
});
