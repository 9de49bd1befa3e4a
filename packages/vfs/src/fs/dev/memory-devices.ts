/** Character devices of major 1 (null(4), random(4), full(4)). */
import { ALWAYS_READY, Errno, type FramePool, S_IFREG, makeDev } from '@troupe/abi';
import { FileDescription } from '../../file-description.js';
import { fillRandom } from '../../host-random.js';
import type { PathNode } from '../../mount.js';
import type { DeviceOpener, Mappable, NegativeErrno } from '../../types.js';
import { Tmpfs } from '../tmpfs/tmpfs.js';

abstract class MemoryDevice extends FileDescription {
  override poll(): number {
    return ALWAYS_READY;
  }

  override get seekable(): boolean {
    return true;
  }

  /** Position is kept but means nothing (null(4)). */
  override seek(): number {
    this.offBytes = 0;
    return 0;
  }

  override get pollable(): boolean {
    return false;
  }

  override write(src: Uint8Array): number {
    return src.length;
  }
}

export class NullFile extends MemoryDevice {
  override read(): number {
    return 0;
  }
}

export class ZeroFile extends MemoryDevice {
  constructor(node: PathNode, flags: number, readonly memory: Tmpfs) {
    super(node, flags);
  }

  override read(dst: Uint8Array): number {
    dst.fill(0);
    return dst.length;
  }

  /** Every mapping is a fresh object full of zeros, as big as the mapping needs. */
  override mapping(): Mappable | NegativeErrno {
    const file = this.memory.makeInode({ mode: S_IFREG | 0o600, uid: 0, gid: 0 });
    file.truncate(2 ** 40);
    return file;
  }
}

export class FullFile extends ZeroFile {
  override write(): number {
    return -Errno.ENOSPC;
  }
}

export class RandomFile extends MemoryDevice {
  override get pollable(): boolean {
    return true;
  }

  override read(dst: Uint8Array): number {
    fillRandom(dst);
    return dst.length;
  }
}

export const NULL_DEV = makeDev(1, 3);
export const ZERO_DEV = makeDev(1, 5);
export const FULL_DEV = makeDev(1, 7);
export const RANDOM_DEV = makeDev(1, 8);
export const URANDOM_DEV = makeDev(1, 9);

/** Openers of the memory devices; `pool` gives the pages of /dev/zero mappings. */
export function memoryDevices(pool: FramePool, realtimeNs: () => bigint): [number, DeviceOpener][] {
  const memory = new Tmpfs({ pool, realtimeNs });
  return [
    [NULL_DEV, (node, flags) => new NullFile(node, flags)],
    [ZERO_DEV, (node, flags) => new ZeroFile(node, flags, memory)],
    [FULL_DEV, (node, flags) => new FullFile(node, flags, memory)],
    [RANDOM_DEV, (node, flags) => new RandomFile(node, flags)],
    [URANDOM_DEV, (node, flags) => new RandomFile(node, flags)],
  ];
}
