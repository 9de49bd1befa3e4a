/** Directories of the host. */
import fs from 'node:fs';
import { Errno, IdCounter, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '@troupe/abi';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import type { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import type { DirEntry, LookupResult, NegativeErrno, NewInode, VfsContext } from '../../types.js';
import { attempt, attemptEffect, hostName } from './host-errors.js';
import { HostInode } from './host-inode.js';
import { HostShadow } from './host-special.js';

const shadowInos = new IdCounter('shadow inode', 2 ** 40);

export class HostDirectory extends HostInode {
  private _fd = -1;
  private _shadows: Map<string, HostShadow> | null = null;

  /** Path of an entry for host calls. */
  pathOf(name: string): string | Buffer {
    if (!this.host.writable) return hostName(`${this.plainPath}/${name}`);
    const fd = this._descriptor();
    return fd < 0 ? hostName(`/proc/self/fd/-1/${name}`) : hostName(`/proc/self/fd/${fd}/${name}`);
  }

  private _descriptor(): number {
    if (this._fd >= 0) return this._fd;
    const fd = this.host.openDirectory(this, this.parent === null ? hostName(this.host.rootPath) : this.parent.pathOf(this.name));
    if (fd < 0) return fd;
    const stats = fs.fstatSync(fd, { bigint: true });
    if (Number(stats.ino) !== this.ino || Number(stats.dev) !== this.hostDev) {
      fs.closeSync(fd);
      return -Errno.ESTALE;
    }
    this._fd = fd;
    return fd;
  }

  closeDescriptor(): void {
    if (this._fd >= 0) fs.closeSync(this._fd);
    this._fd = -1;
  }

  override open(node: PathNode, flags: number): FileDescription | NegativeErrno {
    return new DirectoryFile(node, flags);
  }

  private _stats(name: string): fs.BigIntStats | number {
    const stats = attempt(() => fs.lstatSync(this.pathOf(name), { bigint: true, throwIfNoEntry: false }));
    return stats === undefined ? -Errno.ENOENT : stats;
  }

  override lookup(name: string): LookupResult {
    const shadow = this._shadows?.get(name);
    if (shadow !== undefined) return shadow;
    const stats = this._stats(name);
    return typeof stats === 'number' ? stats : this.host.inodeFor(stats, this, name);
  }

  /** Is `name` still this inode (null = still absent)? */
  confirms(name: string, inode: Inode | null): boolean {
    if (inode instanceof HostShadow) return this._shadows?.get(name) === inode;
    const stats = this._stats(name);
    if (typeof stats === 'number') return inode === null && stats === -Errno.ENOENT;
    if (!(inode instanceof HostInode) || inode.ino !== Number(stats.ino) || inode.hostDev !== Number(stats.dev)) return false;
    if ((inode.mode & S_IFMT) !== (Number(stats.mode) & S_IFMT)) return false;
    inode.relocate(this, name);
    inode.update(stats);
    return true;
  }

  override create(name: string, init: NewInode, ctx: VfsContext): LookupResult {
    if (!this.host.writable) return -Errno.EROFS;
    const type = init.mode & S_IFMT;
    if (type === S_IFIFO || type === S_IFSOCK) return this._createShadow(name, init, ctx);
    const path = this.pathOf(name);
    const permissions = init.mode & 0o7777;
    const made = attemptEffect(() => {
      if (type === S_IFREG) fs.closeSync(fs.openSync(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, permissions));
      else if (type === S_IFDIR) fs.mkdirSync(path, permissions);
      else if (type === S_IFLNK) fs.symlinkSync(hostName(init.target ?? ''), path);
      else throw Object.assign(new Error('device nodes cannot be made in host directories'), { errno: -Errno.EPERM });
    });
    if (made < 0) return made;
    this._giveOwner(path, type, permissions, init);
    this.refresh();
    return this.lookup(name);
  }

  /** Exact mode in spite of the umask of the host process; the owner only where the host lets us. */
  private _giveOwner(path: string | Buffer, type: number, permissions: number, init: NewInode): void {
    const stats = attempt(() => fs.lstatSync(path));
    if (typeof stats === 'number') return;
    if (stats.uid !== init.uid || stats.gid !== init.gid) attemptEffect(() => fs.lchownSync(path, init.uid, init.gid));
    if (type !== S_IFLNK && (stats.mode & 0o7777) !== permissions) attemptEffect(() => fs.chmodSync(path, permissions));
  }

  private _createShadow(name: string, init: NewInode, ctx: VfsContext): Inode {
    const shadow = new HostShadow(this.host, shadowInos.take(), init, ctx.realtimeNs());
    (this._shadows ??= new Map()).set(name, shadow);
    return shadow;
  }

  override link(name: string, target: Inode): number {
    if (!this.host.writable) return -Errno.EROFS;
    if (!(target instanceof HostInode) || target.host !== this.host) return -Errno.EXDEV;
    const result = attemptEffect(() => fs.linkSync(target.hostPath, this.pathOf(name)));
    target.refresh();
    return result;
  }

  override unlink(name: string, child: Inode): number {
    if (!this.host.writable) return -Errno.EROFS;
    if (this._shadows?.delete(name)) {
      (child as HostShadow).nlink--;
      return 0;
    }
    const result = attemptEffect(() => fs.unlinkSync(this.pathOf(name)));
    if (result === 0) this._removed(child);
    return result;
  }

  private _removed(child: Inode): void {
    if (!(child instanceof HostInode)) return;
    child.refresh();
    this.host.forget(child);
    this.refresh();
  }

  override rmdir(name: string, child: Inode): number {
    if (!this.host.writable) return -Errno.EROFS;
    const result = attemptEffect(() => fs.rmdirSync(this.pathOf(name)));
    if (result === 0) this._removed(child);
    return result;
  }

  override rename(name: string, child: Inode, newDir: Inode, newName: string, replaced: Inode | null, flags: number): number {
    if (!this.host.writable) return -Errno.EROFS;
    if (!(newDir instanceof HostDirectory) || newDir.host !== this.host) return -Errno.EXDEV;
    if (flags & RENAME_WHITEOUT) return -Errno.EINVAL;
    if (child instanceof HostShadow) return this._renameShadow(name, child, newDir, newName);
    if (!(child instanceof HostInode)) return -Errno.EXDEV;
    const result = flags & RENAME_EXCHANGE
      ? this._exchange(name, newDir, newName)
      : attemptEffect(() => fs.renameSync(this.pathOf(name), newDir.pathOf(newName)));
    if (result < 0) return result;
    child.relocate(newDir, newName);
    if (flags & RENAME_EXCHANGE) (replaced as HostInode).relocate(this, name);
    else if (replaced !== null) this._removed(replaced);
    child.refresh();
    this.refresh();
    newDir.refresh();
    return 0;
  }

  private _renameShadow(name: string, child: HostShadow, newDir: HostDirectory, newName: string): number {
    this._shadows!.delete(name);
    (newDir._shadows ??= new Map()).set(newName, child);
    return 0;
  }

  /** Atomic for guests; the host sees a temporary name for a moment. */
  private _exchange(name: string, newDir: HostDirectory, newName: string): number {
    const between = this.pathOf(`.${name}.exchange-${process.pid}`);
    return attemptEffect(() => {
      fs.renameSync(this.pathOf(name), between);
      fs.renameSync(newDir.pathOf(newName), this.pathOf(name));
      fs.renameSync(between, newDir.pathOf(newName));
    });
  }

  override entries(): DirEntry[] | NegativeErrno {
    const path = this.host.writable ? `/proc/self/fd/${this._descriptor()}` : hostName(this.plainPath || '/');
    const names = attempt(() => fs.readdirSync(path, 'latin1'));
    if (typeof names === 'number') return names;
    const list: DirEntry[] = [];
    for (const name of names) {
      const stats = attempt(() => fs.lstatSync(this.pathOf(name), { throwIfNoEntry: false }));
      if (typeof stats === 'number' || stats === undefined) continue;
      list.push({ name, ino: stats.ino, type: stats.mode & S_IFMT });
    }
    if (this._shadows !== null) for (const [name, shadow] of this._shadows) list.push({ name, ino: shadow.ino, type: shadow.type });
    return list;
  }
}
