import { Errno, Flag, Nr, Reg, Sa, Si, Sig, TCB, Vector, Wait, killedBy, sigBit, sigSet } from '@troupe/abi';
import { rflagsOf, setRflags } from '@troupe/kernel/signal/frame.js';
import type { Task } from '@troupe/kernel/task/task.js';
import { expect } from 'chai';
import { FakeKernel, PROGRAM_BASE, SCRATCH } from '../../../support/kernel/fake-kernel.js';

const HANDLER = PROGRAM_BASE + 0x200;
const RESTORER = PROGRAM_BASE + 0x300;
/** Offsets in struct rt_sigframe. */
const UC = 8;
const MCONTEXT = UC + 40;
const UC_SIGMASK = UC + 296;
const SIGINFO = 312;

function handle(fake: FakeKernel, task: Task, signo: number, flags = 0, mask = 0n, handler: number = HANDLER): void {
  task.mm.writeU64(SCRATCH, BigInt(handler));
  task.mm.writeU64(SCRATCH + 8, BigInt((flags | Sa.RESTORER) >>> 0));
  task.mm.writeU64(SCRATCH + 16, BigInt(RESTORER));
  task.mm.writeU64(SCRATCH + 24, mask);
  expect(fake.syscall(task, Nr.rt_sigaction, signo, SCRATCH, 0, 8)).to.equal(0);
}

/** The handler returns: pops the restorer's address and calls rt_sigreturn. */
function sigreturn(fake: FakeKernel, task: Task): number | undefined {
  task.setReg(Reg.RSP, task.getReg(Reg.RSP) + 8n);
  return fake.syscall(task, Nr.rt_sigreturn);
}

function setMask(fake: FakeKernel, task: Task, mask: bigint): void {
  task.mm.writeU64(SCRATCH, mask);
  expect(fake.syscall(task, Nr.rt_sigprocmask, 2, SCRATCH, 0, 8)).to.equal(0);
}

describe('signal delivery', () => {
  it('builds the frame of Linux and takes it back', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1, Sa.SIGINFO, sigBit(Sig.USR2));
    const rsp = task.getReg(Reg.RSP);
    task.setReg(Reg.RBX, 0x1122_3344_5566_7788n);
    task.setReg(Reg.R15, 15n);
    setRflags(task, 0x202 | Flag.CF | Flag.DF | Flag.ZF);
    expect(fake.syscall(task, Nr.kill, 1, Sig.USR1)).to.equal(0);
    const frame = Number(task.getReg(Reg.RSP));
    expect(Number(task.rip)).to.equal(HANDLER);
    expect(frame % 16).to.equal(8);
    expect(frame).to.be.lessThan(Number(rsp) - 128 - 512 - 440);
    expect(task.getReg(Reg.RDI)).to.equal(BigInt(Sig.USR1));
    expect(Number(task.getReg(Reg.RSI))).to.equal(frame + SIGINFO);
    expect(Number(task.getReg(Reg.RDX))).to.equal(frame + UC);
    expect(rflagsOf(task) & Flag.DF).to.equal(0);
    expect(task.mm.readUlong(frame)).to.equal(RESTORER);
    expect(task.mm.readU64(frame + UC)).to.equal(6n);
    expect(task.mm.readU64(frame + MCONTEXT + 8 * 11)).to.equal(0x1122_3344_5566_7788n);
    expect(task.mm.readU64(frame + MCONTEXT + 8 * 13)).to.equal(0n);
    expect(task.mm.readU64(frame + MCONTEXT + 8 * 15)).to.equal(rsp);
    expect(task.mm.readU16(frame + MCONTEXT + 144)).to.equal(0x33);
    expect(task.mm.readUlong(frame + MCONTEXT + 184) % 64).to.equal(0);
    expect(task.mm.readU64(frame + UC_SIGMASK)).to.equal(0n);
    expect(task.mm.readI32(frame + SIGINFO)).to.equal(Sig.USR1);
    expect(task.mm.readI32(frame + SIGINFO + 16)).to.equal(1);
    expect(task.sigMask).to.equal(sigSet(Sig.USR1, Sig.USR2));
    task.setReg(Reg.RBX, 0n);
    expect(sigreturn(fake, task)).to.equal(0);
    expect(task.getReg(Reg.RBX)).to.equal(0x1122_3344_5566_7788n);
    expect(task.getReg(Reg.RSP)).to.equal(rsp);
    expect(rflagsOf(task)).to.equal(0x202 | Flag.CF | Flag.DF | Flag.ZF);
    expect(task.sigMask).to.equal(0n);
  });

  it('saves and restores x87 and SSE state', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    const { u8 } = fake.shared;
    const xmm = (): Uint8Array => u8.slice(task.tcb + TCB.off.xmm, task.tcb + TCB.off.xmm + 256);
    const st = (n: number): Uint8Array => u8.slice(task.tcb + TCB.off.st + 16 * n, task.tcb + TCB.off.st + 16 * n + 10);
    for (let n = 0; n < 256; n++) u8[task.tcb + TCB.off.xmm + n] = n;
    for (let n = 0; n < 8; n++) u8.fill(n + 1, task.tcb + TCB.off.st + 16 * n, task.tcb + TCB.off.st + 16 * n + 10);
    fake.shared.u16[(task.tcb + TCB.off.fsw) >> 1] = 3 << 11;
    fake.syscall(task, Nr.kill, 1, Sig.USR1);
    const fpstate = task.mm.readUlong(Number(task.getReg(Reg.RDX)) + 40 + 184);
    expect(task.mm.readU8(fpstate + 32)).to.equal(4);
    expect(xmm()).to.deep.equal(new Uint8Array(256));
    expect(fake.shared.u16[(task.tcb + TCB.off.fcw) >> 1]).to.equal(0x37f);
    sigreturn(fake, task);
    expect(xmm()).to.deep.equal(Uint8Array.from({ length: 256 }, (_, n) => n));
    expect(st(5)).to.deep.equal(new Uint8Array(10).fill(6));
  });

  it('ends the process by the default action and reports it', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    const child = fake.task(fake.syscall(parent, Nr.fork)!);
    expect(fake.syscall(child, Nr.pause)).to.equal(undefined);
    expect(fake.syscall(parent, Nr.kill, child.tid, Sig.SEGV)).to.equal(0);
    expect(child.group.exitStatus).to.deep.equal(killedBy(Sig.SEGV));
    expect(fake.syscall(parent, Nr.wait4, -1, SCRATCH, 0, 0)).to.equal(2);
    expect(parent.mm.readU32(SCRATCH)).to.equal(0x0b);
  });

  it('delivers several signals as nested frames, lowest number run last', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    handle(fake, task, Sig.USR2, 0, 0n, HANDLER + 1);
    setMask(fake, task, sigSet(Sig.USR1, Sig.USR2));
    fake.syscall(task, Nr.kill, 1, Sig.USR2);
    fake.syscall(task, Nr.kill, 1, Sig.USR1);
    setMask(fake, task, 0n);
    expect(Number(task.rip)).to.equal(HANDLER + 1);
    sigreturn(fake, task);
    expect(Number(task.rip)).to.equal(HANDLER);
  });

  it('queues real-time signals in order with their values', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    setMask(fake, task, sigSet(34, 35));
    const queue = (signo: number, value: bigint): void => {
      task.mm.zeroOut(SCRATCH, 128);
      task.mm.writeU32(SCRATCH + 8, -1);
      task.mm.writeU64(SCRATCH + 24, value);
      expect(fake.syscall(task, Nr.rt_sigqueueinfo, 1, signo, SCRATCH)).to.equal(0);
    };
    queue(35, 3n);
    queue(34, 1n);
    queue(34, 2n);
    const taken: number[][] = [];
    for (let n = 0; n < 3; n++) {
      task.mm.writeU64(SCRATCH, sigSet(34, 35));
      const signo = fake.syscall(task, Nr.rt_sigtimedwait, SCRATCH, SCRATCH + 0x100, 0, 8)!;
      taken.push([signo, Number(task.mm.readU64(SCRATCH + 0x118))]);
    }
    expect(taken).to.deep.equal([[34, 1], [34, 2], [35, 3]]);
  });

  it('waits for a signal with a timeout', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    setMask(fake, task, sigBit(Sig.USR1));
    task.mm.writeU64(SCRATCH, sigBit(Sig.USR1));
    task.mm.writeU64(SCRATCH + 16, 1n);
    task.mm.writeU64(SCRATCH + 24, 0n);
    expect(fake.syscall(task, Nr.rt_sigtimedwait, SCRATCH, 0, SCRATCH + 16, 8)).to.equal(undefined);
    fake.advance(1_000_000_000);
    expect(fake.result(task)).to.equal(-Errno.EAGAIN);
    expect(fake.syscall(task, Nr.rt_sigtimedwait, SCRATCH, 0, SCRATCH + 16, 8)).to.equal(undefined);
    fake.kernel.signals.sendToGroup(task.group, { signo: Sig.USR1, code: Si.USER });
    fake.kernel.drain();
    expect(fake.result(task)).to.equal(Sig.USR1);
  });

  it('interrupts a wait: EINTR, SA_RESTART, and no handler', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    fake.syscall(task, Nr.fork);
    const send = (signo: number): void => {
      fake.kernel.signals.sendToGroup(task.group, { signo, code: Si.USER });
      fake.kernel.drain();
    };
    expect(fake.syscall(task, Nr.wait4, -1, 0, 0, 0)).to.equal(undefined);
    const after = task.rip;
    send(Sig.USR1);
    expect(Number(task.rip)).to.equal(HANDLER);
    expect(sigreturn(fake, task)).to.equal(-Errno.EINTR);
    expect(task.rip).to.equal(after);
    handle(fake, task, Sig.USR1, Sa.RESTART);
    expect(fake.syscall(task, Nr.wait4, -1, 0, 0, 0)).to.equal(undefined);
    const next = task.rip;
    send(Sig.USR1);
    expect(sigreturn(fake, task)).to.equal(Nr.wait4);
    expect(task.rip).to.equal(next - 2n);
  });

  it('continues a sleep after a stop by restart_syscall with the rest of the time', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    const task = fake.task(fake.syscall(parent, Nr.fork)!);
    task.mm.writeU64(SCRATCH, 10n);
    task.mm.writeU64(SCRATCH + 8, 0n);
    expect(fake.syscall(task, Nr.nanosleep, SCRATCH, 0)).to.equal(undefined);
    fake.advance(4e9);
    fake.syscall(parent, Nr.kill, task.tid, Sig.STOP);
    expect(task.state).to.equal('stopped');
    expect(fake.syscall(parent, Nr.wait4, -1, SCRATCH, Wait.UNTRACED, 0)).to.equal(task.tid);
    expect(parent.mm.readU32(SCRATCH)).to.equal(0x137f);
    fake.syscall(parent, Nr.kill, task.tid, Sig.CONT);
    expect(fake.result(task)).to.equal(Nr.restart_syscall);
    expect(fake.syscall(parent, Nr.wait4, -1, SCRATCH, Wait.CONTINUED, 0)).to.equal(task.tid);
    expect(parent.mm.readU32(SCRATCH)).to.equal(0xffff);
    expect(fake.syscall(task, Nr.restart_syscall)).to.equal(undefined);
    fake.advance(5.9e9);
    expect(fake.isRunnable(task)).to.equal(false);
    fake.advance(0.2e9);
    expect(fake.isRunnable(task)).to.equal(true);
  });

  it('restores the mask after sigsuspend and lets the handler see the temporary one', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    setMask(fake, task, sigBit(Sig.USR1));
    task.mm.writeU64(SCRATCH, sigBit(Sig.USR2));
    expect(fake.syscall(task, Nr.rt_sigsuspend, SCRATCH, 8)).to.equal(undefined);
    fake.kernel.signals.sendToGroup(task.group, { signo: Sig.USR1, code: Si.USER });
    fake.kernel.drain();
    expect(Number(task.rip)).to.equal(HANDLER);
    expect(task.sigMask).to.equal(sigSet(Sig.USR1, Sig.USR2));
    expect(sigreturn(fake, task)).to.equal(-Errno.EINTR);
    expect(task.sigMask).to.equal(sigBit(Sig.USR1));
  });

  it('answers EFAULT when an interrupted call cannot store what is left', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    task.mm.writeU64(SCRATCH, 10n);
    task.mm.writeU64(SCRATCH + 8, 0n);
    expect(fake.syscall(task, Nr.nanosleep, SCRATCH, 8)).to.equal(undefined);
    fake.kernel.signals.sendToGroup(task.group, { signo: Sig.USR1, code: Si.USER });
    fake.kernel.drain();
    expect(Number(task.rip)).to.equal(HANDLER);
    expect(sigreturn(fake, task)).to.equal(-Errno.EFAULT);
  });

  it('gives a swapped mask back before delivery when the call succeeded', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1);
    setMask(fake, task, sigBit(Sig.USR1));
    fake.syscall(task, Nr.kill, 1, Sig.USR1);
    expect(fake.syscall(task, Nr.pipe, SCRATCH)).to.equal(0);
    const writer = task.mm.readI32(SCRATCH + 4);
    task.mm.writeU32(SCRATCH, writer);
    task.mm.writeU32(SCRATCH + 4, 4);
    task.mm.writeU64(SCRATCH + 8, 0n);
    expect(fake.syscall(task, Nr.ppoll, SCRATCH, 1, 0, SCRATCH + 8, 8)).to.equal(1);
    expect(Number(task.rip)).to.not.equal(HANDLER);
    expect(task.sigMask).to.equal(sigBit(Sig.USR1));
    expect(task.pending.set | task.group.pending.set).to.equal(sigBit(Sig.USR1));
  });

  it('turns exceptions into signals with code and address', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    for (const signo of [Sig.SEGV, Sig.FPE, Sig.ILL, Sig.TRAP]) handle(fake, task, signo, Sa.SIGINFO);
    const expectInfo = (signo: number, code: number, addr: number): void => {
      const info = Number(task.getReg(Reg.RSI));
      expect([task.mm.readI32(info), task.mm.readI32(info + 8), task.mm.readUlong(info + 16)]).to.deep.equal([signo, code, addr]);
      sigreturn(fake, task);
    };
    fake.exception(task, Vector.PF, 2, 0x10);
    expect(task.mm.readUlong(Number(task.getReg(Reg.RDX)) + 40 + 176)).to.equal(0x10);
    expect(task.mm.readUlong(Number(task.getReg(Reg.RDX)) + 40 + 160)).to.equal(14);
    expectInfo(Sig.SEGV, Si.SEGV_MAPERR, 0x10);
    fake.exception(task, Vector.DE);
    expectInfo(Sig.FPE, Si.FPE_INTDIV, Number(task.rip === 0n ? 0n : faultRip(task)));
    fake.exception(task, Vector.GP);
    expectInfo(Sig.SEGV, Si.KERNEL, 0);
    fake.exception(task, Vector.BP);
    expectInfo(Sig.TRAP, Si.KERNEL, 0);
  });

  it('kills by a blocked or ignored fault', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.SEGV);
    setMask(fake, task, sigBit(Sig.SEGV));
    fake.exception(task, Vector.PF, 0, 0x10);
    expect(task.group.exitStatus).to.deep.equal(killedBy(Sig.SEGV));
  });

  it('runs handlers on the alternate stack and reports it', () => {
    const fake = new FakeKernel();
    const task = fake.boot();
    handle(fake, task, Sig.USR1, Sa.ONSTACK);
    const stack = task.mm.mmap({ addr: 0, lengthBytes: 0x4000, prot: 3, flags: 0x22 });
    task.mm.writeU64(SCRATCH, BigInt(stack));
    task.mm.writeU64(SCRATCH + 8, 0n);
    task.mm.writeU64(SCRATCH + 16, 0x4000n);
    expect(fake.syscall(task, Nr.sigaltstack, SCRATCH, SCRATCH + 64)).to.equal(0);
    expect(task.mm.readU32(SCRATCH + 72)).to.equal(2);
    fake.syscall(task, Nr.kill, 1, Sig.USR1);
    const rsp = Number(task.getReg(Reg.RSP));
    expect(rsp > stack && rsp < stack + 0x4000).to.equal(true);
    expect(fake.syscall(task, Nr.sigaltstack, SCRATCH, 0)).to.equal(-Errno.EPERM);
    expect(fake.syscall(task, Nr.sigaltstack, 0, SCRATCH + 64)).to.equal(0);
    expect(task.mm.readU32(SCRATCH + 72)).to.equal(1);
  });

  it('tells a running task to leave guest code', () => {
    const fake = new FakeKernel();
    const parent = fake.boot();
    const child = fake.task(fake.syscall(parent, Nr.fork)!);
    fake.take(child);
    fake.syscall(parent, Nr.kill, child.tid, Sig.TERM);
    expect(fake.preempted).to.deep.equal([child.tcb]);
    fake.trap(child, 3);
    expect(child.group.exitStatus).to.deep.equal(killedBy(Sig.TERM));
  });

  it('checks permission', () => {
    const fake = new FakeKernel();
    const root = fake.boot();
    const user = fake.task(fake.syscall(root, Nr.fork)!);
    user.creds = { ...user.creds, uid: 1, euid: 1, suid: 1, capEffective: 0n };
    expect(fake.syscall(user, Nr.kill, 1, Sig.TERM)).to.equal(-Errno.EPERM);
    expect(fake.syscall(user, Nr.kill, 1, Sig.CONT)).to.equal(0);
    expect(fake.syscall(user, Nr.kill, 1, 0)).to.equal(-Errno.EPERM);
    expect(fake.syscall(user, Nr.kill, 999, 0)).to.equal(-Errno.ESRCH);
    expect(fake.syscall(user, Nr.kill, 1, 65)).to.equal(-Errno.EINVAL);
  });

  it('stops a job on SIGTSTP unless its group is orphaned', () => {
    const fake = new FakeKernel();
    const shell = fake.boot();
    const job = fake.task(fake.syscall(shell, Nr.fork)!);
    expect(fake.syscall(job, Nr.setpgid, 0, 0)).to.equal(0);
    fake.syscall(job, Nr.kill, 0, Sig.TSTP);
    expect(job.state).to.equal('stopped');
    fake.syscall(shell, Nr.kill, -job.tid, Sig.CONT);
    expect(fake.isRunnable(job)).to.equal(true);
    expect(fake.syscall(shell, Nr.kill, 1, Sig.TSTP)).to.equal(0);
    expect(fake.isRunnable(shell)).to.equal(true);
    fake.syscall(job, Nr.kill, 0, Sig.STOP);
    fake.syscall(shell, Nr.kill, job.tid, Sig.KILL);
    expect(job.group.exitStatus).to.deep.equal(killedBy(Sig.KILL));
  });
});

function faultRip(task: Task): bigint {
  return task.mm.readU64(Number(task.getReg(Reg.RDX)) + 40 + 128);
}
