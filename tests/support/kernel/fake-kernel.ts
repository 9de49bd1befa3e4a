/**
 * A kernel without cores: tests play the core. Guest registers are set by hand, traps are handed to the
 * kernel, and what becomes runnable is collected in a list.
 */
import { FramePool, O_CREAT, O_WRONLY, Reg, RunState, TCB, Trap, createMemory, rootCredentials, viewMemory } from '@troupe/abi';
import type { SharedMemory } from '@troupe/abi';
import { FeatureSet } from '@troupe/kernel/cpu/feature-set.js';
import type { KernelHost } from '@troupe/kernel/host-hooks.js';
import { Kernel, type InitKernelArgs } from '@troupe/kernel/kernel.js';
import { UserNamespace } from '@troupe/abi';
import type { CreateProcessArgs } from '@troupe/kernel/task/create-process.js';
import type { Command } from '@troupe/kernel/task/exec-image.js';
import type { Task } from '@troupe/kernel/task/task.js';
import type { ThreadGroup } from '@troupe/kernel/task/thread-group.js';
import type { SyscallRow } from '@troupe/kernel/syscall/row.js';
import { rows as execRows } from '@troupe/kernel/syscall/rows/exec.js';
import { rows as futexRows } from '@troupe/kernel/syscall/rows/futex.js';
import { rows as memoryPipeRows } from '@troupe/kernel/syscall/rows/pipe.js';
import { rows as pollRows } from '@troupe/kernel/syscall/rows/poll.js';
import { rows as processRows } from '@troupe/kernel/syscall/rows/process.js';
import { rows as sessionRows } from '@troupe/kernel/syscall/rows/session.js';
import { rows as signalRows } from '@troupe/kernel/syscall/rows/signal.js';
import { rows as timeRows } from '@troupe/kernel/syscall/rows/time.js';
import { rows as waitRows } from '@troupe/kernel/syscall/rows/wait.js';
import { ManualTimeSource, Timekeeper } from '@troupe/time';
import { Tmpfs, Vfs, openPath } from '@troupe/vfs';
import type { VfsContext } from '@troupe/vfs';

const MEMORY_BYTES = 128 << 20;
/** Where the test program is loaded; rwx, so that tests may use it as scratch memory. */
export const PROGRAM_BASE = 0x40_0000;
export const SCRATCH = PROGRAM_BASE + 0x1000;
export const ENTRY = PROGRAM_BASE + 0x100;

/** A static ELF64 executable of two pages in one rwx segment. */
export function tinyElf(): Uint8Array {
  const bytes = new Uint8Array(0x2000);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(ENTRY), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setBigUint64(80, BigInt(PROGRAM_BASE), true);
  view.setBigUint64(88, BigInt(PROGRAM_BASE), true);
  view.setBigUint64(96, 0x2000n, true);
  view.setBigUint64(104, 0x2000n, true);
  view.setBigUint64(112, 0x1000n, true);
  return bytes;
}

/** Calls of a fake kernel, unless it gets others. */
export const SIMULATED_ROWS: readonly SyscallRow[] = [...execRows, ...futexRows, ...memoryPipeRows, ...pollRows, ...processRows, ...sessionRows, ...signalRows, ...timeRows, ...waitRows];

export class FakeKernel {
  readonly shared: SharedMemory;
  readonly time = new ManualTimeSource();
  readonly kernel: Kernel;
  /** TCBs on the fake run queue. */
  readonly queue: number[] = [];
  preempted: number[] = [];
  kicks = 0;
  programs: Pick<KernelHost, 'executed' | 'exited'> | undefined;

  constructor(options: { readonly maxTasks?: number; readonly rows?: readonly SyscallRow[]; readonly init?: Partial<InitKernelArgs> } = {}) {
    this.shared = viewMemory(createMemory(MEMORY_BYTES));
    const frames = FramePool.initialise(this.shared, MEMORY_BYTES);
    const realtimeNs = (): bigint => this.time.realtimeNs();
    const vfs = new Vfs({ pool: frames, realtimeNs }, new Tmpfs({ pool: frames, realtimeNs }));
    this.kernel = new Kernel({
      shared: this.shared, frames, vfs, host: this, timekeeper: new Timekeeper(this.time), applicationCores: 2, featureSet: FeatureSet.emulated(), rootUserNamespace: new UserNamespace(), ...options.init,
      rows: options.rows ?? SIMULATED_ROWS,
      ...(options.maxTasks === undefined ? {} : { maxTasks: options.maxTasks }),
    });
    this.writeFile('/program', tinyElf());
  }

  get context(): VfsContext {
    const { root } = this.kernel.vfs;
    return { creds: rootCredentials(), root, cwd: root, umask: 0, pid: 0, tid: 0, realtimeNs: () => this.time.realtimeNs() };
  }

  writeFile(path: string, bytes: Uint8Array, mode = 0o755): void {
    const file = openPath(this.kernel.vfs, this.context, this.kernel.vfs.root, path, O_CREAT | O_WRONLY, mode);
    if (typeof file === 'number') throw new Error(`open ${path}: ${file}`);
    file.incRef();
    file.write(bytes, 0, this.context);
    file.decRef();
  }

  // KernelHost
  enqueue(tcb: number): void {
    this.queue.push(tcb);
  }

  preempt(tcb: number): void {
    this.preempted.push(tcb);
  }

  reschedule(): void {}

  kick(): void {
    this.kicks++;
  }

  executed(group: ThreadGroup, command: Command): void {
    this.programs?.executed(group, command);
  }

  exited(group: ThreadGroup): void {
    this.programs?.exited(group);
  }

  /** A started process. */
  boot(args: Partial<CreateProcessArgs> = {}): Task {
    const group = this.create(args);
    if (this.kernel.started) this.kernel.startProcess(group);
    else this.kernel.start();
    return group.leader;
  }

  create(args: Partial<CreateProcessArgs> = {}): ThreadGroup {
    return this.kernel.createProcess({ argv: ['/program'], ...args });
  }

  isRunnable(task: Task): boolean {
    return task.tcb !== 0 && this.queue.includes(task.tcb);
  }

  /** The core takes the task off the run queue. */
  take(task: Task): void {
    const at = this.queue.indexOf(task.tcb);
    if (at < 0) throw new Error(`task ${task.tid} is not runnable (${task.state})`);
    this.queue.splice(at, 1);
    this.shared.i32[(task.tcb + TCB.off.runState) >> 2] = RunState.RUNNING;
  }

  /** The core hands a task it runs back. */
  trap(task: Task, trap: number): void {
    this.shared.i32[(task.tcb + TCB.off.trap) >> 2] = trap;
    this.shared.i32[(task.tcb + TCB.off.runState) >> 2] = RunState.TRAPPED;
    this.kernel.onTrap(task.tcb);
    this.kernel.drain();
  }

  /** Runs a system call. The result, or undefined while the call waits (or the task is gone). */
  syscall(task: Task, nr: number, ...args: readonly (number | bigint)[]): number | undefined {
    this.take(task);
    [Reg.RDI, Reg.RSI, Reg.RDX, Reg.R10, Reg.R8, Reg.R9].forEach((reg, index) => task.setReg(reg, BigInt(args[index] ?? 0)));
    task.setReg(Reg.RAX, BigInt(nr));
    task.rip += 2n;
    this.trap(task, Trap.SYSCALL);
    return this.isRunnable(task) ? this.result(task) : undefined;
  }

  /** rax of a runnable task. */
  result(task: Task): number {
    return Number(BigInt.asIntN(64, task.getReg(Reg.RAX)));
  }

  /** A safepoint: the task leaves guest code because its interrupt word is set. */
  interrupt(task: Task): void {
    this.take(task);
    this.trap(task, Trap.INTERRUPT);
  }

  exception(task: Task, vector: number, errorCode = 0, addr = 0): void {
    this.take(task);
    this.shared.u32[(task.tcb + TCB.off.trapVector) >> 2] = vector;
    this.shared.u32[(task.tcb + TCB.off.trapErrorCode) >> 2] = errorCode;
    this.shared.u64[(task.tcb + TCB.off.trapAddr) / 8] = BigInt(addr);
    this.trap(task, Trap.EXCEPTION);
  }

  /** Time passes and timers expire. */
  advance(ns: number): void {
    this.time.advance(ns);
    this.kernel.timers.expire(this.kernel.monotonicNs());
    this.kernel.drain();
  }

  task(tid: number): Task {
    const task = this.kernel.tasks.byTid(tid);
    if (!task) throw new Error(`no task ${tid}`);
    return task;
  }
}
