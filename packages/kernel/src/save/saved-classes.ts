/** What images hold of the kernel: one row per class (packages/state schema.ts). */
import { ActorSystem, LimitSet, Mailbox, PageRun, UserNamespace, WaitQueue } from '@troupe/abi';
import { ImageError, KEPT, plainClasses, savedClass, SchemaRegistry, type SavedClass } from '@troupe/state';
import { TIME_CLASSES } from '@troupe/time/saved-classes.js';
import { SyntheticFileSystem, watchCount } from '@troupe/vfs';
import { VFS_CLASSES } from '@troupe/vfs/saved-classes.js';
import { KernelPage } from '../elf/vdso-mapping.js';
import { Fanotify } from '../fanotify/fanotify.js';
import { OpenQuestions, PermissionRequest } from '../fanotify/permission.js';
import { FdTable } from '../fdtable.js';
import { IoContext } from '../file/async-io.js';
import { FileSystemContext } from '../file/file-system-context.js';
import { FsContext } from '../fs-context.js';
import { FutexBucket, FutexManager, FutexTable, FutexWaiter } from '../futex.js';
import { GuestAction } from '../api/guest-scheduler.js';
import { DirectoryWatch } from '../ipc/directory-notify.js';
import { Ipc } from '../ipc/ipc.js';
import { KernelJobControl } from '../ipc/kernel-job-control.js';
import { AsyncOwner } from '../ipc/signal-io.js';
import { Kernel } from '../kernel.js';
import { KernelLog } from '../log/kernel-log.js';
import { KmsgFile, RecordWaiter } from '../log/kmsg-file.js';
import { AddressWindows } from '../mm/address-windows.js';
import { FaultHistory } from '../mm/fault-history.js';
import { HotPages } from '../mm/hot-pages.js';
import { FileMapping, rememberMapping } from '../mm/file-mapping.js';
import { ProgramBreak } from '../mm/program-break.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { MemorySystem } from '../mm/memory-system.js';
import { PageTable } from '../mm/page-table.js';
import { ProgramImage } from '../mm/program-image.js';
import { SharedObject } from '../mm/shared-object.js';
import { Vma } from '../mm/vma.js';
import { VmaSet } from '../mm/vma-set.js';
import { CgroupNamespace } from '../namespace/cgroup-namespace.js';
import { IpcLimits, IpcNamespace } from '../namespace/ipc-namespace.js';
import { NamespaceFile, NamespaceInode } from '../namespace/namespace-file.js';
import { NetworkNamespace } from '../namespace/network-namespace.js';
import { PidNamespace } from '../namespace/pid-namespace.js';
import { UtsNamespace } from '../namespace/uts-namespace.js';
import { NetlinkPorts } from '../net/netlink-ports.js';
import { NetlinkSocket } from '../net/netlink-socket.js';
import { NetworkDevice } from '../net/network-device.js';
import { ProcessEvents } from '../net/process-events.js';
import { SocketEntry, SocketTable } from '../net/socket-table.js';
import { TaskStats } from '../net/task-stats.js';
import { reconnectProcFs } from '../proc/proc-file-system.js';
import { ProcessMemoryFile } from '../proc/process-memory-file.js';
import { reconnectSysFs } from '../proc/sys-file-system.js';
import { DebugRegisters } from '../ptrace/debug-registers.js';
import { Tracing } from '../ptrace/tracing.js';
import { Notification, SeccompListener } from '../seccomp/listener.js';
import { PendingSignals } from '../signal/pending-signals.js';
import { SignalHandlers } from '../signal/signal-handlers.js';
import { Signals } from '../signal/signals.js';
import { Dispatcher, Parked, ParkedWaiter } from '../syscall/dispatch.js';
import { MessageQueue } from '../sysv/message-queue.js';
import { ObjectTable } from '../sysv/object-table.js';
import { SemaphoreSet } from '../sysv/semaphore-set.js';
import { SemaphoreUndo } from '../sysv/semaphore-undo.js';
import { SharedSegment } from '../sysv/shared-segment.js';
import { OpenedProgram } from '../task/exec-image.js';
import { PidFile } from '../task/pid-file.js';
import { ProcessGroup, Session } from '../task/process-group.js';
import { RunningTasks } from '../task/running-tasks.js';
import { TaskRunner } from '../task/task-runner.js';
import { TaskSet } from '../task/task-set.js';
import { Task } from '../task/task.js';
import { TcbPool } from '../task/tcb-pool.js';
import { ThreadGroup } from '../task/thread-group.js';
import { Usage } from '../task/usage-counts.js';
import { GroupCpuClock, TaskCpuClock } from '../time/cpu-clocks.js';
import { GroupTimers, ProcessTimer } from '../time/group-timers.js';
import { Timers } from '../timers.js';

const PLAIN_OF_ABI = { LimitSet, Mailbox, PageRun, UserNamespace };

/** Classes whose objects are all that their fields say. */
const PLAIN = {
  AddressWindows, AsyncOwner, CgroupNamespace, DebugRegisters, Fanotify, FaultHistory, FdTable, FileSystemContext, FsContext, FutexTable, FutexWaiter, GroupCpuClock, GroupTimers, HotPages, IoContext, IpcLimits, IpcNamespace,
  KernelJobControl, KernelLog, KernelPage, KmsgFile, MessageQueue, NamespaceFile, NamespaceInode, NetlinkPorts, NetlinkSocket, NetworkDevice, NetworkNamespace, Notification, ObjectTable, OpenQuestions, OpenedProgram,
  PageTable, Parked, ParkedWaiter, PendingSignals, PermissionRequest, PidFile, PidNamespace, ProcessEvents, ProcessGroup, ProcessMemoryFile, ProcessTimer, ProgramBreak, ProgramImage, RecordWaiter,
  SeccompListener, SemaphoreSet, SemaphoreUndo, Session, SharedObject, SharedSegment, SignalHandlers, Signals, SocketEntry, SocketTable, Task, TaskCpuClock, TaskSet, TaskStats,
  ThreadGroup, Tracing, UtsNamespace, Usage, Vma, VmaSet,
};

/** Version 2 of a memory manager had its mappings under another name. */
function upgradeSpace({ vmas, ...rest }: Record<string, unknown>, fromVersion: number): Record<string, unknown> {
  if (fromVersion !== 2) throw new ImageError('incompatible', `version ${fromVersion} of the image cannot be read`, 'kernel.MemoryManager');
  return { ...rest, _vmas: vmas };
}

function rowsOf(kernel: Kernel): SavedClass[] {
  return [
    ...plainClasses('abi', PLAIN_OF_ABI),
    ...plainClasses('kernel', PLAIN),
    // What belongs to the host side stays that of the kernel that loads.
    savedClass({
      type: Kernel, name: 'kernel.Kernel',
      notSaved: {
        shared: KEPT, frames: KEPT, host: KEPT, actors: KEPT, unimplemented: KEPT, featureSet: KEPT, applicationCores: KEPT, useHostCores: KEPT,
        onGroupExit: KEPT, onReport: KEPT, onSignal: KEPT, extraAuxv: KEPT, _saveError: () => null,
      },
    }),
    savedClass({ type: WaitQueue, name: 'abi.WaitQueue', version: 2 }),
    savedClass({ type: ActorSystem, name: 'abi.ActorSystem', notSaved: { onTrace: KEPT, _targets: () => new Map() } }),
    savedClass({ type: DirectoryWatch, name: 'kernel.DirectoryWatch', afterLoad: () => void watchCount.value++ }),
    savedClass({ type: Dispatcher, name: 'kernel.Dispatcher', notSaved: { host: KEPT, actor: () => null, _table: KEPT, _hooks: KEPT, _traceSink: KEPT, traceFilter: KEPT, _isTiming: KEPT } }),
    savedClass({ type: FileMapping, name: 'kernel.FileMapping', afterLoad: rememberMapping }),
    savedClass({ type: FutexBucket, name: 'kernel.FutexBucket', version: 3, afterLoad: (bucket) => bucket.loaded() }),
    savedClass({ type: FutexManager, name: 'kernel.FutexManager', notSaved: { frames: KEPT, _filter: KEPT } }),
    // Work of the host program stays with the kernel that it was given to: a loaded one has a closed action, and no timer.
    savedClass({
      type: GuestAction, name: 'kernel.GuestAction',
      notSaved: { scheduler: () => null, work: () => null, _state: () => undefined, closed: () => true, initialTeardown: () => undefined, _parentage: () => null, _finalizers: () => null },
      afterLoad: (action: GuestAction<unknown>) => kernel.timers.cancel(action.timer),
    }),
    savedClass({ type: Ipc, name: 'kernel.Ipc' }),
    savedClass({ type: MemoryManager, name: 'kernel.MemoryManager', version: 3, upgrade: upgradeSpace, notSaved: { tables: () => null, readWord: () => 0, writeWord: () => 0 }, afterLoad: (mm) => mm.loseTables() }),
    savedClass({ type: MemorySystem, name: 'kernel.MemorySystem', notSaved: { shared: KEPT, frames: KEPT, tables: KEPT, arenas: KEPT, codeFrames: KEPT, _codeCache: KEPT, onCodeWrite: KEPT, onTablesDenied: KEPT, limitBytes: KEPT, zeroFrame: KEPT } }),
    savedClass({ type: RunningTasks, name: 'kernel.RunningTasks', notSaved: { shared: KEPT, onTick: KEPT } }),
    savedClass({
      type: SyntheticFileSystem, name: 'vfs.SyntheticFileSystem', notSaved: { rootEntry: () => null },
      afterLoad: (fs) => {
        reconnectProcFs(kernel, fs);
        reconnectSysFs(kernel, fs);
      },
    }),
    savedClass({ type: TaskRunner, name: 'kernel.TaskRunner', notSaved: { _listeners: KEPT, observer: KEPT } }),
    savedClass({ type: TcbPool, name: 'kernel.TcbPool', notSaved: { frames: KEPT } }),
    savedClass({ type: Timers, name: 'kernel.Timers', notSaved: { clock: KEPT, onEarlier: KEPT } }),
  ];
}

/** Classes of an image of this kernel; loaded ones find their place in it. */
export function schemasOf(kernel: Kernel): SchemaRegistry {
  return new SchemaRegistry(VFS_CLASSES, TIME_CLASSES, rowsOf(kernel));
}
