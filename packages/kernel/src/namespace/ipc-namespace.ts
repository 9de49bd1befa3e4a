/** Owner of the System V and POSIX message objects of its processes (ipc_namespaces(7)). */
import { ROOT_NAMESPACE_INODES } from './root-inodes.js';
import type { UserNamespace } from './user-namespace.js';

export class IpcNamespace {
  readonly inode = ROOT_NAMESPACE_INODES.ipc;

  constructor(readonly userNamespace: UserNamespace) {}
}
