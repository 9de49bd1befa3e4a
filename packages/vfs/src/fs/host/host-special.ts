/** Symbolic links, devices, FIFOs and sockets of a host directory. */
import fs from 'node:fs';
import { Errno, S_IFMT } from '@troupe/abi';
import { Inode } from '../../inode.js';
import type { AttrChange, NegativeErrno, NewInode, Stat } from '../../types.js';
import { attempt } from './host-errors.js';
import type { HostFileSystem } from './host-file-system.js';
import { HostInode } from './host-inode.js';

export class HostSymlink extends HostInode {
  override readlink(): string | NegativeErrno {
    return attempt(() => fs.readlinkSync(this.hostPath, 'latin1'));
  }

  override open(): number {
    return -Errno.ELOOP;
  }
}

/** The VFS opens devices and FIFOs with its own drivers; a socket of the host cannot be opened. */
export class HostSpecial extends HostInode {
  override open(): number {
    return -Errno.ENXIO;
  }
}

/**
 * A FIFO or socket that a guest made in a host directory. It exists in memory only: the host library
 * cannot make such files, and the other end is in the guest anyway.
 */
export class HostShadow extends Inode {
  private readonly _timeNs: bigint;
  nlink = 1;

  constructor(host: HostFileSystem, ino: number, init: NewInode, nowNs: bigint) {
    super(host, ino, init.mode, init.uid, init.gid);
    this._timeNs = nowNs;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }

  override stat(): Stat {
    const timeNs = this._timeNs;
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: this.nlink, uid: this.uid, gid: this.gid, rdev: 0, sizeBytes: 0,
      blockBytes: 4096, blocks: 0, atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: timeNs,
    };
  }

  override setAttr(change: AttrChange): number {
    if (change.mode !== undefined) this.mode = (this.mode & ~0o7777) | change.mode;
    this.uid = change.uid ?? this.uid;
    this.gid = change.gid ?? this.gid;
    return 0;
  }

  override open(): number {
    return -Errno.ENXIO;
  }
}
