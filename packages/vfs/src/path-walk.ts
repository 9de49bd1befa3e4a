/**
 * Path resolution (path_resolution(7), openat2(2)). One walk object per resolution; the loop keeps the
 * position in two fields and allocates nothing on the way.
 */
import {
  Errno, MAX_SYMLINKS, MS_NOSYMFOLLOW, NAME_MAX, PATH_MAX, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV, S_IFDIR, S_IFLNK, S_IFMT, X_OK,
} from '@troupe/abi';
import { checkAccess } from './access.js';
import type { Dentry } from './dentry.js';
import { type Mount, PathNode } from './mount.js';
import type { NegativeErrno, VfsContext } from './types.js';

export const Follow = { YES: 1, NO: 0 } as const;

/** What the last component of a path is. */
export const LastKind = { NORMAL: 0, DOT: 1, DOTDOT: 2, ROOT: 3 } as const;

const DOT = '.';
const DOTDOT = '..';

export class PathWalk {
  mount: Mount;
  dentry: Dentry;
  /** Set by `toParent`: the last component, not looked up yet. */
  lastName = '';
  lastKind: number = LastKind.ROOT;
  /** The path ended with a slash: the last component must be a directory. */
  trailingSlash = false;

  private _links = 0;
  private readonly _root: PathNode;
  /** "/" and the limit of ".."; the starting directory for RESOLVE_IN_ROOT and RESOLVE_BENEATH. */
  private readonly _confined: boolean;

  constructor(readonly ctx: VfsContext, start: PathNode, readonly resolve = 0) {
    this.mount = start.mount;
    this.dentry = start.dentry;
    this._confined = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0;
    this._root = this._confined ? start : ctx.root;
  }

  get node(): PathNode {
    return new PathNode(this.mount, this.dentry);
  }

  /** Resolves the whole path; 0 or a negative errno. The position is then the object. */
  toObject(path: string, follow: number): number {
    const result = this._run(path, follow, false);
    if (result < 0) return result;
    return this.trailingSlash && !this._atDirectory() ? -Errno.ENOTDIR : 0;
  }

  /** Resolves all but the last component; the position is then the directory that holds `lastName`. */
  toParent(path: string): number {
    return this._run(path, Follow.NO, true);
  }

  /** Looks `lastName` up in the position after `toParent`: the dentry (maybe negative), or a negative errno. */
  lookupLast(): Dentry | NegativeErrno {
    const result = this._checkSearch();
    if (result < 0) return result;
    if (this.lastName.length > NAME_MAX) return -Errno.ENAMETOOLONG;
    return childDentry(this.mount, this.dentry, this.lastName, this.ctx);
  }

  /** After `lookupLast` found a symbolic link to follow: goes on to the parent of what it names. */
  followLast(link: Dentry): number {
    const rest = this.trailingSlash ? '/' : '';
    const target = this._readLink(link);
    if (typeof target === 'number') return target;
    if (target === null) return JUMPED;
    const start = this._startOf(target);
    return start < 0 ? start : this._run(target + rest, Follow.NO, true, false);
  }

  /** Enters the mounts that sit on `dentry`. */
  enter(dentry: Dentry): number {
    let { mount } = this;
    while (dentry.mountCount > 0) {
      const mounted = mount.children.get(dentry);
      if (mounted === undefined) break;
      if (this.resolve & RESOLVE_NO_XDEV) return -Errno.EXDEV;
      mount = mounted;
      dentry = mounted.root;
    }
    this.mount = mount;
    this.dentry = dentry;
    return 0;
  }

  private _atDirectory(): boolean {
    return (this.dentry.inode!.mode & S_IFMT) === S_IFDIR;
  }

  private _startOf(path: string): number {
    if (path.charCodeAt(0) !== 47) return 0;
    if (this.resolve & RESOLVE_BENEATH) return -Errno.EXDEV;
    if ((this.resolve & RESOLVE_NO_XDEV) && this.mount !== this._root.mount) return -Errno.EXDEV;
    this.mount = this._root.mount;
    this.dentry = this._root.dentry;
    return 0;
  }

  private _run(pathIn: string, follow: number, stopAtLast: boolean, setStart = true): number {
    if (pathIn.length === 0) return -Errno.ENOENT;
    if (setStart) {
      if (pathIn.length >= PATH_MAX) return -Errno.ENAMETOOLONG;
      const started = this._startOf(pathIn);
      if (started < 0) return started;
    }
    let path = pathIn;
    let at = 0;
    this.lastKind = LastKind.ROOT;
    this.trailingSlash = false;
    for (;;) {
      while (path.charCodeAt(at) === 47) at++;
      if (at >= path.length) return 0;
      let end = path.indexOf('/', at);
      if (end < 0) end = path.length;
      let next = end;
      while (path.charCodeAt(next) === 47) next++;
      const last = next >= path.length;
      const name = path.slice(at, end);
      if (last) this.trailingSlash = next > end;
      if (last && stopAtLast) return this._stop(name);
      const target = this._step(name, last && follow === Follow.NO && next === end);
      if (typeof target === 'number') {
        if (target < 0) return target;
        at = next;
        continue;
      }
      const started = this._startOf(target);
      if (started < 0) return started;
      path = target + path.slice(end);
      at = 0;
    }
  }

  private _stop(name: string): number {
    this.lastName = name;
    this.lastKind = name === DOT ? LastKind.DOT : name === DOTDOT ? LastKind.DOTDOT : LastKind.NORMAL;
    return this._atDirectory() ? 0 : -Errno.ENOTDIR;
  }

  /** One component: 0 = moved, negative errno, or the target of a symbolic link to continue with. */
  private _step(name: string, keepLink: boolean): number | string {
    const permission = this._checkSearch();
    if (permission < 0) return permission;
    if (name === DOT) return 0;
    if (name === DOTDOT) return this._up();
    if (name.length > NAME_MAX) return -Errno.ENAMETOOLONG;
    const child = childDentry(this.mount, this.dentry, name, this.ctx);
    if (typeof child === 'number') return child;
    const { inode } = child;
    if (inode === null) return -Errno.ENOENT;
    if ((inode.mode & S_IFMT) === S_IFLNK && !keepLink) return this._readLink(child) ?? 0;
    if (child.mountCount > 0) return this.enter(child);
    this.dentry = child;
    return 0;
  }

  private _checkSearch(): number {
    const inode = this.dentry.inode!;
    if ((inode.mode & S_IFMT) !== S_IFDIR) return -Errno.ENOTDIR;
    return checkAccess(inode, this.ctx.creds, X_OK);
  }

  /** The target; null after a jump of a magic link; or a negative errno. */
  private _readLink(link: Dentry): string | null | NegativeErrno {
    if (++this._links > MAX_SYMLINKS) return -Errno.ELOOP;
    if (this.resolve & RESOLVE_NO_SYMLINKS) return -Errno.ELOOP;
    if (this.mount.flags & MS_NOSYMFOLLOW) return -Errno.ELOOP;
    const inode = link.inode!;
    const jump = inode.followMagic(this.ctx);
    if (jump !== null) return this._jump(jump);
    const target = inode.readlink(this.ctx);
    return target === '' ? -Errno.ENOENT : target;
  }

  private _jump(to: PathNode | NegativeErrno): null | NegativeErrno {
    if (typeof to === 'number') return to;
    if (this.resolve & RESOLVE_NO_MAGICLINKS) return -Errno.ELOOP;
    if (this._confined) return -Errno.EXDEV;
    if ((this.resolve & RESOLVE_NO_XDEV) && to.mount !== this.mount) return -Errno.EXDEV;
    this.mount = to.mount;
    this.dentry = to.dentry;
    return null;
  }

  private _up(): number {
    const root = this._root;
    if (this.mount === root.mount && this.dentry === root.dentry) return this.resolve & RESOLVE_BENEATH ? -Errno.EXDEV : 0;
    let { mount, dentry } = this;
    while (dentry === mount.root) {
      if (mount.parent === null) return 0;
      if (this.resolve & RESOLVE_NO_XDEV) return -Errno.EXDEV;
      dentry = mount.mountpoint!;
      mount = mount.parent;
      if (mount === root.mount && dentry === root.dentry) return 0;
    }
    this.mount = mount;
    this.dentry = dentry.parent ?? dentry;
    return this.enter(this.dentry);
  }
}

/** Result of `followLast`: a magic link took the position to the object itself. */
export const JUMPED = 1;

/** The dentry of a name, asking the file system on a miss. Negative results are cached. */
export function childDentry(mount: Mount, dir: Dentry, name: string, ctx: VfsContext): Dentry | NegativeErrno {
  const { fs } = mount;
  const cached = dir.children?.get(name);
  if (cached !== undefined) {
    if (!fs.volatileNames || cached.mountCount > 0 || fs.revalidate(dir.inode!, cached)) return cached;
    dir.dropChild(name);
  }
  const found = dir.inode!.lookup(name, ctx);
  if (typeof found !== 'number') return dir.addChild(name, found);
  return found === -Errno.ENOENT ? dir.addChild(name, null) : found;
}
