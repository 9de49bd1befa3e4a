/** Symbolic links, devices, FIFOs and sockets of tmpfs. */
import { Errno } from '@troupe/abi';
import type { NewInode } from '../../types.js';
import { TmpfsInode } from './inode.js';
import type { Tmpfs } from './tmpfs.js';

export class TmpfsSymlink extends TmpfsInode {
  private readonly _target: string;

  constructor(tmpfs: Tmpfs, ino: number, init: NewInode) {
    super(tmpfs, ino, { ...init, mode: (init.mode & ~0o7777) | 0o777 });
    this._target = init.target ?? '';
  }

  override get sizeBytes(): number {
    return this._target.length;
  }

  override readlink(): string {
    return this._target;
  }

  override open(): number {
    return -Errno.ELOOP;
  }
}

/** The VFS opens devices and FIFOs by itself (SpecialFiles); what is left cannot be opened. */
export class TmpfsSpecial extends TmpfsInode {
  override open(): number {
    return -Errno.ENXIO;
  }
}
