// clock_settime(2) and what follows the realtime clock, with time that the test moves.
import { ClockId, Errno, Futex, Nr, TIMER_ABSTIME } from '@troupe/abi';
import { SYSCALL_ROWS } from '@troupe/kernel/syscall/table.js';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import { FakeKernel, SCRATCH } from '../../../support/kernel/fake-kernel.js';

const TFD_ABSOLUTE = 1;
const TFD_CANCEL_ON_SET = 2;
const O_NONBLOCK = 0o4000;
const SECOND_NS = 1_000_000_000;
const SPEC = SCRATCH;
const OUT = SCRATCH + 64;

function writeSeconds(task: Task, at: number, seconds: bigint): void {
  task.mm.writeU64(at, seconds);
  task.mm.writeU64(at + 8, 0n);
}

/** struct itimerspec of one expiry at `seconds`. */
function writeOneShot(task: Task, seconds: bigint): void {
  writeSeconds(task, SPEC, 0n);
  writeSeconds(task, SPEC + 16, seconds);
}

class Machine extends FakeKernel {
  readonly program: Task;

  constructor() {
    super({ rows: SYSCALL_ROWS });
    this.program = this.boot();
  }

  get nowSeconds(): bigint {
    return this.kernel.realtimeNs() / BigInt(SECOND_NS);
  }

  /** Answer of clock_settime(2). */
  setClock(by: number, task = this.program): number | undefined {
    writeSeconds(task, SPEC, this.nowSeconds + BigInt(by));
    return this.syscall(task, Nr.clock_settime, ClockId.REALTIME, SPEC);
  }

  /** A timer descriptor that expires `seconds` from now. */
  timerFd(seconds: number, flags: number): number {
    const fd = this.syscall(this.program, Nr.timerfd_create, ClockId.REALTIME, O_NONBLOCK)!;
    writeOneShot(this.program, (flags & TFD_ABSOLUTE ? this.nowSeconds : 0n) + BigInt(seconds));
    expect(this.syscall(this.program, Nr.timerfd_settime, fd, flags, SPEC, 0)).to.equal(0);
    return fd;
  }

  read(fd: number): number | undefined {
    return this.syscall(this.program, Nr.read, fd, OUT, 8);
  }

  leftSeconds(fd: number): number {
    this.syscall(this.program, Nr.timerfd_gettime, fd, OUT);
    return Math.round(Number(this.program.mm.readU64(OUT + 16)) + Number(this.program.mm.readU64(OUT + 24)) / SECOND_NS);
  }
}

describe('setting the realtime clock', () => {
  it('cancels a timer descriptor that asked for it, once, and moves its deadline', () => {
    const machine = new Machine();
    const fd = machine.timerFd(100, TFD_ABSOLUTE | TFD_CANCEL_ON_SET);
    expect(machine.read(fd)).to.equal(-Errno.EAGAIN);
    expect(machine.setClock(40)).to.equal(0);
    expect(machine.read(fd)).to.equal(-Errno.ECANCELED);
    expect(machine.read(fd)).to.equal(-Errno.EAGAIN);
    expect(machine.leftSeconds(fd)).to.equal(60);
    machine.advance(61 * SECOND_NS);
    expect(machine.read(fd)).to.equal(8);
  });

  it('ends a read that waits with ECANCELED', () => {
    const machine = new Machine();
    const fd = machine.timerFd(100, TFD_ABSOLUTE | TFD_CANCEL_ON_SET);
    machine.syscall(machine.program, Nr.fcntl, fd, 4, 0);
    const other = machine.boot();
    expect(machine.read(fd)).to.equal(undefined);
    expect(machine.setClock(1, other)).to.equal(0);
    expect(machine.result(machine.program)).to.equal(-Errno.ECANCELED);
  });

  it('answers timerfd_settime with ECANCELED while the cancellation is unread, and arms the timer', () => {
    const machine = new Machine();
    const fd = machine.timerFd(100, TFD_ABSOLUTE | TFD_CANCEL_ON_SET);
    machine.setClock(1);
    writeOneShot(machine.program, 5n);
    expect(machine.syscall(machine.program, Nr.timerfd_settime, fd, 0, SPEC, 0)).to.equal(-Errno.ECANCELED);
    expect(machine.leftSeconds(fd)).to.equal(5);
    expect(machine.syscall(machine.program, Nr.timerfd_settime, fd, 0, SPEC, 0)).to.equal(0);
  });

  it('moves absolute timer descriptors and leaves relative ones alone', () => {
    const machine = new Machine();
    const absolute = machine.timerFd(100, TFD_ABSOLUTE);
    const relative = machine.timerFd(100, 0);
    machine.setClock(70);
    expect([machine.leftSeconds(absolute), machine.leftSeconds(relative)]).to.deep.equal([30, 100]);
    expect(machine.read(absolute)).to.equal(-Errno.EAGAIN);
    machine.setClock(70);
    machine.advance(1);
    expect([machine.read(absolute), machine.read(relative)]).to.deep.equal([8, -Errno.EAGAIN]);
  });

  it('moves absolute POSIX timers and leaves relative ones alone', () => {
    const machine = new Machine();
    const task = machine.program;
    const ids = [TIMER_ABSTIME, 0].map((flags) => {
      writeSeconds(task, OUT, 0n);
      task.mm.writeU32(OUT + 8, 0);
      task.mm.writeU32(OUT + 12, 1);
      expect(machine.syscall(task, Nr.timer_create, ClockId.REALTIME, OUT, OUT + 32)).to.equal(0);
      const id = task.mm.readU32(OUT + 32);
      writeOneShot(task, (flags === 0 ? 0n : machine.nowSeconds) + 100n);
      expect(machine.syscall(task, Nr.timer_settime, id, flags, SPEC, 0)).to.equal(0);
      return id;
    });
    machine.setClock(30);
    const left = ids.map((id) => {
      machine.syscall(task, Nr.timer_gettime, id, OUT);
      return Math.round(Number(task.mm.readU64(OUT + 16)) + Number(task.mm.readU64(OUT + 24)) / SECOND_NS);
    });
    expect(left).to.deep.equal([70, 100]);
  });

  it('ends absolute sleeps and futex waits whose time has come', () => {
    const machine = new Machine();
    const task = machine.program;
    const [setter, waiter] = [machine.boot(), machine.boot()];
    writeSeconds(task, SPEC, machine.nowSeconds + 1000n);
    expect(machine.syscall(task, Nr.clock_nanosleep, ClockId.REALTIME, TIMER_ABSTIME, SPEC, 0)).to.equal(undefined);
    writeSeconds(waiter, SPEC, machine.nowSeconds + 1000n);
    waiter.mm.writeU32(OUT, 7);
    expect(machine.syscall(waiter, Nr.futex, OUT, Futex.WAIT_BITSET | Futex.CLOCK_REALTIME, 7, SPEC, 0, 0xffff_ffff)).to.equal(undefined);
    machine.setClock(900, setter);
    machine.advance(1);
    expect([machine.isRunnable(task), machine.isRunnable(waiter)]).to.deep.equal([false, false]);
    machine.setClock(101, setter);
    machine.advance(1);
    expect([machine.result(task), machine.result(waiter)]).to.deep.equal([0, -Errno.ETIMEDOUT]);
  });

  it('happens when time goes on after a pause', () => {
    const machine = new Machine();
    const { kernel } = machine;
    const fd = machine.timerFd(100, TFD_ABSOLUTE | TFD_CANCEL_ON_SET);
    writeSeconds(machine.program, SPEC, 1n);
    machine.syscall(machine.program, Nr.nanosleep, SPEC, 0);
    kernel.pauseTime();
    machine.time.advance(10 * SECOND_NS);
    kernel.resumeTime();
    machine.advance(SECOND_NS);
    expect(machine.leftSeconds(fd)).to.equal(89);
    expect(machine.read(fd)).to.equal(-Errno.ECANCELED);
  });
});
