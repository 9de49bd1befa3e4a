/** /proc/net: the tables of a host without network devices but loopback. */
import { textFile, type Entry } from '@troupe/vfs';

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
  unix: 'Num       RefCount Protocol Flags    Type St Inode Path\n',
};

export function networkEntries(): Record<string, Entry> {
  return Object.fromEntries(Object.entries(HEADERS).map(([name, text]) => [name, textFile(() => text)]));
}
