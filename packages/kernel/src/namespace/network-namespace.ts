/** Network devices, netlink sockets and abstract names of local sockets of a set of processes (network_namespaces(7)). */
import { ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';
import type { UnixNamespace } from '@troupe/vfs';
import { NetworkDevice } from '../net/network-device.js';

/** A netlink socket, as its namespace knows it. */
export interface NetlinkReceiver {
  readonly protocol: number;
  /** 0 = not bound. */
  readonly port: number;
  /** Numbers of the multicast groups it joined. */
  readonly groups: ReadonlySet<number>;
  /** A datagram from `fromPort` (0 = the kernel), to a group or 0. */
  deliver(bytes: Uint8Array, fromPort: number, group: number): void;
}

export class NetworkNamespace {
  readonly kind = 'net';
  readonly loopback = new NetworkDevice();
  /** Those that exist. */
  readonly netlinkSockets = new Set<NetlinkReceiver>();

  constructor(readonly userNamespace: UserNamespace, readonly abstractSockets: UnixNamespace, readonly inode: number = ROOT_NAMESPACE_INODES.net) {}

  device(index: number, name: string | null): NetworkDevice | null {
    const { loopback } = this;
    return (index === 0 ? name === loopback.name : index === loopback.index) ? loopback : null;
  }
}
