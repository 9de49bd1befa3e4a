import { Errno, Reg } from '@troupe/abi';
import { RateLimiter } from '@troupe/kernel/log/rate-limiter.js';
import type { UnimplementedSyscall } from '@troupe/kernel/log/unimplemented-events.js';
import { expect } from 'chai';
import { FakeKernel } from '../../../support/kernel/fake-kernel.js';

const UNKNOWN = 999;

describe('unimplemented system calls', () => {
  it('tell who called with which registers', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    const events: UnimplementedSyscall[] = [];
    const unsubscribe = fake.kernel.unimplemented.subscribe((event) => events.push(event));
    const rip = task.rip + 2n;
    expect(fake.syscall(task, UNKNOWN, 7)).to.equal(-Errno.ENOSYS);
    expect(events).to.have.length(1);
    expect(events[0]).to.include({ tid: 1, nr: UNKNOWN, rip });
    expect(events[0]!.registers[Reg.RDI]).to.equal(7n);
    unsubscribe();
    fake.syscall(task, UNKNOWN);
    expect(events).to.have.length(1);
    expect(fake.kernel.dispatcher.unimplemented.get(UNKNOWN)).to.equal(2);
  });

  it('are limited to 100 a second after a burst of 1000', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    let heard = 0;
    fake.kernel.unimplemented.subscribe(() => heard++);
    for (let n = 0; n < 1500; n++) fake.kernel.unimplemented.emit(task, UNKNOWN);
    expect([heard, fake.kernel.unimplemented.dropped]).to.deep.equal([1000, 500]);
    fake.time.advance(500_000_000);
    for (let n = 0; n < 200; n++) fake.kernel.unimplemented.emit(task, UNKNOWN);
    expect(heard).to.equal(1050);
  });

  it('fill up to the burst and no further', () => {
    let nowNs = 0;
    const limiter = new RateLimiter({ nowNs: () => nowNs }, 10, 2);
    expect([limiter.take(), limiter.take(), limiter.take()]).to.deep.equal([true, true, false]);
    nowNs = 3600e9;
    expect([limiter.take(), limiter.take(), limiter.take()]).to.deep.equal([true, true, false]);
    nowNs += 99_999_999;
    expect(limiter.take()).to.equal(false);
    nowNs += 1;
    expect(limiter.take()).to.equal(true);
    expect(limiter.refused).to.equal(3);
  });
});
