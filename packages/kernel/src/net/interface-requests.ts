/** ioctl(2) requests for network devices by name or index, on sockets of every family (netdevice(7)). */
import { Cap, Errno, IFNAMSIZ, Iff, Ioctl, hasCapIn } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { setUp } from './route-requests.js';
import { textOf } from './netlink-message.js';

const REQUESTS: ReadonlySet<number> = new Set([Ioctl.SIOCGIFNAME, Ioctl.SIOCGIFINDEX, Ioctl.SIOCGIFFLAGS, Ioctl.SIOCSIFFLAGS, Ioctl.SIOCGIFMTU]);

export const isInterfaceRequest = (request: number): boolean => REQUESTS.has(request);

/** `arg` is the address of a struct ifreq: the name, then what is asked for. */
export function interfaceRequest(task: Task, request: number, arg: number): number {
  const { net } = task.namespaces;
  const valueAt = arg + IFNAMSIZ;
  const name = textOf(task.mm.copyIn(arg, IFNAMSIZ));
  const device = request === Ioctl.SIOCGIFNAME ? net.device(task.mm.readI32(valueAt) || -1, null) : net.device(0, name);
  if (device === null) return -Errno.ENODEV;
  switch (request) {
    case Ioctl.SIOCGIFNAME:
      task.mm.copyOut(arg, Buffer.from(device.name.padEnd(IFNAMSIZ, '\0'), 'latin1'));
      return 0;
    case Ioctl.SIOCGIFINDEX:
      task.mm.writeU32(valueAt, device.index);
      return 0;
    case Ioctl.SIOCGIFMTU:
      task.mm.writeU32(valueAt, device.mtuBytes);
      return 0;
    case Ioctl.SIOCGIFFLAGS:
      task.mm.copyOut(valueAt, Uint8Array.of(device.flags & 0xff, (device.flags >> 8) & 0xff));
      return 0;
    default:
      if (!hasCapIn(task.creds, net.userNamespace, Cap.NET_ADMIN)) return -Errno.EPERM;
      setUp(net, device, (task.mm.copyIn(valueAt, 2)[0]! & Iff.UP) !== 0);
      return 0;
  }
}
