/** Network devices and protocols of a set of processes (network_namespaces(7)). There are no inet sockets yet: it is an identity. */
import { ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';

export class NetworkNamespace {
  readonly kind = 'net';

  constructor(readonly userNamespace: UserNamespace, readonly inode: number = ROOT_NAMESPACE_INODES.net) {}
}
