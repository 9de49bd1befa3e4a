/** /proc/net: the tables of a host without network devices but loopback. */
import { Sock } from '@troupe/abi';
import { UnixSocket, textFile, type Entry, type UnixNamespace } from '@troupe/vfs';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';

const SOCKET_COLUMNS = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const HEADERS: Readonly<Record<string, string>> = {
  arp: 'IP address       HW type     Flags       HW address            Mask     Device\n',
  dev: 'Inter-|   Receive                                                |  Transmit\n'
    + ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n'
    + '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n',
  if_inet6: '',
  packet: 'sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n',
  route: 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n',
  sockstat: 'sockets: used 0\n',
  tcp: SOCKET_COLUMNS,
  tcp6: SOCKET_COLUMNS,
  udp: SOCKET_COLUMNS,
  udp6: SOCKET_COLUMNS,
};

/** Socket states and flags of /proc/net/unix (linux/net.h SS_*, __SO_ACCEPTCON). */
const SS_UNCONNECTED = 1;
const SS_CONNECTED = 3;
const ACCEPTS_CONNECTIONS = 0x1_0000;
const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');

function unixLine(socket: UnixSocket): string {
  const state = socket.peer === null ? SS_UNCONNECTED : SS_CONNECTED;
  const flags = socket.isListening && socket.type !== Sock.DGRAM ? ACCEPTS_CONNECTIONS : 0;
  const { address, inode } = socket;
  const name = address.kind === 'unnamed' ? '' : address.kind === 'path' ? ` ${address.path}` : ` @${address.name.replaceAll('\0', '@')}`;
  return `0000000000000000: ${hex(socket.refs + 1, 8)} 00000000 ${hex(flags, 8)} ${hex(socket.type, 4)} ${hex(state, 2)} ${String(inode.ino).padStart(5)}${name}\n`;
}

/** /proc/net/unix: every local socket of a network namespace, from the kernel's socket table. */
export function unixText(kernel: Kernel, names: UnixNamespace): string {
  const sockets = kernel.sockets.list().map((entry) => entry.socket).filter((socket) => socket instanceof UnixSocket && socket.names === names) as UnixSocket[];
  return `Num       RefCount Protocol Flags    Type St Inode Path\n${sockets.map(unixLine).join('')}`;
}

export function networkEntries(task: Task): Record<string, Entry> {
  const fixed = Object.entries(HEADERS).map(([name, text]): [string, Entry] => [name, textFile(() => text)]);
  return { ...Object.fromEntries(fixed), unix: textFile(() => unixText(task.kernel, task.namespaces.net.abstractSockets)) };
}
