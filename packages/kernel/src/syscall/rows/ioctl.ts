/** ioctl(2): the requests every descriptor knows; the rest goes to the file. */
import { Errno, Ioctl, Nr, O_ASYNC, O_CLOEXEC, O_NONBLOCK, O_PATH } from '@troupe/abi';
import { PtyMaster, Socket } from '@troupe/vfs';
import { installFile } from '../../fdtable.js';
import { contextOf, ioctlCaller } from '../../ipc/caller.js';
import { changeStatusFlags, ownerOf, setOwner } from '../../ipc/signal-io.js';
import { interfaceRequest, isInterfaceRequest } from '../../net/interface-requests.js';
import { SeccompListener } from '../../seccomp/listener.js';
import { listenerIoctl } from '../../seccomp/notification.js';
import type { Task } from '../../task/task.js';
import { addr, choice, fd, type SyscallResult, type SyscallRow } from '../row.js';

const REQUESTS = Object.entries(Ioctl).map(([name, value]) => [name, value | 0] as const);

function sysIoctl(task: Task, fdNo: number, request: number, arg: number): SyscallResult {
  const file = task.fds.get(fdNo);
  if (!file || (file.flags & O_PATH) !== 0) return -Errno.EBADF;
  switch (request >>> 0) {
    case Ioctl.FIOCLEX:
      task.fds.setCloseOnExec(fdNo, true);
      return 0;
    case Ioctl.FIONCLEX:
      task.fds.setCloseOnExec(fdNo, false);
      return 0;
    case Ioctl.FIONBIO:
      changeStatusFlags(task.kernel, file, fdNo, O_NONBLOCK, task.mm.readI32(arg) ? O_NONBLOCK : 0);
      return 0;
    case Ioctl.FIOASYNC:
      changeStatusFlags(task.kernel, file, fdNo, O_ASYNC, task.mm.readI32(arg) ? O_ASYNC : 0);
      return 0;
    case Ioctl.FIONREAD: {
      const count = file.bytesReadable();
      if (count < 0) break;
      task.mm.writeU32(arg, count);
      return 0;
    }
    case Ioctl.FIOSETOWN:
    case Ioctl.SIOCSPGRP:
      return setOwner(task, file, task.mm.readI32(arg));
    case Ioctl.FIOGETOWN:
    case Ioctl.SIOCGPGRP:
      task.mm.writeU32(arg, ownerOf(task, file));
      return 0;
  }
  if (request >>> 0 === Ioctl.TIOCGPTPEER && file instanceof PtyMaster) return openPeer(task, file, arg);
  if (file instanceof Socket && isInterfaceRequest(request >>> 0)) return interfaceRequest(task, request >>> 0, arg);
  if (file instanceof SeccompListener) return listenerIoctl(task, file, request >>> 0, arg);
  return file.ioctl(request >>> 0, arg, ioctlCaller(task));
}

/** TIOCGPTPEER: the slave of a pty without a path; the argument holds open(2) flags. */
function openPeer(task: Task, master: PtyMaster, openFlags: number): number {
  const file = task.kernel.ipc.terminals.openSlave(master, openFlags | 0, contextOf(task));
  return typeof file === 'number' ? file : installFile(task, file, (openFlags & O_CLOEXEC) !== 0);
}

export const rows: readonly SyscallRow[] = [
  { nr: Nr.ioctl, name: 'ioctl', args: [fd(), choice('op', REQUESTS), addr('argp')], groups: ['%desc'], restart: 'ERESTARTSYS', support: 'full', man: 'ioctl(2)', handler: sysIoctl },
];
