/** Netlink messages and their attributes (netlink(7), rtnetlink(3)). Numbers are little endian. */
import { NLA_HEADER_BYTES, NLA_TYPE_MASK, NLMSGHDR } from '@troupe/abi';

export interface NetlinkHeader {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  /** Port of whoever asked. */
  readonly pid: number;
}

export interface NetlinkRequest extends NetlinkHeader {
  /** The whole message, and what follows its header. */
  readonly bytes: Uint8Array;
  readonly body: Uint8Array;
}

const align = (bytes: number): number => (bytes + 3) & ~3;

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
export const u32Bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
export const u16Bytes = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
export const stringBytes = (text: string): Uint8Array => Buffer.from(`${text}\0`, 'latin1');
/** Up to the first NUL. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').replace(/\0.*$/s, '');

/** The requests in a datagram; ends at the first that is malformed (netlink_rcv_skb). */
export function* requestsIn(datagram: Uint8Array): Generator<NetlinkRequest> {
  const { off, sizeBytes } = NLMSGHDR;
  for (let at = 0; at + sizeBytes <= datagram.length; ) {
    const view = viewOf(datagram.subarray(at));
    const length = view.getUint32(off.len, true);
    if (length < sizeBytes || at + length > datagram.length) return;
    const bytes = datagram.subarray(at, at + length);
    yield {
      type: view.getUint16(off.type, true), flags: view.getUint16(off.flags, true), seq: view.getUint32(off.seq, true), pid: view.getUint32(off.pid, true),
      bytes, body: bytes.subarray(sizeBytes),
    };
    at += align(length);
  }
}

/** Attributes by type; a malformed rest is ignored. */
export function attributesIn(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = viewOf(bytes);
  for (let at = 0; at + NLA_HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < NLA_HEADER_BYTES || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + NLA_HEADER_BYTES, at + length));
    at += align(length);
  }
  return found;
}

export function attribute(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(NLA_HEADER_BYTES + data.length));
  viewOf(bytes).setUint16(0, NLA_HEADER_BYTES + data.length, true);
  viewOf(bytes).setUint16(2, type, true);
  bytes.set(data, NLA_HEADER_BYTES);
  return bytes;
}

/** A message of its parts; the end is padded for the next one. */
export function message({ flags, pid, seq, type }: NetlinkHeader, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = NLMSGHDR.sizeBytes + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(align(length));
  const view = viewOf(bytes);
  const { off } = NLMSGHDR;
  view.setUint32(off.len, length, true);
  view.setUint16(off.type, type, true);
  view.setUint16(off.flags, flags, true);
  view.setUint32(off.seq, seq, true);
  view.setUint32(off.pid, pid, true);
  let at = NLMSGHDR.sizeBytes;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
