/** Socket constants and structs (socket(2), unix(7), recvmsg(2), cmsg(3)). */
import { struct } from '../layout/struct.js';

export const Af = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17, VSOCK: 40, MAX: 46 } as const;
export const Sock = { STREAM: 1, DGRAM: 2, RAW: 3, RDM: 4, SEQPACKET: 5, TYPE_MASK: 0xf, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

export const Msg = {
  OOB: 0x1, PEEK: 0x2, DONTROUTE: 0x4, CTRUNC: 0x8, TRUNC: 0x20, DONTWAIT: 0x40, EOR: 0x80, WAITALL: 0x100, ERRQUEUE: 0x2000, NOSIGNAL: 0x4000, MORE: 0x8000, WAITFORONE: 0x10000, CMSG_CLOEXEC: 0x40000000,
} as const;

export const Shut = { RD: 0, WR: 1, RDWR: 2 } as const;
export const SOL_SOCKET = 1;

export const So = {
  DEBUG: 1, REUSEADDR: 2, TYPE: 3, ERROR: 4, DONTROUTE: 5, BROADCAST: 6, SNDBUF: 7, RCVBUF: 8, KEEPALIVE: 9, OOBINLINE: 10, PRIORITY: 12, LINGER: 13, REUSEPORT: 15, PASSCRED: 16, PEERCRED: 17, RCVLOWAT: 18, SNDLOWAT: 19, RCVTIMEO: 20, SNDTIMEO: 21, PEERNAME: 28, TIMESTAMP: 29, ACCEPTCONN: 30, PEERSEC: 31, SNDBUFFORCE: 32, RCVBUFFORCE: 33, PASSSEC: 34, PROTOCOL: 38, DOMAIN: 39, PEEK_OFF: 42, PEERGROUPS: 59, RCVTIMEO_NEW: 66, SNDTIMEO_NEW: 67, PASSPIDFD: 76, PEERPIDFD: 77,
} as const;

export const Scm = { RIGHTS: 1, CREDENTIALS: 2 } as const;
/** Most descriptors one message may carry (SCM_MAX_FD). */
export const SCM_MAX_FD = 253;
export const SOMAXCONN = 4096;
/** Most messages of one sendmmsg or recvmmsg, and most iovecs of one call (UIO_MAXIOV). */
export const UIO_MAXIOV = 1024;

export const SOCKADDR_UN = struct('sockaddr_un', { family: 'u16', path: { bytes: 108, align: 1 } }, 110);
export const SOCKADDR_STORAGE_BYTES = 128;
export const MSGHDR = struct('msghdr', { name: 'u64', namelen: 'u32', pad0: 'u32', iov: 'u64', iovlen: 'u64', control: 'u64', controllen: 'u64', flags: 'u32', pad1: 'u32' }, 56);
export const MMSGHDR = struct('mmsghdr', { hdr: { bytes: 56, align: 8 }, len: 'u32', pad: 'u32' }, 64);
export const CMSGHDR = struct('cmsghdr', { len: 'u64', level: 'u32', type: 'u32' }, 16);
export const UCRED = struct('ucred', { pid: 'u32', uid: 'u32', gid: 'u32' }, 12);

/** Space one control message with `dataBytes` of payload takes, next header aligned (CMSG_SPACE). */
export function cmsgSpaceBytes(dataBytes: number): number {
  return CMSGHDR.sizeBytes + ((dataBytes + 7) & ~7);
}
