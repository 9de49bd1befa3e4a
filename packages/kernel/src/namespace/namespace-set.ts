/** The namespaces a task uses, besides its user namespace, which its credentials name (namespaces(7)). */
import type { MountTable } from '@troupe/vfs';
import type { CgroupNamespace } from './cgroup-namespace.js';
import type { IpcNamespace } from './ipc-namespace.js';
import type { NetworkNamespace } from './network-namespace.js';
import type { PidNamespace } from './pid-namespace.js';
import type { UtsNamespace } from './uts-namespace.js';

/** Immutable: unshare and setns make a new set. */
export interface NamespaceSet {
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
  readonly mount: MountTable;
  readonly net: NetworkNamespace;
  readonly cgroup: CgroupNamespace;
  /** Where children go; the processes of a task stay where they are. */
  readonly pidForChildren: PidNamespace;
}
