/** Netlink sockets and the routing protocol (netlink(7), rtnetlink(7), netdevice(7)). */
import { struct } from '../layout/struct.js';

export const SOCKADDR_NL = struct('sockaddr_nl', { family: 'u16', pad: 'u16', pid: 'u32', groups: 'u32' }, 12);
export const NLMSGHDR = struct('nlmsghdr', { len: 'u32', type: 'u16', flags: 'u16', seq: 'u32', pid: 'u32' }, 16);
/** Attributes follow each other at multiples of four. */
export const NLA_HEADER_BYTES = 4;
export const NLA_TYPE_MASK = 0x3fff;

export const NetlinkProtocol = { ROUTE: 0, CONNECTOR: 11, KOBJECT_UEVENT: 15, GENERIC: 16, MAX: 31 } as const;
export const Nlmsg = { NOOP: 1, ERROR: 2, DONE: 3, MIN_TYPE: 0x10 } as const;
export const NlmFlag = { REQUEST: 1, MULTI: 2, ACK: 4, DUMP: 0x300, CAPPED: 0x100, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400 } as const;
export const SOL_NETLINK = 270;
/** Options of SOL_NETLINK. */
export const NetlinkOption = { ADD_MEMBERSHIP: 1, DROP_MEMBERSHIP: 2, PKTINFO: 3, BROADCAST_ERROR: 4, NO_ENOBUFS: 5, CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12 } as const;

export const Rtm = { NEWLINK: 16, DELLINK: 17, GETLINK: 18, SETLINK: 19, NEWADDR: 20, DELADDR: 21, GETADDR: 22, MAX: 127 } as const;
export const IFINFOMSG = struct('ifinfomsg', { family: 'u8', pad: 'u8', type: 'u16', index: 'u32', flags: 'u32', change: 'u32' }, 16);
export const IFADDRMSG = struct('ifaddrmsg', { family: 'u8', prefixlen: 'u8', flags: 'u8', scope: 'u8', index: 'u32' }, 8);
export const Ifla = { ADDRESS: 1, BROADCAST: 2, IFNAME: 3, MTU: 4, QDISC: 6, STATS: 7, TXQLEN: 13, OPERSTATE: 16, LINKMODE: 17, STATS64: 23, GROUP: 27 } as const;
export const Ifa = { ADDRESS: 1, LOCAL: 2, LABEL: 3, CACHEINFO: 6, FLAGS: 8 } as const;
export const IFA_F_PERMANENT = 0x80;
export const RT_SCOPE_HOST = 254;
/** Multicast groups, numbered from 1. */
export const RtnlGroup = { LINK: 1, IPV4_IFADDR: 5, MAX: 36 } as const;
export const ARPHRD_LOOPBACK = 772;
export const Iff = { UP: 1, LOOPBACK: 8, RUNNING: 0x40, LOWER_UP: 0x1_0000 } as const;
/** struct ifreq: a name, then a union. */
export const IFNAMSIZ = 16;
