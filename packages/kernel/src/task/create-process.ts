/** Processes made from outside (kernel.go CreateProcess). */
import type { Credentials } from '@troupe/abi';
import { ConfigError, Invariant, LimitSet, RunState, Sig, TCB, errnoName, rootCredentials } from '@troupe/abi';
import type { FileDescription, PathNode, VfsContext } from '@troupe/vfs';
import { Follow } from '@troupe/vfs';
import { FdTable } from '../fdtable.js';
import { FsContext } from '../fs-context.js';
import type { Kernel } from '../kernel.js';
import { SignalHandlers } from '../signal/signal-handlers.js';
import { setTcbIds } from './clone.js';
import { loadImage, openExecutable } from './exec-image.js';
import type { ExecImage } from './exec-image.js';
import { installFirstImage } from './exec.js';
import { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** kernel.go CreateProcessArgs. Strings are byte strings (one char per byte). */
export interface CreateProcessArgs {
  /** Program to run; when absent `file`, then argv[0], which must be absolute. */
  readonly filename?: string;
  /** An open program. The caller keeps its reference. */
  readonly file?: FileDescription;
  readonly argv: readonly string[];
  readonly envp?: readonly string[];
  /** Default: the root directory. */
  readonly workingDirectory?: string;
  readonly credentials?: Credentials;
  /** The process takes over one user of the table; default an empty one. */
  readonly fds?: FdTable;
  readonly umask?: number;
  readonly limits?: LimitSet;
  /** Root of the file tree the process sees; default the VFS root. */
  readonly root?: PathNode;
  readonly containerId?: string;
  /** Adopts orphans of its descendants and takes them along when it ends. Default true. */
  readonly isInit?: boolean;
}

const DEFAULT_UMASK = 0o022;
const ALL_CORES = 0xffff_ffff_ffff_ffffn;

/** Makes the process; it does not run yet. Throws ConfigError when program or directory cannot be used. */
export function createProcess(kernel: Kernel, args: CreateProcessArgs): ThreadGroup {
  const limits = args.limits ?? new LimitSet();
  const creds = args.credentials ?? rootCredentials();
  const fs = fsContextFor(kernel, args, creds);
  const path = programPath(args);
  const image = loadFirstImage(kernel, args, contextFor(kernel, fs, creds), path, limits);
  const task = newLeader(kernel, limits, args);
  task.fs = fs;
  task.fds = args.fds ?? new FdTable(kernel.uniqueId());
  installFirstImage(task, image);
  return task.group;
}

function programPath(args: CreateProcessArgs): string {
  if (args.filename) return args.filename;
  const first = args.argv[0];
  if (args.file) return first ?? '';
  if (first === undefined) throw new ConfigError('no filename or command provided', 'argv');
  if (!first.startsWith('/')) throw new ConfigError(`'${first}' is not an absolute path`, 'argv[0]');
  return first;
}

function contextFor(kernel: Kernel, fs: FsContext, creds: Credentials): VfsContext {
  return { creds, root: fs.root, cwd: fs.cwd, umask: fs.umask, pid: 0, tid: 0, realtimeNs: () => kernel.realtimeNs() };
}

function fsContextFor(kernel: Kernel, args: CreateProcessArgs, creds: Credentials): FsContext {
  const root = args.root ?? kernel.vfs.root;
  const fs = new FsContext(root, root, args.umask ?? DEFAULT_UMASK);
  if (!args.workingDirectory) return fs;
  const cwd = kernel.vfs.lookup(contextFor(kernel, fs, creds), root, args.workingDirectory, Follow.YES);
  if (typeof cwd === 'number') throw new ConfigError(`failed to find initial working directory '${args.workingDirectory}': ${errnoName(-cwd)}`, 'workingDirectory');
  fs.cwd = cwd;
  return fs;
}

/** Why a program could not be started; `errno` decides between exit status 126 and 127. */
export class ExecError extends ConfigError {
  constructor(readonly errno: number, path: string) {
    super(`cannot execute: ${errnoName(errno)}`, path);
  }
}

function loadFirstImage(kernel: Kernel, args: CreateProcessArgs, ctx: VfsContext, path: string, limits: LimitSet): ExecImage {
  const file = args.file && !args.filename ? args.file.incRef() : openExecutable(kernel, ctx, ctx.cwd, path);
  if (typeof file === 'number') throw new ExecError(-file, path);
  const image = loadImage({ kernel, ctx, file, path, argv: args.argv, envp: args.envp ?? [], limits, noNewPrivs: false });
  if (typeof image === 'number') throw new ExecError(-image, path);
  return image;
}

function newLeader(kernel: Kernel, limits: LimitSet, args: CreateProcessArgs): Task {
  const tid = kernel.tasks.allocateTid();
  const tcb = tid < 0 ? tid : kernel.tcbs.alloc();
  if (tcb < 0) throw new Invariant(`no room for another process: ${errnoName(-tcb)}`);
  const group = kernel.tasks.newThreadGroup(new SignalHandlers(), Sig.CHLD, limits);
  const task = new Task(kernel, tid, group, tcb);
  group.leader = task;
  group.tasks.add(task);
  group.root = args.isInit === false && kernel.globalInit ? kernel.globalInit : group;
  group.containerId = args.containerId ?? '';
  const { i32, u64 } = kernel.shared;
  Atomics.store(i32, (tcb + TCB.off.runState) >> 2, RunState.KERNEL);
  i32[(tcb + TCB.off.lastCore) >> 2] = -1;
  u64[(tcb + TCB.off.affinity) / 8] = ALL_CORES;
  setTcbIds(task);
  kernel.tasks.add(task);
  kernel.tasks.newSession(group);
  return task;
}
