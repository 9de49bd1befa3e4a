/** Regular files of tmpfs, and memfds (with seals, fcntl(2) F_ADD_SEALS). */
import {
  Errno, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, F_SEAL_EXEC, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SEAL,
  F_SEAL_SHRINK, F_SEAL_WRITE, PAGE_SIZE,
} from '@troupe/abi';
import type { FileDescription } from '../../file-description.js';
import { FilePages } from '../../file-pages.js';
import type { PathNode } from '../../mount.js';
import { openRegularFile } from '../../regular-file.js';
import type { NegativeErrno, NewInode, PageMapper } from '../../types.js';
import { TmpfsInode } from './inode.js';
import type { Tmpfs } from './tmpfs.js';

const ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;
const WRITE_SEALS = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;

export class TmpfsFile extends TmpfsInode {
  private readonly _pages: FilePages;
  private _sizeBytes = 0;
  /** -1: not a memfd, cannot be sealed. */
  private _seals = -1;

  constructor(tmpfs: Tmpfs, ino: number, init: NewInode) {
    super(tmpfs, ino, init);
    this._pages = new FilePages(tmpfs.pool);
  }

  override get sizeBytes(): number {
    return this._sizeBytes;
  }

  protected override get storageBytes(): number {
    return this._pages.count * PAGE_SIZE;
  }

  override get mappers(): Set<PageMapper> {
    return this._pages.mappers;
  }

  override open(node: PathNode, flags: number): FileDescription | NegativeErrno {
    return openRegularFile(node, flags);
  }

  override readAt(dst: Uint8Array, offBytes: number): number {
    const count = Math.min(dst.length, this._sizeBytes - offBytes);
    if (count <= 0) return 0;
    const failure = this._pages.read(count === dst.length ? dst : dst.subarray(0, count), offBytes);
    return failure < 0 ? failure : count;
  }

  override writeAt(src: Uint8Array, offBytes: number): number {
    if (this._seals > 0) {
      if (this._seals & WRITE_SEALS) return -Errno.EPERM;
      if ((this._seals & F_SEAL_GROW) && offBytes + src.length > this._sizeBytes) return -Errno.EPERM;
    }
    if (!this.tmpfs.hasRoom(1) && offBytes + src.length > this.storageBytes) return -Errno.ENOSPC;
    const before = this._pages.count;
    const count = this._pages.write(src, offBytes);
    this.tmpfs.pagesUsed += this._pages.count - before;
    if (count > 0) {
      if (offBytes + count > this._sizeBytes) this._sizeBytes = offBytes + count;
      this.touch();
    }
    return count;
  }

  override truncate(sizeBytes: number): number {
    if (this._seals > 0) {
      if ((this._seals & F_SEAL_SHRINK) && sizeBytes < this._sizeBytes) return -Errno.EPERM;
      if ((this._seals & F_SEAL_GROW) && sizeBytes > this._sizeBytes) return -Errno.EPERM;
    }
    if (sizeBytes < this._sizeBytes) this._changePages(() => this._pages.shrink(this, sizeBytes));
    this._sizeBytes = sizeBytes;
    this.touch();
    return 0;
  }

  override fallocate(flags: number, offBytes: number, lenBytes: number): number {
    const end = offBytes + lenBytes;
    const refused = this._fallocateSealed(flags, end);
    if (refused < 0) return refused;
    if (flags === (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
      this._changePages(() => this._pages.punch(this, offBytes, Math.min(end, this._sizeBytes + PAGE_SIZE)));
    } else if ((flags & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE)) === 0) {
      const result = this._reserve(flags, offBytes, end);
      if (result < 0) return result;
    } else {
      return -Errno.EOPNOTSUPP;
    }
    this.touch();
    return 0;
  }

  private _fallocateSealed(flags: number, end: number): number {
    if (this._seals <= 0) return 0;
    if ((flags & FALLOC_FL_PUNCH_HOLE) !== 0) return this._seals & WRITE_SEALS ? -Errno.EPERM : 0;
    return (this._seals & F_SEAL_GROW) !== 0 && end > this._sizeBytes ? -Errno.EPERM : 0;
  }

  /** Space is only promised: pages appear when they are written. */
  private _reserve(flags: number, offBytes: number, end: number): number {
    if (!this.tmpfs.hasRoom(Math.ceil((end - offBytes) / PAGE_SIZE))) return -Errno.ENOSPC;
    if (flags & FALLOC_FL_ZERO_RANGE) this._changePages(() => this._pages.punch(this, offBytes, end));
    if ((flags & FALLOC_FL_KEEP_SIZE) === 0 && end > this._sizeBytes) this._sizeBytes = end;
    return 0;
  }

  private _changePages(change: () => void): void {
    const before = this._pages.count;
    change();
    this.tmpfs.pagesUsed += this._pages.count - before;
  }

  override seekData(offBytes: number, hole: boolean): number {
    return this._pages.seek(offBytes, this._sizeBytes, hole);
  }

  /** Holes get a page at the first read fault too: later writes through other mappings must be seen. */
  override getPage(index: number, forWrite: boolean): number {
    const present = this._pages.peek(index);
    if (present !== 0 && !forWrite) return present;
    if (index * PAGE_SIZE >= this._sizeBytes) return -Errno.ENXIO;
    if (forWrite) this.touch();
    if (present !== 0) return present;
    if (!this.tmpfs.hasRoom(1)) return -Errno.ENOSPC;
    const frame = this._pages.take(index);
    if (frame === 0) return -Errno.ENOMEM;
    this.tmpfs.pagesUsed++;
    return frame;
  }

  override peekPage(index: number): number {
    return this._pages.peek(index);
  }

  override get seals(): number {
    return this._seals < 0 ? -Errno.EINVAL : this._seals;
  }

  override addSeals(seals: number): number {
    if (this._seals < 0 || (seals & ~ALL_SEALS) !== 0) return -Errno.EINVAL;
    if (this._seals & F_SEAL_SEAL) return -Errno.EPERM;
    if ((seals & F_SEAL_WRITE) !== 0 && this._pages.mappers.size > 0) return -Errno.EBUSY;
    this._seals |= seals;
    return 0;
  }

  /** Makes it a memfd: sealable when `seals` allows (memfd_create(2)). */
  enableSeals(seals: number): void {
    this._seals = seals;
  }

  protected override freeStorage(): void {
    super.freeStorage();
    this.tmpfs.pagesUsed -= this._pages.count;
    this._pages.clear();
    this._sizeBytes = 0;
  }
}
