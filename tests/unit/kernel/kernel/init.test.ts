import { RLIMIT_COUNT, Sig, rootCredentials } from '@troupe/abi';
import { FeatureSet } from '@troupe/kernel/cpu/feature-set.js';
import { maxOfCpuList, maxPossibleCpu } from '@troupe/kernel/cpu/host-cpus.js';
import type { InitKernelArgs } from '@troupe/kernel/kernel.js';
import { UserNamespace, hasCapIn } from '@troupe/abi';
import { UtsNamespace } from '@troupe/kernel/namespace/uts-namespace.js';
import { expect } from 'chai';
import { FakeKernel } from '../../../support/kernel/fake-kernel.js';

function init(args: { [K in keyof InitKernelArgs]?: InitKernelArgs[K] | undefined }): FakeKernel {
  return new FakeKernel({ init: args as Partial<InitKernelArgs> });
}

describe('Kernel init', () => {
  it('names the argument that is missing', () => {
    expect(() => init({ featureSet: undefined })).to.throw('FeatureSet is missing');
    expect(() => init({ timekeeper: undefined })).to.throw('Timekeeper is missing');
    expect(() => init({ rootUserNamespace: undefined })).to.throw('RootUserNamespace is missing');
    expect(() => init({ applicationCores: 0 })).to.throw('ApplicationCores is 0');
    expect(() => init({ applicationCores: NaN })).to.throw('ApplicationCores is 0');
  });

  it('checks in the order of the seed', () => {
    expect(() => init({ featureSet: undefined, timekeeper: undefined, applicationCores: 0 })).to.throw('FeatureSet is missing');
  });

  it('raises applicationCores to the CPUs of the host when asked', () => {
    const hostCpus = maxPossibleCpu() + 1;
    expect(init({ applicationCores: 1, useHostCores: true }).kernel.applicationCores).to.equal(hostCpus);
    expect(init({ applicationCores: hostCpus + 3, useHostCores: true }).kernel.applicationCores).to.equal(hostCpus + 3);
    expect(init({ applicationCores: 1 }).kernel.applicationCores).to.equal(1);
  });

  it('reads CPU lists', () => {
    expect(maxOfCpuList('0-3\n')).to.equal(3);
    expect(maxOfCpuList('0')).to.equal(0);
    expect(maxOfCpuList('0-1,8-11,4')).to.equal(11);
    expect(() => maxOfCpuList('0-x')).to.throw('bad CPU list');
    expect(maxPossibleCpu('/nonexistent')).to.be.at.least(0);
  });

  it('has the first namespaces, owned by the root user namespace', () => {
    const user = new UserNamespace();
    const { kernel } = init({ rootUserNamespace: user, rootUtsNamespace: new UtsNamespace(user, 'box') });
    expect(kernel.rootUserNamespace).to.equal(user);
    expect(kernel.rootUtsNamespace.hostname).to.equal('box');
    expect(kernel.rootIpcNamespace.userNamespace).to.equal(user);
    expect(kernel.rootPidNamespace.userNamespace).to.equal(user);
    expect(hasCapIn(rootCredentials(), user, 21)).to.equal(true);
    const inodes = [user, kernel.rootUtsNamespace, kernel.rootIpcNamespace, kernel.rootPidNamespace].map(({ inode }) => inode);
    expect(inodes).to.deep.equal([4026531837, 4026531838, 4026531839, 4026531836]);
  });

  it('finds tasks and groups by their ids in the root PID namespace', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    const { rootPidNamespace } = fake.kernel;
    expect(rootPidNamespace.idOfTask(task)).to.equal(1);
    expect(rootPidNamespace.idOfThreadGroup(task.group)).to.equal(1);
    expect(rootPidNamespace.taskWithId(1)).to.equal(task);
    expect(rootPidNamespace.threadGroupWithId(1)).to.equal(task.group);
    fake.kernel.signals.sendToGroup(task.group, { signo: Sig.KILL, code: 0 });
    fake.interrupt(task);
    expect(rootPidNamespace.idOfTask(task)).to.equal(0);
    expect(rootPidNamespace.idOfThreadGroup(task.group)).to.equal(0);
  });

  it('makes inotify cookies that wrap around and skip 0', () => {
    const { kernel } = new FakeKernel();
    expect(kernel.generateInotifyCookie()).to.equal(1);
    kernel.lastInotifyCookie = 0xffff_fffe;
    expect([kernel.generateInotifyCookie(), kernel.generateInotifyCookie(), kernel.generateInotifyCookie()]).to.deep.equal([0xffff_ffff, 1, 2]);
  });

  it('logs what it is made of', () => {
    const text = init({ applicationCores: 3 }).kernel.syslog.readAll(10_000);
    expect(text).to.match(/^<6>\[ {4}0\.000000\] Linux version 6\.1\.0-troupe /);
    expect(text).to.include('Brought up 1 node, 3 CPUs\n');
  });

  it('reports to its owner and to the log', () => {
    const { kernel } = new FakeKernel();
    const heard: string[] = [];
    kernel.onReport = (message) => heard.push(message);
    kernel.report('core 1 ended');
    expect(heard).to.deep.equal(['core 1 ended']);
    expect(kernel.syslog.readAll(10_000)).to.include('<3>[    0.000000] core 1 ended\n');
  });
});

describe('FeatureSet', () => {
  it('holds what the instruction rows implement', () => {
    const emulated = FeatureSet.emulated();
    expect(emulated.names).to.include.members(['fpu', 'sse2', 'cx16', 'popcnt', 'sse4_2', 'lm']);
    expect(emulated.has('avx')).to.equal(false);
    expect(emulated.hwcap & (1 << 26)).to.not.equal(0);
    expect(new FeatureSet(['fpu', 'sse4_2']).hwcap).to.equal(1);
  });

  it('names the features another machine lacks', () => {
    const emulated = FeatureSet.emulated();
    emulated.checkCompatible();
    new FeatureSet(['sse2']).checkCompatible();
    expect(() => new FeatureSet(['sse2', 'avx', 'avx2']).checkCompatible()).to.throw('CPU features are missing: avx, avx2');
    expect(emulated.missingIn(new FeatureSet(emulated.names))).to.deep.equal([]);
  });
});

describe('contexts without a task', () => {
  it('the supervisor is root without limits and sees the root of init', () => {
    const fake = new FakeKernel();
    const { kernel } = fake;
    const context = kernel.supervisorContext();
    expect(context.credentials.euid).to.equal(0);
    expect(Array.from({ length: RLIMIT_COUNT }, (_, n) => context.limits.soft(n))).to.deep.equal(Array(RLIMIT_COUNT).fill(Infinity));
    expect(context.root.dentry).to.equal(kernel.vfs.root.dentry);
    const task = fake.boot();
    expect(context.root).to.equal(task.fs.root);
    expect(context.canTrace(task)).to.equal(true);
    expect(context.kernel).to.equal(kernel);
    expect([context.pidNamespace, context.utsNamespace, context.ipcNamespace, context.abstractSocketNamespace])
      .to.deep.equal([kernel.rootPidNamespace, kernel.rootUtsNamespace, kernel.rootIpcNamespace, kernel.ipc.unixNames]);
    expect(context.realtimeClock).to.equal(kernel.realtimeClock);
    expect(context.featureSet).to.equal(kernel.featureSet);
    expect(context.uniqueId()).to.equal(kernel.uniqueId() - 1);
    expect(context.inotifyCookie()).to.equal(1);
    expect(context.vfsContext()).to.include({ pid: 0, umask: 0, root: task.fs.root });
  });
});
