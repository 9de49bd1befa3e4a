/**
 * NETLINK_ROUTE: links and IPv4 addresses of the devices of a namespace (rtnetlink(7)).
 * A request gives messages for the caller, or -errno; changes are told to the groups of the namespace.
 */
import { ARPHRD_LOOPBACK, Af, Errno, IFADDRMSG, IFA_F_PERMANENT, IFINFOMSG, Ifa, Iff, Ifla, NlmFlag, Nlmsg, Rtm, RtnlGroup } from '@troupe/abi';
import type { NetworkNamespace } from '../namespace/network-namespace.js';
import type { DeviceAddress, NetworkDevice } from './network-device.js';
import { attribute, attributesIn, message, stringBytes, textOf, u32Bytes, viewOf, type NetlinkHeader, type NetlinkRequest } from './netlink-message.js';
import type { NetlinkAnswer } from './netlink-request.js';

const QUEUE_LENGTH = 1000;
const HARDWARE_ADDRESS = new Uint8Array(6);
const OPERATIONAL_UNKNOWN = 0;
const OPERATIONAL_DOWN = 2;
/** struct rtnl_link_stats and rtnl_link_stats64: there is no traffic. */
const STATS = new Uint8Array(24 * 4);
const STATS64 = new Uint8Array(24 * 8);
const FOR_EVER = 0xffff_ffff;
const ADDRESS_BYTES = 4;
const KIND_MASK = 3;
const KIND_GET = 2;

function linkMessage(header: NetlinkHeader, device: NetworkDevice): Uint8Array {
  const info = new Uint8Array(IFINFOMSG.sizeBytes);
  const view = viewOf(info);
  view.setUint16(IFINFOMSG.off.type, ARPHRD_LOOPBACK, true);
  view.setUint32(IFINFOMSG.off.index, device.index, true);
  view.setUint32(IFINFOMSG.off.flags, device.flags, true);
  return message(
    header, info, attribute(Ifla.IFNAME, stringBytes(device.name)), attribute(Ifla.TXQLEN, u32Bytes(QUEUE_LENGTH)),
    attribute(Ifla.OPERSTATE, Uint8Array.of(device.isUp ? OPERATIONAL_UNKNOWN : OPERATIONAL_DOWN)), attribute(Ifla.LINKMODE, Uint8Array.of(0)),
    attribute(Ifla.MTU, u32Bytes(device.mtuBytes)), attribute(Ifla.GROUP, u32Bytes(0)), attribute(Ifla.ADDRESS, HARDWARE_ADDRESS),
    attribute(Ifla.BROADCAST, HARDWARE_ADDRESS), attribute(Ifla.QDISC, stringBytes(device.isUp ? 'noqueue' : 'noop')), attribute(Ifla.STATS, STATS), attribute(Ifla.STATS64, STATS64),
  );
}

function addressMessage(header: NetlinkHeader, device: NetworkDevice, { flags, label, local, peer, prefixBits, scope }: DeviceAddress): Uint8Array {
  const info = new Uint8Array(IFADDRMSG.sizeBytes);
  const { off } = IFADDRMSG;
  info[off.family] = Af.INET;
  info[off.prefixlen] = prefixBits;
  info[off.flags] = flags;
  info[off.scope] = scope;
  viewOf(info).setUint32(off.index, device.index, true);
  return message(
    header, info, attribute(Ifa.ADDRESS, peer), attribute(Ifa.LOCAL, local), attribute(Ifa.LABEL, stringBytes(label)), attribute(Ifa.FLAGS, u32Bytes(flags)),
    attribute(Ifa.CACHEINFO, u32Bytes(FOR_EVER, FOR_EVER, 0, 0)),
  );
}

/** Tells the sockets that joined a group. */
function notifyGroup(namespace: NetworkNamespace, group: number, bytes: Uint8Array): void {
  for (const socket of namespace.netlinkSockets) if (socket.protocol === 0 && socket.groups.has(group)) socket.deliver(bytes, 0, group);
}

interface LinkRequest {
  /** IFLA_IFNAME, or null. */
  readonly name: string | null;
  readonly index: number;
  readonly flags: number;
  readonly change: number;
  readonly attributes: ReadonlyMap<number, Uint8Array>;
  readonly device: NetworkDevice | null;
}

function linkRequest(namespace: NetworkNamespace, body: Uint8Array): LinkRequest | number {
  if (body.length < IFINFOMSG.sizeBytes) return -Errno.EINVAL;
  const view = viewOf(body);
  const { off } = IFINFOMSG;
  const attributes = attributesIn(body.subarray(IFINFOMSG.sizeBytes));
  const index = view.getInt32(off.index, true);
  const named = attributes.get(Ifla.IFNAME);
  const name = named === undefined ? null : textOf(named);
  if (index < 0 || (index === 0 && name === null)) return -Errno.EINVAL;
  return { name, index, flags: view.getUint32(off.flags, true), change: view.getUint32(off.change, true), attributes, device: namespace.device(index, name) };
}

function getLink(namespace: NetworkNamespace, { body, pid, seq }: NetlinkRequest): NetlinkAnswer {
  const request = linkRequest(namespace, body);
  if (typeof request === 'number') return request;
  return request.device === null ? -Errno.ENODEV : [linkMessage({ type: Rtm.NEWLINK, flags: 0, seq, pid }, request.device)];
}

/** Up or down, and the MTU; the device cannot be renamed, and no other can be made. */
function changeLink(namespace: NetworkNamespace, { body, flags: messageFlags }: NetlinkRequest): NetlinkAnswer {
  const request = linkRequest(namespace, body);
  if (typeof request === 'number') return request;
  const { attributes, change, device, flags, index, name } = request;
  if (device === null) return (messageFlags & NlmFlag.CREATE) !== 0 && index === 0 ? -Errno.EOPNOTSUPP : -Errno.ENODEV;
  if (name !== null && name !== device.name) return -Errno.EOPNOTSUPP;
  const mtu = attributes.get(Ifla.MTU);
  if (mtu !== undefined && mtu.length >= 4) device.mtuBytes = viewOf(mtu).getUint32(0, true);
  const isUpWanted = change === 0 ? flags : (flags & change) | (device.flags & ~change);
  if (flags !== 0 || change !== 0) setUp(namespace, device, (isUpWanted & Iff.UP) !== 0);
  return [];
}

/** Brings a device up or down. */
export function setUp(namespace: NetworkNamespace, device: NetworkDevice, isUp: boolean): void {
  if (device.isUp === isUp) return;
  device.isUp = isUp;
  notifyGroup(namespace, RtnlGroup.LINK, linkMessage({ type: Rtm.NEWLINK, flags: 0, seq: 0, pid: 0 }, device));
}

interface AddressRequest {
  readonly device: NetworkDevice;
  readonly address: DeviceAddress;
}

function addressRequest(namespace: NetworkNamespace, body: Uint8Array): AddressRequest | number {
  if (body.length < IFADDRMSG.sizeBytes) return -Errno.EINVAL;
  const { off } = IFADDRMSG;
  if (body[off.family] !== Af.INET) return -Errno.EOPNOTSUPP;
  const attributes = attributesIn(body.subarray(IFADDRMSG.sizeBytes));
  const local = attributes.get(Ifa.LOCAL);
  const prefixBits = body[off.prefixlen]!;
  if (prefixBits > 32 || local === undefined || local.length < ADDRESS_BYTES) return -Errno.EINVAL;
  const device = namespace.device(viewOf(body).getUint32(off.index, true), null);
  if (device === null) return -Errno.ENODEV;
  const peer = attributes.get(Ifa.ADDRESS) ?? local;
  return { device, address: { local: local.slice(0, ADDRESS_BYTES), peer: peer.slice(0, ADDRESS_BYTES), prefixBits, scope: body[off.scope]!, flags: IFA_F_PERMANENT, label: device.name } };
}

function newAddress(namespace: NetworkNamespace, { body, flags }: NetlinkRequest): NetlinkAnswer {
  const request = addressRequest(namespace, body);
  if (typeof request === 'number') return request;
  const { address, device } = request;
  const at = device.addressIndex(address.local, address.prefixBits);
  if (at >= 0 && ((flags & NlmFlag.EXCL) !== 0 || (flags & NlmFlag.REPLACE) === 0)) return -Errno.EEXIST;
  if (at >= 0) device.addresses[at] = address;
  else device.addresses.push(address);
  notifyGroup(namespace, RtnlGroup.IPV4_IFADDR, addressMessage({ type: Rtm.NEWADDR, flags: 0, seq: 0, pid: 0 }, device, address));
  return [];
}

function deleteAddress(namespace: NetworkNamespace, { body }: NetlinkRequest): NetlinkAnswer {
  const request = addressRequest(namespace, body);
  if (typeof request === 'number') return request;
  const { address, device } = request;
  const at = device.addressIndex(address.local, null);
  if (at < 0) return -Errno.EADDRNOTAVAIL;
  const [gone] = device.addresses.splice(at, 1);
  notifyGroup(namespace, RtnlGroup.IPV4_IFADDR, addressMessage({ type: Rtm.DELADDR, flags: 0, seq: 0, pid: 0 }, device, gone!));
  return [];
}

/** Everything of a kind, in one datagram that ends with NLMSG_DONE. */
function dump(namespace: NetworkNamespace, { body, pid, seq, type }: NetlinkRequest): NetlinkAnswer {
  const header = { flags: NlmFlag.MULTI, seq, pid };
  const { loopback } = namespace;
  const family = body[0] ?? Af.UNSPEC;
  const parts = type === Rtm.GETLINK ? [linkMessage({ ...header, type: Rtm.NEWLINK }, loopback)]
    : type === Rtm.GETADDR ? (family === Af.UNSPEC || family === Af.INET ? loopback.addresses : []).map((address) => addressMessage({ ...header, type: Rtm.NEWADDR }, loopback, address))
      : null;
  if (parts === null) return -Errno.EOPNOTSUPP;
  return [Buffer.concat([...parts, message({ ...header, type: Nlmsg.DONE }, u32Bytes(0))])];
}

const HANDLERS: Readonly<Record<number, (namespace: NetworkNamespace, request: NetlinkRequest) => NetlinkAnswer>> = {
  [Rtm.NEWLINK]: changeLink, [Rtm.SETLINK]: changeLink, [Rtm.GETLINK]: getLink, [Rtm.NEWADDR]: newAddress, [Rtm.DELADDR]: deleteAddress,
};

export const isDump = ({ flags, type }: NetlinkRequest): boolean => (type & KIND_MASK) === KIND_GET && (flags & NlmFlag.DUMP) !== 0;

/** `canChange`: the caller may change devices of the namespace. */
export function handleRoute(namespace: NetworkNamespace, request: NetlinkRequest, canChange: boolean): NetlinkAnswer {
  const { body, type } = request;
  if (type > Rtm.MAX) return -Errno.EOPNOTSUPP;
  if (body.length < 1) return [];
  if ((type & KIND_MASK) !== KIND_GET && !canChange) return -Errno.EPERM;
  return isDump(request) ? dump(namespace, request) : (HANDLERS[type]?.(namespace, request) ?? -Errno.EOPNOTSUPP);
}
