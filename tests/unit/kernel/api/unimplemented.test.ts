import { Kernel } from '@troupe/kernel';
import type { UnimplementedSyscall } from '@troupe/kernel/log/unimplemented-events.js';
import { FakeKernel } from '../../../support/kernel/fake-kernel.js';
import { expect } from 'chai';

describe('Kernel.unimplementedSyscalls', () => {
  it('is an observable whose subscription ends', async () => {
    const task = new FakeKernel().boot();
    await using kernel = await Kernel.create({ root: { kind: 'memory' }, cores: 1, memoryBytes: 64 << 20 });
    const events: UnimplementedSyscall[] = [];
    const subscription = kernel.unimplementedSyscalls.subscribe((event) => events.push(event));
    kernel.core.unimplemented.emit(task, 999);
    subscription.unsubscribe();
    kernel.core.unimplemented.emit(task, 999);
    expect(events.map(({ tid, nr }) => [tid, nr])).to.deep.equal([[1, 999]]);
  });
});
