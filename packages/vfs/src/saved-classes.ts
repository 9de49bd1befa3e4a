/** What images hold of the VFS: one row per class (packages/state schema.ts), and the constants that are the same everywhere. */
import { KEPT, ImageError, plainClasses, savedClass, type SavedClass } from '@troupe/state';
import { AnonymousFileSystem, AnonymousInode, anonymousFileSystem, anonymousMount, anonymousRoot } from './anonymous.js';
import { Dentry, dentryCache } from './dentry.js';
import { DirectoryFile } from './directory-file.js';
import { Epoll } from './epoll/epoll.js';
import { EpollItem } from './epoll/epoll-item.js';
import { EventFile } from './eventfd.js';
import { FanotifyMark } from './fanotify/marks.js';
import { FilePages } from './file-pages.js';
import { FullFile, NullFile, RandomFile, ZeroFile } from './fs/dev/memory-devices.js';
import { HostDirectory } from './fs/host/host-directory.js';
import { HostFile } from './fs/host/host-file.js';
import { HostFileSystem } from './fs/host/host-file-system.js';
import type { HostInode } from './fs/host/host-inode.js';
import { HostShadow, HostSpecial, HostSymlink } from './fs/host/host-special.js';
import { HostPageCache } from './fs/host/page-cache.js';
import { MessageQueueFile } from './fs/mqueue/message-queue-file.js';
import { MessageQueueDirectory, MessageQueueFileSystem } from './fs/mqueue/message-queue-file-system.js';
import { MessageQueueInode } from './fs/mqueue/message-queue-inode.js';
import { OverlayDirectory } from './fs/overlay/overlay-directory.js';
import { OverlayFileSystem } from './fs/overlay/overlay-file-system.js';
import { OverlayInode } from './fs/overlay/overlay-inode.js';
import { SyntheticFile } from './fs/synthetic/synthetic-file.js';
import { SyntheticInode } from './fs/synthetic/synthetic-file-system.js';
import { TmpfsDirectory } from './fs/tmpfs/directory.js';
import { TmpfsFile } from './fs/tmpfs/file.js';
import { TmpfsSpecial, TmpfsSymlink } from './fs/tmpfs/special.js';
import { Tmpfs } from './fs/tmpfs/tmpfs.js';
import { HostStream } from './host-stream.js';
import { NO_MAPPERS } from './inode.js';
import { Inotify, Watch } from './inotify/inotify.js';
import { Flock } from './lock/flock.js';
import { InodeLocks } from './lock/inode-locks.js';
import { RangeLocks } from './lock/range-locks.js';
import { Mount, PathNode, PeerGroup } from './mount.js';
import { MountIds, MountTable } from './mount-table.js';
import { PathFile } from './path-file.js';
import { ByteRing } from './pipe/byte-ring.js';
import { fifoReopener, openFifo, PipeFile } from './pipe/pipe-file.js';
import { Pipe } from './pipe/pipe.js';
import { Devpts, DevptsDevice, DevptsRoot } from './pty/devpts.js';
import { PtyMaster } from './pty/pty-master.js';
import { Pty } from './pty/pty.js';
import { Terminals } from './pty/terminals.js';
import { RegularFile } from './regular-file.js';
import { SignalFile } from './signalfd.js';
import { TimerFile } from './timerfd.js';
import { Eraser } from './tty/eraser.js';
import { HostTerminal } from './tty/host-terminal.js';
import { InputBuffer } from './tty/input-buffer.js';
import { LineDiscipline } from './tty/line-discipline.js';
import { OutputProcessor } from './tty/output-processor.js';
import { TtyFile } from './tty/tty-file.js';
import { Tty } from './tty/tty.js';
import { MessageQueue } from './unix/message-queue.js';
import { UnixNamespace } from './unix/unix-namespace.js';
import { UnixSocket } from './unix/unix-socket.js';
import { Vfs } from './vfs.js';
import { watchCount } from './watch-count.js';

/** Classes whose objects are all that their fields say. */
const PLAIN = {
  AnonymousFileSystem, AnonymousInode, ByteRing, Devpts, DevptsDevice, DevptsRoot, DirectoryFile, Epoll, EpollItem, Eraser, EventFile, FilePages, Flock, FullFile,
  HostShadow, InodeLocks, Inotify, InputBuffer, LineDiscipline, MessageQueue, MessageQueueDirectory, MessageQueueFile, MessageQueueFileSystem, MessageQueueInode,
  Mount, MountIds, MountTable, NullFile, OutputProcessor, PathFile, PathNode, PeerGroup, Pipe, PipeFile, Pty, PtyMaster, RandomFile, RangeLocks, RegularFile,
  SignalFile, SyntheticFile, TimerFile, Tmpfs, TmpfsDirectory, TmpfsFile, TmpfsSpecial, TmpfsSymlink, Tty, TtyFile, UnixNamespace, UnixSocket, ZeroFile,
};

const reconnect = (inode: HostInode): void => void inode.host.reconnect(inode);
const rememberOverlay = (inode: OverlayInode): void => inode.overlay.loaded(inode);

function reopen(file: HostFile): void {
  const problem = file.reopen();
  if (problem !== null) throw new ImageError('incompatible', problem, 'files of the host');
}

export const VFS_CLASSES: readonly SavedClass[] = [
  ...plainClasses('vfs', PLAIN),
  savedClass({ type: Dentry, name: 'vfs.Dentry', notSaved: { checkedAt: () => 0, _cacheRef: () => null }, afterLoad: (dentry) => dentryCache.loaded(dentry) }),
  savedClass({ type: FanotifyMark, name: 'vfs.FanotifyMark', afterLoad: (mark) => mark.attach() }),
  savedClass({ type: HostDirectory, name: 'vfs.HostDirectory', notSaved: { _fd: () => -1 }, afterLoad: reconnect }),
  savedClass({ type: HostSymlink, name: 'vfs.HostSymlink', afterLoad: reconnect }),
  savedClass({ type: HostSpecial, name: 'vfs.HostSpecial', afterLoad: reconnect }),
  savedClass({ type: HostFile, name: 'vfs.HostFile', refuse: (file) => file.prepareSave(), afterLoad: reopen }),
  savedClass({ type: HostFileSystem, name: 'vfs.HostFileSystem', notSaved: HostFileSystem.notSaved() }),
  savedClass({ type: HostPageCache, name: 'vfs.HostPageCache', afterLoad: (cache) => cache.loaded() }),
  savedClass({ type: HostStream, name: 'vfs.HostStream', notSaved: { onOutput: () => null, onWanted: () => null, onClosed: () => null } }),
  savedClass({ type: HostTerminal, name: 'vfs.HostTerminal', notSaved: { sink: () => () => undefined } }),
  savedClass({ type: OverlayFileSystem, name: 'vfs.OverlayFileSystem', notSaved: { _overlayOf: () => new WeakMap() } }),
  savedClass({ type: OverlayInode, name: 'vfs.OverlayInode', afterLoad: rememberOverlay }),
  savedClass({ type: OverlayDirectory, name: 'vfs.OverlayDirectory', afterLoad: rememberOverlay }),
  savedClass({ type: SyntheticInode, name: 'vfs.SyntheticInode', notSaved: { _found: () => null } }),
  savedClass({ type: Terminals, name: 'vfs.Terminals', notSaved: { special: KEPT }, afterLoad: (terminals) => terminals.setOpeners() }),
  savedClass({ type: Vfs, name: 'vfs.Vfs', notSaved: { environment: KEPT, special: KEPT, types: KEPT, isExecuting: KEPT } }),
  savedClass({ type: Watch, name: 'vfs.Watch', afterLoad: () => void watchCount.value++ }),
];

/** Objects of which there is one in every host process, by name. */
export const VFS_CONSTANTS: Readonly<Record<string, object>> = {
  'vfs.anonymousFileSystem': anonymousFileSystem, 'vfs.anonymousMount': anonymousMount, 'vfs.anonymousRoot': anonymousRoot,
  'vfs.noMappers': NO_MAPPERS, 'vfs.fifoReopener': fifoReopener, 'vfs.openFifo': openFifo,
};
