/**
 * Regular files of the host. read(2) and write(2) go to the host directly; pages exist only for mappings.
 * Pages that a mapping may have changed (`#dirty`) win over the host's bytes until they are written back.
 *
 * Owns:  host descriptors while the file is open, the pages, the stamp that says the pages are current.
 * Order: a write goes to the host first, then into cached pages; the stamp is taken after that.
 */
import fs from 'node:fs';
import { Errno, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY, PAGE_SIZE, zeroMemory } from '@troupe/abi';
import type { FileDescription } from '../../file-description.js';
import { FilePages } from '../../file-pages.js';
import type { PathNode } from '../../mount.js';
import { openRegularFile } from '../../regular-file.js';
import type { NegativeErrno, PageMapper } from '../../types.js';
import { attempt, attemptEffect, hostName } from './host-errors.js';
import { HostInode } from './host-inode.js';
import type { CachedFile } from './page-cache.js';

/** Pages read at once around a fault; sequential faults double it up to the larger one. */
const CLUSTER_PAGES = 32;
const MAX_CLUSTER_PAGES = 128;
const staging = new Uint8Array(MAX_CLUSTER_PAGES * PAGE_SIZE);

export class HostFile extends HostInode implements CachedFile {
  private _readFd = -1;
  private _writeFd = -1;
  private _opens = 0;
  private _pagesOrNull: FilePages | null = null;
  private readonly _dirty = new Set<number>();
  /** mtime and size the pages belong to. */
  private _stampNs = 0n;
  private _stampBytes = -1;
  private _nextIndex = -1;
  /** Page handed out last. */
  private _lastIndex = 0;
  private _clusterPages = CLUSTER_PAGES;

  private get _pages(): FilePages {
    return this._pagesOrNull ??= new FilePages(this.host.pool);
  }

  get cachedPages(): number {
    return this._pagesOrNull?.count ?? 0;
  }

  override get mappers(): Set<PageMapper> {
    return this._pages.mappers;
  }

  // Opening ---------------------------------------------------------------------------------------

  override open(node: PathNode, flags: number): FileDescription | NegativeErrno {
    return openRegularFile(node, flags);
  }

  override onOpen(flags: number): number {
    const accessMode = flags & 3;
    if (accessMode !== O_RDONLY && !this.host.writable) return -Errno.EROFS;
    const result = accessMode === O_RDONLY ? this._openRead() : this._openWrite(accessMode);
    if (result < 0) return result;
    this._opens++;
    this.host.openFiles.add(this);
    this._validate();
    return 0;
  }

  private _openHost(flags: number): number {
    const fd = attempt(() => fs.openSync(this.hostPath, flags | O_NOFOLLOW));
    if (fd < 0) return fd;
    const stats = fs.fstatSync(fd, { bigint: true });
    if (Number(stats.ino) !== this.ino || Number(stats.dev) !== this.hostDev) {
      fs.closeSync(fd);
      return -Errno.ESTALE;
    }
    this.update(stats);
    return fd;
  }

  private _openRead(): number {
    if (this._readFd >= 0) {
      this.refresh();
      return 0;
    }
    this._readFd = this._openHost(O_RDONLY);
    return Math.min(this._readFd, 0);
  }

  private _openWrite(accessMode: number): number {
    if (this._writeFd < 0) {
      this._writeFd = this._openHost(O_RDWR);
      if (this._writeFd >= 0 && this._readFd < 0) this._readFd = attempt(() => fs.openSync(`/proc/self/fd/${this._writeFd}`, O_RDONLY));
    }
    if (this._writeFd < 0 && accessMode === O_WRONLY) this._writeFd = this._openHost(O_WRONLY);
    return Math.min(this._writeFd, 0);
  }

  override onRelease(_flags: number): void {
    if (--this._opens > 0) return;
    this.writeBack();
    this.closeDescriptors();
  }

  closeDescriptors(): void {
    if (this._writeFd >= 0 && this.cachedPages > 0) this._takeStamp();
    if (this._readFd >= 0) fs.closeSync(this._readFd);
    if (this._writeFd >= 0) fs.closeSync(this._writeFd);
    this._readFd = -1;
    this._writeFd = -1;
    this.host.openFiles.delete(this);
  }

  protected override readStats(): fs.BigIntStats | number {
    const fd = this._readFd >= 0 ? this._readFd : this._writeFd;
    return fd >= 0 ? attempt(() => fs.fstatSync(fd, { bigint: true })) : super.readStats();
  }

  // Images ----------------------------------------------------------------------------------------

  /** Before an image is made: everything is on the host, and the file can be found again. A reason why not, or null. */
  prepareSave(): string | null {
    if (this._opens === 0) return null;
    const written = this.writeBack();
    if (written < 0) return `${this.plainPath} cannot be written back: error ${-written}`;
    this.refresh();
    const named = attempt(() => fs.lstatSync(hostName(this.plainPath), { bigint: true }));
    return typeof named !== 'number' && Number(named.ino) === this.ino ? null : `${this.plainPath} is open and has no name on the host any more`;
  }

  /** It came with an image: descriptors are opened again. A reason why this is not the file it was, or null. */
  reopen(): string | null {
    const { mtimeNs, sizeBytes } = this.lastAttributes;
    const isFound = this.host.reconnect(this);
    if (this._opens === 0) return null;
    if (!isFound) return `${this.plainPath} is gone`;
    if (this.lastAttributes.mtimeNs !== mtimeNs || this.lastAttributes.sizeBytes !== sizeBytes) return `${this.plainPath} has changed`;
    const [hasRead, hasWrite] = [this._readFd >= 0, this._writeFd >= 0];
    this._readFd = this._writeFd = -1;
    const opened = hasWrite ? this._openWrite(hasRead ? O_RDWR : O_WRONLY) : hasRead ? this._openRead() : 0;
    return opened < 0 ? `${this.plainPath} cannot be opened: error ${-opened}` : null;
  }

  // Validity of the pages -------------------------------------------------------------------------

  /** At open: when the host changed the file since the pages were read, they go (mappings fault again). */
  private _validate(): void {
    if (this.cachedPages === 0) return;
    const { mtimeNs, sizeBytes } = this.lastAttributes;
    if (this._opens > 1 && this._writeFd >= 0) return;
    if (mtimeNs === this._stampNs && sizeBytes === this._stampBytes) return;
    const dropped = this.cachedPages;
    this._pages.shrink(this, 0);
    this._dirty.clear();
    this.host.pageCache.released(this, dropped);
  }

  private _takeStamp(): void {
    this.refresh();
    this._stampNs = this.lastAttributes.mtimeNs;
    this._stampBytes = this.lastAttributes.sizeBytes;
  }

  // Reading and writing -----------------------------------------------------------------------------

  override readAt(dst: Uint8Array, offBytes: number): number {
    const fd = this._readFd >= 0 ? this._readFd : this._writeFd;
    const count = attempt(() => fs.readSync(fd, dst, 0, dst.length, offBytes));
    if (count <= 0 || this._dirty.size === 0) return count;
    const failure = this._patchFromDirty(dst.subarray(0, count), offBytes);
    return failure < 0 ? failure : count;
  }

  private _patchFromDirty(dst: Uint8Array, offBytes: number): number {
    for (const index of this._dirty) {
      const from = Math.max(offBytes, index * PAGE_SIZE);
      const to = Math.min(offBytes + dst.length, (index + 1) * PAGE_SIZE);
      const failure = from < to ? this._pages.read(dst.subarray(from - offBytes, to - offBytes), from) : 0;
      if (failure < 0) return failure;
    }
    return 0;
  }

  override writeAt(src: Uint8Array, offBytes: number): number {
    const count = attempt(() => fs.writeSync(this._writeFd, src, 0, src.length, offBytes));
    if (count <= 0) return count;
    if (this.cachedPages > 0) this._patchPages(src.subarray(0, count), offBytes);
    if (this.host.trustMs > 0) this.refresh();
    return count;
  }

  private _patchPages(src: Uint8Array, offBytes: number): void {
    const end = offBytes + src.length;
    for (let at = offBytes; at < end;) {
      const index = Math.floor(at / PAGE_SIZE);
      const next = Math.min(end, (index + 1) * PAGE_SIZE);
      if (this._pages.peek(index) !== 0) this._pages.write(src.subarray(at - offBytes, next - offBytes), at);
      at = next;
    }
  }

  override truncate(sizeBytes: number): number {
    const result = this._writeFd >= 0 ? attemptEffect(() => fs.ftruncateSync(this._writeFd, sizeBytes)) : this._truncateUnopened(sizeBytes);
    if (result < 0) return result;
    if (this.cachedPages > 0) this._shrinkPages(sizeBytes);
    this.refresh();
    return 0;
  }

  /** O_TRUNC without write access (open(2)). */
  private _truncateUnopened(sizeBytes: number): number {
    if (!this.host.writable) return -Errno.EROFS;
    const fd = this._openHost(O_WRONLY);
    if (fd < 0) return fd;
    const result = attemptEffect(() => fs.ftruncateSync(fd, sizeBytes));
    fs.closeSync(fd);
    return result;
  }

  private _shrinkPages(sizeBytes: number): void {
    const before = this.cachedPages;
    this._pages.shrink(this, sizeBytes);
    for (const index of this._dirty) if (index * PAGE_SIZE >= sizeBytes) this._dirty.delete(index);
    this.host.pageCache.released(this, before - this.cachedPages);
  }

  override fallocate(flags: number, offBytes: number, lenBytes: number): number {
    if (flags !== 0) return flags === 1 ? 0 : -Errno.EOPNOTSUPP;
    const end = offBytes + lenBytes;
    return end > this.sizeBytes ? this.truncate(end) : 0;
  }

  override sync(): number {
    const written = this.writeBack();
    if (written < 0 || this._writeFd < 0) return written;
    return attemptEffect(() => fs.fsyncSync(this._writeFd));
  }

  /** Writes pages that mappings may have changed; a page that is still mapped stays dirty. */
  writeBack(): number {
    if (this._dirty.size === 0 || this._writeFd < 0) return 0;
    const { pool } = this.host;
    this.refresh();
    const sizeBytes = this.lastAttributes.sizeBytes;
    for (const index of [...this._dirty]) {
      const frame = this._pages.peek(index);
      const count = Math.min(PAGE_SIZE, sizeBytes - index * PAGE_SIZE);
      if (frame !== 0 && count > 0) {
        if (!pool.bring(frame)) return -Errno.EIO;
        const result = attempt(() => fs.writeSync(this._writeFd, pool.shared.u8.slice(frame, frame + count), 0, count, index * PAGE_SIZE));
        if (result < 0) return result;
      }
      if (frame === 0 || pool.refCount(frame) === 1) this._dirty.delete(index);
    }
    return 0;
  }

  // Pages -------------------------------------------------------------------------------------------

  override peekPage(index: number): number {
    const frame = this._pagesOrNull?.peek(index) ?? 0;
    if (frame !== 0) this._lastIndex = index;
    return frame;
  }

  override getPage(index: number, forWrite: boolean): number {
    this.host.pageCache.touched(this);
    this._lastIndex = index;
    let frame = this.peekPage(index);
    if (frame === 0) {
      const loaded = this._load(index);
      if (loaded < 0) return loaded;
      frame = this.peekPage(index);
      if (frame === 0) return -Errno.ENOMEM;
    }
    if (forWrite) this._dirty.add(index);
    return frame;
  }

  /** Reads the cluster of pages that `index` is in; sequential loads read growing runs ahead. */
  private _load(index: number): number {
    const sizeBytes = this._writeFd >= 0 ? this.sizeBytes : this.lastAttributes.sizeBytes;
    if (index * PAGE_SIZE >= sizeBytes) return -Errno.ENXIO;
    if (this.cachedPages === 0) this._takeStamp();
    const isSequential = index === this._nextIndex;
    this._clusterPages = isSequential ? Math.min(this._clusterPages * 2, MAX_CLUSTER_PAGES) : CLUSTER_PAGES;
    const first = isSequential ? index : index & -CLUSTER_PAGES;
    const offBytes = first * PAGE_SIZE;
    const wanted = Math.min(this._clusterPages * PAGE_SIZE, sizeBytes - offBytes);
    const count = this._readHost(wanted, offBytes);
    if (count < 0) return count;
    if (count === 0) return -Errno.ENXIO;
    this._nextIndex = first + Math.ceil(count / PAGE_SIZE);
    return this._fill(first, count);
  }

  /** Into the staging buffer; a file that is mapped but has no open descriptor is opened for the moment. */
  private _readHost(wanted: number, offBytes: number): number {
    const kept = this._readFd >= 0 ? this._readFd : this._writeFd;
    const fd = kept >= 0 ? kept : this._openHost(O_RDONLY);
    if (fd < 0) return fd;
    const count = attempt(() => fs.readSync(fd, staging, 0, wanted, offBytes));
    if (kept < 0) fs.closeSync(fd);
    return count;
  }

  private _fill(index: number, count: number): number {
    const { pool, pageCache } = this.host;
    const { u8 } = pool.shared;
    const pages = this._pages;
    for (let done = 0, at = index; done < count; done += PAGE_SIZE, at++) {
      if (pages.peek(at) !== 0) continue;
      const frame = pool.allocUnzeroed();
      if (frame === 0) return done === 0 ? -Errno.ENOMEM : 0;
      const length = Math.min(PAGE_SIZE, count - done);
      u8.set(staging.subarray(done, done + length), frame);
      if (length < PAGE_SIZE) zeroMemory(pool.shared, frame + length, frame + PAGE_SIZE);
      pages.put(at, frame);
      pageCache.reserve(this, 1);
    }
    return 0;
  }

  evict(keepNear: boolean): number {
    const { pool } = this.host;
    let dropped = 0;
    for (const index of [...this._pages.indexes()]) {
      if (keepNear && Math.abs(index - this._lastIndex) <= 2 * MAX_CLUSTER_PAGES) continue;
      if (this._dirty.has(index) || pool.refCount(this._pages.peek(index)) > 1) continue;
      this._pages.drop(index);
      dropped++;
    }
    this.host.pageCache.released(this, dropped);
    return dropped;
  }
}
