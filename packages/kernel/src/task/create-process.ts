/** Processes made from outside (kernel.go CreateProcess). */
import type { Credentials, LimitSet } from '@troupe/abi';
import { ConfigError, Errno, RunState, Sig, TCB, X_OK, errnoName, isDirectory } from '@troupe/abi';
import type { FileDescription, MountTable, PathNode, UnixNamespace } from '@troupe/vfs';
import { Follow, checkAccess } from '@troupe/vfs';
import { CreateProcessContext } from '../context/create-process-context.js';
import { FdTable } from '../fdtable.js';
import { FsContext } from '../fs-context.js';
import type { Kernel } from '../kernel.js';
import type { IpcNamespace } from '../namespace/ipc-namespace.js';
import type { NamespaceSet } from '../namespace/namespace-set.js';
import { NetworkNamespace } from '../namespace/network-namespace.js';
import type { PidNamespace } from '../namespace/pid-namespace.js';
import type { UtsNamespace } from '../namespace/uts-namespace.js';
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
  /** The process shares the table: the caller keeps its own use. Default: an empty one. */
  readonly fds?: FdTable;
  readonly umask?: number;
  readonly limits?: LimitSet;
  /** Root of the file tree the process sees; default the VFS root. */
  readonly root?: PathNode;
  readonly containerId?: string;
  /** Default: the first ones. A mount namespace brings its own root, unless `root` names one. */
  readonly utsNamespace?: UtsNamespace;
  readonly ipcNamespace?: IpcNamespace;
  readonly mountNamespace?: MountTable;
  readonly pidNamespace?: PidNamespace;
  /** Names of local sockets of its own: the process gets a network namespace with them. */
  readonly abstractSocketNamespace?: UnixNamespace;
  /** Adopts orphans of its descendants and takes them along when it ends. Default true. */
  readonly isInit?: boolean;
}

const DEFAULT_UMASK = 0o022;
const ALL_CORES = 0xffff_ffff_ffff_ffffn;

/** Makes the process; it does not run yet. Throws ConfigError when program or directory cannot be used. */
export function createProcess(kernel: Kernel, args: CreateProcessArgs): ThreadGroup {
  const root = args.root ?? args.mountNamespace?.root.rootNode ?? kernel.vfs.root;
  const context = new CreateProcessContext(kernel, args, new FsContext(root, root, args.umask ?? DEFAULT_UMASK));
  enterWorkingDirectory(context, args.workingDirectory ?? '');
  const path = programPath(args);
  const image = loadFirstImage(context, args, path);
  const task = newLeader(context, args, path, image);
  task.fs = context.fs;
  task.namespaces = namespacesFor(kernel, args);
  task.fds = args.fds?.share() ?? new FdTable(kernel.uniqueId());
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

/** Follows links; the directory must be searchable (VFS GetDentryAt with CheckSearchable). */
function enterWorkingDirectory(context: CreateProcessContext, path: string): void {
  if (path === '') return;
  const result = searchableDirectory(context, path);
  if (typeof result === 'number') throw new ConfigError(`failed to find initial working directory '${path}': ${errnoName(-result)}`, 'workingDirectory');
  context.fs.cwd = result;
}

function searchableDirectory(context: CreateProcessContext, path: string): PathNode | number {
  const node = context.kernel.vfs.lookup(context.vfsContext(), context.root, path, Follow.YES);
  if (typeof node === 'number') return node;
  if (!isDirectory(node.inode.mode)) return -Errno.ENOTDIR;
  const denied = checkAccess(node.inode, context.credentials, X_OK);
  return denied < 0 ? denied : node;
}

/** Why a program could not be started; `errno` decides between exit status 126 and 127. */
export class ExecError extends ConfigError {
  constructor(readonly errno: number, path: string) {
    super(`cannot execute: ${errnoName(errno)}`, path);
  }
}

function loadFirstImage(context: CreateProcessContext, args: CreateProcessArgs, path: string): ExecImage {
  const { kernel, limits } = context;
  const ctx = context.vfsContext();
  const file = args.file && !args.filename ? args.file.incRef() : openExecutable(kernel, ctx, ctx.cwd, path);
  if (typeof file === 'number') throw new ExecError(-file, path);
  const image = loadImage({ kernel, ctx, file, path, argv: args.argv, envp: args.envp ?? [], limits, noNewPrivs: false });
  if (typeof image === 'number') throw new ExecError(-image, path);
  return image;
}

function namespacesFor(kernel: Kernel, args: CreateProcessArgs): NamespaceSet {
  const { rootNamespaces } = kernel;
  const names = args.abstractSocketNamespace;
  return {
    ...rootNamespaces, uts: args.utsNamespace ?? rootNamespaces.uts, ipc: args.ipcNamespace ?? rootNamespaces.ipc, mount: args.mountNamespace ?? rootNamespaces.mount,
    pidForChildren: args.pidNamespace ?? rootNamespaces.pidForChildren,
    net: names === undefined ? rootNamespaces.net : new NetworkNamespace(kernel.rootUserNamespace, names, kernel.newNamespaceInode()),
  };
}

function newTid({ rootPidNamespace, tasks }: Kernel, pids: PidNamespace = rootPidNamespace): number {
  const tid = tasks.allocateTid();
  const adopted = tid < 0 ? tid : tasks.adoptId(tid, pids, []);
  return adopted < 0 ? adopted : tid;
}

function newLeader(context: CreateProcessContext, args: CreateProcessArgs, path: string, image: ExecImage): Task {
  const { kernel, limits } = context;
  const tid = newTid(kernel, args.pidNamespace);
  const tcb = tid < 0 ? tid : kernel.tcbs.alloc();
  if (tcb < 0) {
    image.mm.destroy();
    throw new ExecError(-tcb, path);
  }
  const group = kernel.tasks.newThreadGroup(new SignalHandlers(), Sig.CHLD, limits, args.pidNamespace);
  const task = new Task(kernel, tid, group, tcb);
  group.leader = task;
  group.tasks.add(task);
  group.root = args.isInit === false && kernel.globalInit ? kernel.globalInit : group;
  group.containerId = args.containerId ?? '';
  if (args.pidNamespace && !args.pidNamespace.isFirst) args.pidNamespace.init ??= group;
  const { i32, u64 } = kernel.shared;
  Atomics.store(i32, (tcb + TCB.off.runState) >> 2, RunState.KERNEL);
  i32[(tcb + TCB.off.lastCore) >> 2] = -1;
  u64[(tcb + TCB.off.affinity) / 8] = ALL_CORES;
  setTcbIds(task);
  kernel.tasks.add(task);
  kernel.tasks.newSession(group);
  return task;
}
