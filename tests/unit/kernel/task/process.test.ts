import { Clone, Errno, Nr, Reg, Sig, Wait, exited, killedBy } from '@troupe/abi';
import { expect } from 'chai';
import { ENTRY, FakeKernel, SCRATCH } from '../../../support/kernel/fake-kernel.js';

const THREAD = Clone.VM | Clone.FS | Clone.FILES | Clone.SIGHAND | Clone.THREAD | Clone.SYSVSEM | Clone.SETTLS | Clone.PARENT_SETTID | Clone.CHILD_CLEARTID;

describe('kernel life cycle', () => {
  it('creates and starts a process with tid 1 at the entry of the program', () => {
    const fake = new FakeKernel();
    const group = fake.create({ envp: ['A=b'] });
    expect(fake.queue).to.deep.equal([]);
    fake.kernel.start();
    const task = group.leader;
    expect(task.tid).to.equal(1);
    expect(fake.isRunnable(task)).to.equal(true);
    expect(Number(task.rip)).to.equal(ENTRY);
    expect(Number(task.getReg(Reg.RSP)) % 16).to.equal(0);
    expect(task.mm.readUlong(Number(task.getReg(Reg.RSP)))).to.equal(1);
    expect(task.name).to.equal('program');
    expect(fake.kernel.running.count).to.equal(1);
  });

  it('refuses to start twice or without tasks', () => {
    const fake = new FakeKernel();
    expect(() => fake.kernel.start()).to.throw('no tasks');
    fake.boot();
    expect(() => fake.kernel.start()).to.throw('already started');
  });

  it('names what is wrong with a process', () => {
    const fake = new FakeKernel();
    expect(() => fake.create({ argv: [] })).to.throw('no filename or command');
    expect(() => fake.create({ argv: ['program'] })).to.throw('not an absolute path');
    expect(() => fake.create({ workingDirectory: '/nowhere' })).to.throw('working directory');
    expect(() => fake.create({ argv: ['/nothing'] })).to.throw('ENOENT');
  });

  it('resolves waitExited when the last task ends', async () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    const other = fake.boot();
    let isDone = false;
    const done = fake.kernel.waitExited().then(() => (isDone = true));
    fake.syscall(other, Nr.exit_group, 0);
    await Promise.resolve();
    expect(isDone).to.equal(false);
    expect(fake.syscall(task, Nr.exit_group, 7)).to.equal(undefined);
    await done;
    expect(task.group.exitStatus).to.deep.equal(exited(7));
    expect(fake.kernel.running.count).to.equal(0);
    expect(fake.kernel.tasks.count).to.equal(0);
  });

  it('kills only the process of a task whose core failed', () => {
    const fake = new FakeKernel();
    const reports: string[] = [];
    fake.kernel.onReport = (message) => reports.push(message);
    const task = fake.boot();
    const victim = fake.task(fake.syscall(task, Nr.fork)!);
    fake.take(victim);
    fake.kernel.runner.coreDied(victim.tcb, 'worker ended');
    fake.kernel.drain();
    expect(victim.group.exitStatus).to.deep.equal(killedBy(Sig.KILL));
    expect(reports).to.deep.equal(['core died: worker ended', 'process 2 (program) killed: its core failed']);
    expect(fake.syscall(task, Nr.wait4, -1, 0, 0, 0)).to.equal(2);
  });

  it('sends signals to the processes of a container', () => {
    const fake = new FakeKernel();
    const first = fake.boot({ containerId: 'a' });
    const second = fake.boot({ containerId: 'b' });
    expect(fake.kernel.sendContainerSignal('b', { signo: Sig.TERM, code: 0 })).to.equal(0);
    fake.interrupt(second);
    expect(second.group.exitStatus).to.deep.equal(killedBy(Sig.TERM));
    expect(first.isAlive).to.equal(true);
    fake.kernel.sendExternalSignal({ signo: Sig.INT, code: 0 });
    fake.interrupt(first);
    expect(first.group.exitStatus).to.deep.equal(killedBy(Sig.INT));
  });

  it('makes unique ids and inotify cookies, and keeps the first save error', () => {
    const { kernel } = new FakeKernel();
    const ids = [kernel.uniqueId(), kernel.uniqueId()];
    expect(ids[1]).to.equal(ids[0]! + 1);
    expect(kernel.generateInotifyCookie()).to.equal(1);
    expect(kernel.generateInotifyCookie()).to.equal(2);
    const first = new Error('first');
    kernel.setSaveError(first);
    kernel.setSaveError(new Error('second'));
    expect(kernel.saveError).to.equal(first);
  });

  it('kills all tasks with the given status', async () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    const pid = fake.syscall(task, Nr.fork)!;
    const child = fake.task(pid);
    expect(fake.syscall(child, Nr.pause)).to.equal(undefined);
    fake.kernel.kill(exited(3));
    fake.kernel.drain();
    expect(child.isAlive).to.equal(false);
    fake.interrupt(task);
    expect(task.group.exitStatus).to.deep.equal(exited(3));
    await fake.kernel.waitExited();
  });

  it('pauses only when no task runs, nests, and goes on', async () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    fake.take(task);
    let isPaused = false;
    const paused = fake.kernel.pause().then(() => (isPaused = true));
    await Promise.resolve();
    expect(isPaused).to.equal(false);
    expect(fake.preempted).to.deep.equal([task.tcb]);
    fake.trap(task, 3);
    await paused;
    expect(fake.queue).to.deep.equal([]);
    await fake.kernel.pause();
    fake.kernel.unpause();
    expect(fake.queue).to.deep.equal([]);
    fake.kernel.unpause();
    expect(fake.isRunnable(task)).to.equal(true);
    expect(() => fake.kernel.unpause()).to.throw('without pause');
  });
});

describe('clone, exec, exit and wait', () => {
  it('forks: the child returns 0 in a copy of the memory', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    parent.mm.writeU32(SCRATCH, 1);
    const pid = fake.syscall(parent, Nr.fork)!;
    const child = fake.task(pid);
    expect(fake.result(child)).to.equal(0);
    child.mm.writeU32(SCRATCH, 2);
    expect(parent.mm.readU32(SCRATCH)).to.equal(1);
    expect(fake.syscall(child, Nr.getppid)).to.equal(1);
    expect(fake.syscall(child, Nr.getpgrp)).to.equal(1);
  });

  it('waits for a child and reaps it', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    const pid = fake.syscall(parent, Nr.fork)!;
    expect(fake.syscall(parent, Nr.wait4, -1, SCRATCH, Wait.NOHANG, 0)).to.equal(0);
    expect(fake.syscall(parent, Nr.wait4, -1, SCRATCH, 0, 0)).to.equal(undefined);
    fake.syscall(fake.task(pid), Nr.exit_group, 5);
    expect(fake.isRunnable(parent)).to.equal(true);
    expect(fake.result(parent)).to.equal(pid);
    expect(parent.mm.readU32(SCRATCH)).to.equal(0x500);
    expect(fake.kernel.tasks.byTid(pid)).to.equal(undefined);
    expect(fake.syscall(parent, Nr.wait4, -1, 0, 0, 0)).to.equal(-Errno.ECHILD);
  });

  it('leaves no zombie when SIGCHLD is ignored', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    parent.mm.writeU64(SCRATCH, 1n);
    parent.mm.zeroOut(SCRATCH + 8, 24);
    expect(fake.syscall(parent, Nr.rt_sigaction, Sig.CHLD, SCRATCH, 0, 8)).to.equal(0);
    const pid = fake.syscall(parent, Nr.fork)!;
    fake.syscall(fake.task(pid), Nr.exit_group, 5);
    expect(fake.kernel.tasks.byTid(pid)).to.equal(undefined);
    expect(fake.syscall(parent, Nr.wait4, -1, 0, 0, 0)).to.equal(-Errno.ECHILD);
  });

  it('makes threads that share memory and clear their tid word at exit', () => {
    const fake = new FakeKernel();
    const main = fake.boot();
    const tid = fake.syscall(main, Nr.clone, THREAD, SCRATCH + 0x800, SCRATCH, SCRATCH, 0x1234)!;
    const thread = fake.task(tid);
    expect(thread.group).to.equal(main.group);
    expect(main.mm.readU32(SCRATCH)).to.equal(tid);
    expect(fake.syscall(thread, Nr.getpid)).to.equal(1);
    expect(fake.syscall(thread, Nr.gettid)).to.equal(tid);
    expect(fake.syscall(main, Nr.futex, SCRATCH, 0, tid, 0, 0, 0)).to.equal(undefined);
    fake.syscall(thread, Nr.exit, 0);
    expect(main.mm.readU32(SCRATCH)).to.equal(0);
    expect(fake.result(main)).to.equal(0);
    expect(fake.isRunnable(main)).to.equal(true);
    expect(main.group.tasks.size).to.equal(1);
  });

  it('keeps the parent of a vfork waiting until the child executes', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    expect(fake.syscall(parent, Nr.vfork)).to.equal(undefined);
    const child = fake.task(2);
    child.mm.copyOut(SCRATCH, Buffer.from('/program\0'));
    child.mm.writeU64(SCRATCH + 64, BigInt(SCRATCH));
    child.mm.writeU64(SCRATCH + 72, 0n);
    expect(fake.isRunnable(parent)).to.equal(false);
    expect(fake.syscall(child, Nr.execve, SCRATCH, SCRATCH + 64, 0)).to.equal(0);
    expect(Number(child.rip)).to.equal(ENTRY);
    expect(child.mm).to.not.equal(parent.mm);
    expect(fake.isRunnable(parent)).to.equal(true);
    expect(fake.result(parent)).to.equal(2);
  });

  it('execve by a thread ends its siblings and takes the leader tid', () => {
    const fake = new FakeKernel();
    const main = fake.boot();
    const tid = fake.syscall(main, Nr.clone, THREAD, SCRATCH + 0x800, SCRATCH, SCRATCH, 0)!;
    const thread = fake.task(tid);
    main.mm.copyOut(SCRATCH, Buffer.from('/program\0'));
    expect(fake.syscall(main, Nr.pause)).to.equal(undefined);
    fake.syscall(thread, Nr.execve, SCRATCH, 0, 0);
    expect(main.isAlive).to.equal(false);
    expect(thread.tid).to.equal(1);
    expect(fake.kernel.tasks.byTid(1)).to.equal(thread);
    expect(fake.isRunnable(thread)).to.equal(true);
    expect(fake.syscall(thread, Nr.gettid)).to.equal(1);
  });

  it('a failed execve leaves the caller as it was', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    fake.writeFile('/garbage', Buffer.from('not a program'));
    fake.writeFile('/secret', Buffer.from(''), 0o644);
    task.mm.copyOut(SCRATCH, Buffer.from('/garbage\0/missing\0/secret\0'));
    expect(fake.syscall(task, Nr.execve, SCRATCH, 0, 0)).to.equal(-Errno.ENOEXEC);
    expect(fake.syscall(task, Nr.execve, SCRATCH + 9, 0, 0)).to.equal(-Errno.ENOENT);
    expect(fake.syscall(task, Nr.execve, SCRATCH + 18, 0, 0)).to.equal(-Errno.EACCES);
    expect(fake.syscall(task, Nr.execve, 8, 0, 0)).to.equal(-Errno.EFAULT);
  });

  it('gives orphans to the init of their tree, and kills them with it', () => {
    const fake = new FakeKernel();
    const init = fake.boot();
    const middle = fake.task(fake.syscall(init, Nr.fork)!);
    const orphan = fake.task(fake.syscall(middle, Nr.fork)!);
    fake.syscall(middle, Nr.exit_group, 0);
    expect(fake.syscall(orphan, Nr.getppid)).to.equal(1);
    expect(fake.syscall(orphan, Nr.pause)).to.equal(undefined);
    fake.syscall(init, Nr.exit_group, 0);
    expect(orphan.isAlive).to.equal(false);
    expect(fake.kernel.tasks.liveCount).to.equal(0);
  });

  it('answers EAGAIN at the task limit', () => {
    const fake = new FakeKernel({ maxTasks: 2 });
    const task = fake.boot();
    expect(fake.syscall(task, Nr.fork)).to.equal(2);
    expect(fake.syscall(task, Nr.fork)).to.equal(-Errno.EAGAIN);
  });

  it('refuses bad clone flags', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    expect(fake.syscall(task, Nr.clone, Clone.THREAD, 0, 0, 0, 0)).to.equal(-Errno.EINVAL);
    expect(fake.syscall(task, Nr.clone, Clone.SIGHAND, 0, 0, 0, 0)).to.equal(-Errno.EINVAL);
    expect(fake.syscall(task, Nr.clone3, SCRATCH, 8)).to.equal(-Errno.EINVAL);
  });
});
