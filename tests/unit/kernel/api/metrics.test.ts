// The metrics snapshot, and what Prometheus sees of it.
import { Kernel } from '@troupe/kernel';
import { registerKernelMetrics } from '@troupe/kernel/prometheus';
import { expect } from 'chai';
import { Registry } from 'prom-client';

async function finishedKernel(): Promise<Kernel> {
  const kernel = await Kernel.create({ cores: 1, memoryBytes: 256 << 20 });
  const child = kernel.createProcess({ argv: ['/bin/sh', '-c', 'cat /nowhere; cat /nowhere; perl -e "syscall(335)" & wait'], stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' });
  kernel.start();
  await child.wait();
  return kernel;
}

describe('Kernel.metrics', function () {
  this.timeout(60_000);

  it('counts calls and failures by name, faults, switches, tasks and memory', async () => {
    await using kernel = await finishedKernel();
    const { syscalls, unimplemented, pageFaults, contextSwitches, tasks, forks, memory, uptimeNs, instructions, cores } = kernel.metrics();
    expect(syscalls['execve']).to.deep.equal({ calls: 3, errors: 0 });
    expect(syscalls['openat']!.errors).to.be.at.least(2).and.at.most(syscalls['openat']!.calls);
    expect(forks).to.equal(3);
    expect(unimplemented).to.deep.equal({ 335: 1 });
    expect(pageFaults).to.be.greaterThan(50).and.equal(cores['pageFaults']);
    expect(contextSwitches).to.be.greaterThan(50);
    expect(instructions).to.be.greaterThan(100_000);
    expect(tasks).to.deep.equal({ new: 0, running: 0, blocked: 0, stopped: 0, zombie: 0 });
    expect(memory.limitBytes).to.equal(256 << 20);
    expect(memory.usedBytes).to.be.greaterThan(0).and.lessThan(memory.limitBytes);
    expect(uptimeNs).to.be.greaterThan(0);
  });

  it('is exported to prom-client, with labels, and can be taken out again', async () => {
    await using kernel = await finishedKernel();
    const registry = new Registry();
    const unregister = registerKernelMetrics(kernel, { registry, prefix: 'box_', labels: { kernel: 'one' } });
    const text = await registry.metrics();
    expect(text).to.equal(await registry.metrics());
    expect(text).to.match(/^# TYPE box_syscalls_total counter$/m).and.match(/^box_syscalls_total\{syscall="execve",kernel="one"\} 3$|^box_syscalls_total\{kernel="one",syscall="execve"\} 3$/m);
    expect(text).to.match(/^box_forks_total\{kernel="one"\} 3$/m).and.match(/^box_memory_limit_bytes\{kernel="one"\} 268435456$/m);
    expect(text).to.match(/^box_tasks\{.*state="blocked".*\} 0$/m);
    unregister();
    expect(await registry.metrics()).to.equal('\n');
  });
});
