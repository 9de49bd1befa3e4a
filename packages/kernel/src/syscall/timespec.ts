/** struct timespec, timeval and itimerspec in guest memory. */
import { Errno, ErrnoError, NS_PER_SEC } from '@troupe/abi';
import type { GuestMemory } from '../mm/guest-memory.js';

function signedLong(memory: GuestMemory, addr: number): number {
  return Number(BigInt.asIntN(64, memory.readU64(addr)));
}

function checked(seconds: number, rest: number, unitsPerSec: number): number {
  if (seconds < 0 || rest < 0 || rest >= unitsPerSec) throw new ErrnoError(Errno.EINVAL);
  return seconds * NS_PER_SEC + rest * (NS_PER_SEC / unitsPerSec);
}

/** ns of a struct timespec; EINVAL when negative or out of range. */
export function readTimespecNs(memory: GuestMemory, addr: number): number {
  return checked(signedLong(memory, addr), signedLong(memory, addr + 8), NS_PER_SEC);
}

/** ns of a struct timeval; EINVAL when negative or out of range. */
export function readTimevalNs(memory: GuestMemory, addr: number): number {
  return checked(signedLong(memory, addr), signedLong(memory, addr + 8), 1_000_000);
}

export function writeTimespecNs(memory: GuestMemory, addr: number, ns: number | bigint): void {
  const total = BigInt(typeof ns === 'number' ? Math.trunc(ns) : ns);
  memory.writeU64(addr, total / BigInt(NS_PER_SEC));
  memory.writeU64(addr + 8, total % BigInt(NS_PER_SEC));
}

export function writeTimevalNs(memory: GuestMemory, addr: number, ns: number | bigint): void {
  const total = BigInt(typeof ns === 'number' ? Math.trunc(ns) : ns);
  memory.writeU64(addr, total / BigInt(NS_PER_SEC));
  memory.writeU64(addr + 8, (total % BigInt(NS_PER_SEC)) / 1000n);
}
