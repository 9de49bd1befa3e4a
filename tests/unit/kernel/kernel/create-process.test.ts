import { Af, Errno, LimitSet, Nr, O_RDONLY, Rlimit, Sig, Sock, userCredentials } from '@troupe/abi';
import { CreateProcessContext } from '@troupe/kernel/context/create-process-context.js';
import { FdTable } from '@troupe/kernel/fdtable.js';
import { FsContext } from '@troupe/kernel/fs-context.js';
import { IpcNamespace } from '@troupe/kernel/namespace/ipc-namespace.js';
import { PidNamespace } from '@troupe/kernel/namespace/pid-namespace.js';
import { UtsNamespace } from '@troupe/kernel/namespace/uts-namespace.js';
import { SYSCALL_ROWS } from '@troupe/kernel/syscall/table.js';
import { ExecError } from '@troupe/kernel/task/create-process.js';
import { HostStream, UnixNamespace, makeDirectory, openPath } from '@troupe/vfs';
import { expect } from 'chai';
import { FakeKernel, SCRATCH, tinyElf } from '../../../support/kernel/fake-kernel.js';

function withDirectory(mode = 0o755): FakeKernel {
  const fake = new FakeKernel();
  makeDirectory(fake.context, fake.kernel.vfs.root, '/work', mode);
  fake.writeFile('/work/tool', tinyElf());
  return fake;
}

describe('createProcess', () => {
  it('takes the filename, then the open file, then argv[0]', () => {
    const fake = withDirectory();
    const { kernel } = fake;
    const file = openPath(kernel.vfs, fake.context, kernel.vfs.root, '/work/tool', O_RDONLY, 0);
    if (typeof file === 'number') throw new Error(`open: ${file}`);
    file.incRef();
    expect(fake.create({ filename: '/program', file, argv: ['x'] }).leader.name).to.equal('program');
    expect(fake.create({ file, argv: ['x'] }).leader.mm.image.exe).to.equal(file.node);
    expect(fake.create({ argv: ['/work/tool'] }).leader.name).to.equal('tool');
    expect(file.refs).to.be.greaterThan(0);
  });

  it('refuses what names no program', () => {
    const fake = withDirectory();
    expect(() => fake.create({ argv: [] })).to.throw('no filename or command provided');
    expect(() => fake.create({ argv: ['work/tool'] })).to.throw("'work/tool' is not an absolute path");
    expect(() => fake.create({ argv: ['/missing'] })).to.throw(ExecError, 'ENOENT');
    expect(fake.kernel.tasks.count).to.equal(0);
    expect(fake.kernel.globalInit).to.equal(null);
  });

  it('resolves the filename from the working directory', () => {
    const fake = withDirectory();
    const { leader } = fake.create({ workingDirectory: '/work', filename: 'tool' });
    expect(leader.fs.cwd.dentry.name).to.equal('work');
    expect(leader.fs.root.dentry).to.equal(fake.kernel.vfs.root.dentry);
  });

  it('refuses a working directory that is missing, no directory, or closed to the user', () => {
    const fake = withDirectory(0o700);
    const message = "failed to find initial working directory";
    expect(() => fake.create({ workingDirectory: '/nowhere' })).to.throw(`${message} '/nowhere': ENOENT`);
    expect(() => fake.create({ workingDirectory: '/program' })).to.throw(`${message} '/program': ENOTDIR`);
    expect(() => fake.create({ workingDirectory: '/work', credentials: userCredentials(7, 7, []) })).to.throw(`${message} '/work': EACCES`);
  });

  it('gives a process names of local sockets of its own', () => {
    const fake = new FakeKernel({ rows: SYSCALL_ROWS });
    const abstractSocketNamespace = new UnixNamespace(fake.kernel.ipc);
    const [first, second] = [fake.boot(), fake.boot({ abstractSocketNamespace })];
    const answers = [first, second].map((task) => {
      task.mm.copyOut(SCRATCH, Uint8Array.of(Af.UNIX, 0, 0, 0x78));
      const fd = fake.syscall(task, Nr.socket, Af.UNIX, Sock.STREAM, 0)!;
      const other = fake.syscall(task, Nr.socket, Af.UNIX, Sock.STREAM, 0)!;
      const bound = fake.syscall(task, Nr.bind, fd, SCRATCH, 4);
      return [bound, fake.syscall(task, Nr.bind, other, SCRATCH, 4)];
    });
    expect(answers).to.deep.equal([[0, -Errno.EADDRINUSE], [0, -Errno.EADDRINUSE]]);
    expect(second.namespaces.net.abstractSockets).to.equal(abstractSocketNamespace);
    expect(new CreateProcessContext(fake.kernel, { argv: [], abstractSocketNamespace }, first.fs).abstractSocketNamespace).to.equal(abstractSocketNamespace);
    expect(fake.kernel.sockets.list()).to.have.length(4);
  });

  it('uses credentials, umask, limits, container and descriptor table as given', () => {
    const fake = new FakeKernel();
    const limits = new LimitSet();
    limits.set(Rlimit.NOFILE, { soft: 5, hard: 6 });
    const fds = new FdTable(fake.kernel.uniqueId());
    fds.install(new HostStream({ flags: O_RDONLY }), false, 10);
    const { leader } = fake.create({ credentials: userCredentials(10, 20, [30]), umask: 0o77, limits, fds, containerId: 'c' });
    expect([leader.creds.euid, leader.creds.egid, leader.fs.umask, leader.group.containerId]).to.deep.equal([10, 20, 0o77, 'c']);
    expect(leader.group.limits.soft(Rlimit.NOFILE)).to.equal(5);
    expect(leader.fds).to.equal(fds);
    expect(fds.isShared).to.equal(true);
    fds.release();
    expect([fds.isShared, leader.fds.openCount]).to.deep.equal([false, 1]);
  });

  it('puts the process into the namespaces of its arguments', () => {
    const fake = new FakeKernel();
    const { kernel } = fake;
    const user = kernel.rootUserNamespace;
    fake.create();
    const uts = new UtsNamespace(user, 'inner');
    const ipc = new IpcNamespace(user, 1);
    const pid = new PidNamespace(kernel.tasks, user, kernel.rootPidNamespace, 2);
    const mount = kernel.vfs.mounts.copyNamespace(user, 3, new Map());
    const { leader } = fake.create({ utsNamespace: uts, ipcNamespace: ipc, pidNamespace: pid, mountNamespace: mount });
    expect([leader.namespaces.uts, leader.namespaces.ipc, leader.namespaces.mount, leader.group.pidNamespace]).to.deep.equal([uts, ipc, mount, pid]);
    expect(leader.fs.root.equals(mount.root.rootNode)).to.equal(true);
    expect([pid.idOfTask(leader), kernel.rootPidNamespace.idOfTask(leader), pid.init]).to.deep.equal([1, 2, leader.group]);
  });

  it('keeps the first process as globalInit, also after its end', () => {
    const fake = new FakeKernel();
    const first = fake.create();
    const second = fake.create();
    expect(fake.kernel.globalInit).to.equal(first);
    expect([first.tgid, second.tgid]).to.deep.equal([1, 2]);
    fake.kernel.start();
    fake.kernel.signals.sendToGroup(first, { signo: Sig.KILL, code: 0 });
    fake.interrupt(first.leader);
    expect(fake.kernel.globalInit).to.equal(first);
  });

  it('after start, runs nothing before startProcess, which works once', () => {
    const fake = new FakeKernel();
    fake.boot();
    const group = fake.create();
    expect(fake.isRunnable(group.leader)).to.equal(false);
    fake.kernel.startProcess(group);
    expect(fake.isRunnable(group.leader)).to.equal(true);
    expect(() => fake.kernel.startProcess(group)).to.throw('started twice');
  });

  it('leaves no memory behind when there is no room for another process', () => {
    const fake = new FakeKernel({ maxTasks: 1 });
    fake.create();
    const { framesInUse } = fake.kernel.frames;
    expect(() => fake.create()).to.throw(ExecError).with.property('errno', Errno.EAGAIN);
    expect(fake.kernel.frames.framesInUse).to.equal(framesInUse);
  });

  it('gives the context of the process that is being made', () => {
    const fake = withDirectory();
    const { root } = fake.kernel.vfs;
    const limits = new LimitSet();
    const credentials = userCredentials(3, 4, []);
    const context = new CreateProcessContext(fake.kernel, { argv: [], credentials, limits }, new FsContext(root, root, 0o27));
    expect(context.credentials).to.equal(credentials);
    expect(context.limits).to.equal(limits);
    expect(context.pidNamespace).to.equal(fake.kernel.rootPidNamespace);
    expect(context.vfsContext()).to.include({ creds: credentials, root, cwd: root, umask: 0o27 });
  });
});

describe('sendContainerSignal', () => {
  it('sends to every process of the container and answers the last error', () => {
    const fake = new FakeKernel();
    const limits = new LimitSet();
    limits.set(Rlimit.SIGPENDING, { soft: 0, hard: 0 });
    const groups = [fake.create({ containerId: 'a', limits }), fake.create({ containerId: 'a' }), fake.create({ containerId: 'b' })];
    const info = { signo: 40, code: -1 };
    expect(fake.kernel.sendContainerSignal('a', info)).to.equal(-Errno.EAGAIN);
    expect(groups.map((group) => group.pending.count)).to.deep.equal([0, 1, 0]);
    expect(fake.kernel.sendContainerSignal('b', info)).to.equal(0);
    expect(fake.kernel.sendContainerSignal('nobody', info)).to.equal(0);
  });
});
