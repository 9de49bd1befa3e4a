/**
 * Every system call with arguments a hostile program might pass: wild pointers, huge sizes, odd flags,
 * in random order. Whatever happens to the guest, the kernel must not throw.
 */
import { ConfigError, Nr, Sa, Si, Sig, killedBy } from '@troupe/abi';
import type { ArgKind, ArgSpec } from '@troupe/kernel/syscall/row.js';
import { SYSCALL_ROWS } from '@troupe/kernel/syscall/table.js';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { FakeKernel, PROGRAM_BASE, SCRATCH } from '../support/kernel/fake-kernel.js';

const VALUES: readonly bigint[] = [
  0n, 1n, 2n, 3n, 4n, 5n, 7n, 8n, 9n, 16n, 24n, 64n, 100n, 128n, 4095n, 4096n, 4097n, 65536n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n,
  BigInt(SCRATCH), BigInt(SCRATCH + 8), BigInt(SCRATCH + 0x200), BigInt(SCRATCH + 0xffc), BigInt(SCRATCH + 0xfff), BigInt(PROGRAM_BASE),
  0x7fff_ffff_f000n, 0x8000_0000_0000n, 0xffff_8000_0000_0000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, (1n << 64n) - 100n, (1n << 64n) - 4096n,
];

interface Call {
  readonly row: number;
  /** Choices from which the arguments follow by the row's argument kinds. */
  readonly choices: readonly number[];
  readonly fill: number;
}

const call = fc.record<Call>({
  row: fc.nat(SYSCALL_ROWS.length - 1),
  choices: fc.array(fc.nat(1 << 20), { minLength: 6, maxLength: 6 }),
  fill: fc.nat(7),
});

const MEMORY_KINDS = new Set<ArgKind>(['addr', 'path', 'str', 'in', 'out', 'inout', 'iovecIn', 'iovecOut', 'strv']);

/** Mostly something the call can use, so that the code behind the first checks runs too. */
function argument(spec: ArgSpec | undefined, choice: number): bigint {
  const value = choice >> 3;
  if (spec === undefined || choice % 8 === 0) return VALUES[value % VALUES.length]!;
  if (spec.kind === 'fd') return BigInt(value % 16) - 1n;
  if (spec.name === 'dirfd' || spec.name.endsWith('dirfd')) return -100n;
  if (MEMORY_KINDS.has(spec.kind)) return value % 6 === 0 ? 0n : BigInt(SCRATCH + (value % 64) * 8);
  if (spec.kind === 'size' || spec.kind === 'long') return BigInt([0, 1, 4, 8, 16, 24, 32, 64, 100, 128, 4096, 65536][value % 12]!);
  if (spec.symbols && spec.symbols.length > 0) return BigInt(spec.symbols[value % spec.symbols.length]![1] | (value % 3 === 0 ? spec.symbols[(value >> 4) % spec.symbols.length]![1] : 0));
  return BigInt(value % 24) - 2n;
}

/** Scratch memory that structs are read from: zeros, ones, small numbers, pointers, strings. */
function fillScratch(task: Task, kind: number): void {
  const words = new BigUint64Array(512);
  for (let n = 0; n < words.length; n++) words[n] = [0n, (1n << 64n) - 1n, BigInt(n), BigInt(SCRATCH + 8 * n), 0x61_2f_2e_2f_61n, BigInt(n % 5) << 32n, 0x0001_0001_0001_0001n, 3n][kind]!;
  task.mm.copyOutPartial(SCRATCH, new Uint8Array(words.buffer));
}

class Victim {
  fake = new FakeKernel({ rows: SYSCALL_ROWS, maxTasks: 16 });
  #task = this.fake.boot();

  /** A task that can call; the old one may be dead, waiting or stopped. */
  #next(): Task {
    if (this.fake.isRunnable(this.#task)) return this.#task;
    this.fake.kernel.kill(killedBy(Sig.KILL));
    this.fake.kernel.drain();
    for (const task of [...this.fake.kernel.tasks.all()]) if (this.fake.isRunnable(task)) this.fake.interrupt(task);
    this.#task = this.#boot();
    this.#open(this.#task);
    return this.#task;
  }

  /** The program may have been removed or made inaccessible: then everything starts anew. */
  #boot(): Task {
    try {
      return this.fake.boot();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.fake = new FakeKernel({ rows: SYSCALL_ROWS, maxTasks: 16 });
      return this.fake.boot();
    }
  }

  /** Descriptors of every kind. */
  #open(task: Task): void {
    const { fake } = this;
    task.mm.copyOutPartial(SCRATCH, Buffer.from('/program\0/fuzz\0'));
    task.group.handlers.set(Sig.USR1, { handler: BigInt(PROGRAM_BASE), flags: Sa.RESTORER, restorer: BigInt(PROGRAM_BASE), mask: 0n });
    for (const [nr, ...args] of [
      [Nr.open, SCRATCH, 0, 0], [Nr.open, SCRATCH + 9, 0o102, 0o644], [Nr.pipe, SCRATCH + 64], [Nr.socketpair, 1, 1, 0, SCRATCH + 64], [Nr.eventfd2, 0, 0o4000],
      [Nr.epoll_create1, 0], [Nr.timerfd_create, 1, 0o4000], [Nr.signalfd4, -1, SCRATCH, 8, 0o4000], [Nr.inotify_init1, 0o4000], [Nr.fanotify_init, 2, 0], [Nr.memfd_create, SCRATCH, 0], [Nr.socket, 1, 1, 0],
    ] as const) if (fake.isRunnable(task)) fake.syscall(task, nr, ...args);
  }

  /** A handled signal ends the wait; the handler "returns" without rt_sigreturn. */
  #interrupt(task: Task): void {
    this.fake.kernel.signals.sendToTask(task, { signo: Sig.USR1, code: Si.TKILL });
    this.fake.kernel.drain();
  }

  run({ row, choices, fill }: Call): void {
    const task = this.#next();
    fillScratch(task, fill);
    const { nr, name, args: specs } = SYSCALL_ROWS[row]!;
    const args = choices.map((choice, index) => BigInt.asUintN(64, argument(specs[index], choice)));
    try {
      this.fake.syscall(task, nr, ...args);
      if (task.state === 'blocked' && fill % 2 === 0) this.#interrupt(task);
      this.fake.advance(1_000_000);
    } catch (error) {
      throw new Error(`${name}(${args.map((arg) => `0x${arg.toString(16)}`).join(', ')}) fill ${fill}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
    }
  }
}

describe('hostile system call arguments', () => {
  it('never make the kernel throw', () => {
    fc.assert(fc.property(fc.array(call, { minLength: 100, maxLength: 300 }), (calls) => {
      const victim = new Victim();
      for (const each of calls) victim.run(each);
      expect(victim.fake.kernel.running.count).to.be.greaterThanOrEqual(0);
    }), { numRuns: Number(process.env['FUZZ_RUNS'] ?? 20), endOnFailure: process.env['FUZZ_SHRINK'] === undefined });
  }).timeout(120_000);
});
