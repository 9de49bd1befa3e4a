/** Addresses of local sockets (unix(7), "Address format"). */
import { Af, Errno, SOCKADDR_UN } from '@troupe/abi';
import type { NegativeErrno } from '../types.js';

export type UnixAddress = { readonly kind: 'unnamed' } | { readonly kind: 'path'; readonly path: string } | { readonly kind: 'abstract'; readonly name: string };

export const UNNAMED: UnixAddress = { kind: 'unnamed' };
const FAMILY_BYTES = 2;

/** Abstract names are all bytes after the leading NUL; paths end at the first NUL. */
export function parseUnixAddress(bytes: Uint8Array): UnixAddress | NegativeErrno {
  if (bytes.length < FAMILY_BYTES || bytes.length > SOCKADDR_UN.sizeBytes) return -Errno.EINVAL;
  if ((bytes[0]! | (bytes[1]! << 8)) !== Af.UNIX) return -Errno.EINVAL;
  const rest = Buffer.from(bytes.subarray(FAMILY_BYTES)).toString('latin1');
  if (rest.length === 0) return UNNAMED;
  if (rest.charCodeAt(0) === 0) return { kind: 'abstract', name: rest.slice(1) };
  const end = rest.indexOf('\0');
  return { kind: 'path', path: end < 0 ? rest : rest.slice(0, end) };
}

export function encodeUnixAddress(address: UnixAddress): Uint8Array {
  const name = address.kind === 'path' ? `${address.path}\0` : address.kind === 'abstract' ? `\0${address.name}` : '';
  const bytes = new Uint8Array(FAMILY_BYTES + name.length);
  bytes[0] = Af.UNIX;
  bytes.set(Buffer.from(name, 'latin1'), FAMILY_BYTES);
  return bytes;
}
