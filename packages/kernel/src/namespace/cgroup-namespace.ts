/** Root of the cgroup paths that processes see (cgroup_namespaces(7)). All tasks are in the root cgroup, so it is an identity. */
import { ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';

export class CgroupNamespace {
  readonly kind = 'cgroup';

  constructor(readonly userNamespace: UserNamespace, readonly inode: number = ROOT_NAMESPACE_INODES.cgroup) {}
}
