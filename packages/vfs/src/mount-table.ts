/**
 * The mount tree of one mount namespace (mount(2), umount(2), pivot_root(2), mount_namespaces(7)).
 *
 * Owns: parent, mountpoint, children and flags of every mount of the namespace.
 */
import {
  Errno, MS_BIND, MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME, ROOT_NAMESPACE_INODES, type UserNamespace,
} from '@troupe/abi';
import { Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import { dropTree, enslave, inheritPropagation, propagateAttach, receiversOf, setPropagation, type Propagation } from './mount-propagation.js';
import { Mount, type PathNode } from './mount.js';

/** Flags of a mount (the other bits of mount(2) are commands). */
export const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_NOSYMFOLLOW | MS_RELATIME;
/** Flags that a less privileged namespace may add to a locked mount, but not take away. */
const LOCKED_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

/** Ids of mounts, unique among all namespaces of a kernel. */
export class MountIds {
  next = 20;
}

export class MountTable {
  readonly kind = 'mnt';
  root!: Mount;

  /** A namespace without mounts; its maker sets `root`. */
  constructor(readonly ids: MountIds, readonly userNamespace: UserNamespace, readonly inode: number = ROOT_NAMESPACE_INODES.mnt) {}

  /** The first namespace, with a file system as its root. */
  static withRoot(userNamespace: UserNamespace, rootFs: FileSystem, flags: number, source: string): MountTable {
    const table = new MountTable(new MountIds(), userNamespace);
    table.root = table._make(rootFs, new Dentry(null, '', rootFs.root), flags, source);
    table.root.isNamespaceRoot = true;
    return table;
  }

  private _make(fs: FileSystem, root: Dentry, flags: number, source: string): Mount {
    return new Mount(this.ids.next++, fs, root, flags & MOUNT_FLAGS, source);
  }

  /** A mount that hangs nowhere yet (fsmount(2)). */
  detached(fs: FileSystem, flags: number, source: string): Mount {
    return this._make(fs, new Dentry(null, '', fs.root), flags, source);
  }

  /** Mounts `fs` on `at`; both directories or both not. */
  mount(fs: FileSystem, at: PathNode, flags: number, source: string): Mount {
    const mount = this.detached(fs, flags, source);
    this.attach(mount, at);
    return mount;
  }

  /** Hangs a tree in at a place, and at the same place of whoever shares it. */
  attach(tree: Mount, at: PathNode): void {
    tree.attach(at.mount, at.dentry);
    propagateAttach(tree, at.mount, at.dentry, (from, link) => this._copyTree(from, from.root, link));
  }

  /** A detached copy of what is at `from` (MS_BIND, open_tree(2)). -EINVAL for an unbindable mount. */
  copyOf(from: PathNode, recursive: boolean): Mount | number {
    if (from.mount.isUnbindable) return -Errno.EINVAL;
    return recursive ? this._copyTree(from.mount, from.dentry, inheritPropagation) : this._copy(from.mount, from.dentry, inheritPropagation);
  }

  /** MS_BIND: shows `from` at `at` too. */
  bind(from: PathNode, at: PathNode, recursive: boolean): Mount | number {
    if (from.inode.isDirectory !== at.inode.isDirectory) return -Errno.ENOTDIR;
    const mount = this.copyOf(from, recursive);
    if (typeof mount !== 'number') this.attach(mount, at);
    return mount;
  }

  private _copy(mount: Mount, root: Dentry, link: (copy: Mount, original: Mount) => void): Mount {
    const copy = this._make(mount.fs, root, mount.flags, mount.source);
    copy.isLocked = mount.isLocked;
    link(copy, mount);
    return copy;
  }

  private _copyTree(from: Mount, root: Dentry, link: (copy: Mount, original: Mount) => void): Mount {
    const copy = this._copy(from, root, link);
    for (const [mountpoint, child] of from.children) {
      if (child.isUnbindable || !root.isAncestorOf(mountpoint)) continue;
      this._copyTree(child, child.root, link).attach(copy, mountpoint);
    }
    return copy;
  }

  /**
   * CLONE_NEWNS: the same tree for another namespace. `moved` gets the copy of each mount. A namespace of
   * another user namespace receives mounts but sends none, and may not take apart what it got.
   */
  copyNamespace(userNamespace: UserNamespace, inode: number, moved: Map<Mount, Mount>): MountTable {
    const table = new MountTable(this.ids, userNamespace, inode);
    const isTrusted = userNamespace.is(this.userNamespace);
    const copyAll = (mount: Mount): Mount => {
      const copy = table._copy(mount, mount.root, isTrusted ? inheritPropagation : enslave);
      copy.isUnbindable = mount.isUnbindable;
      copy.isLocked = mount.isLocked || !isTrusted;
      moved.set(mount, copy);
      for (const [mountpoint, child] of mount.children) copyAll(child).attach(copy, mountpoint);
      return copy;
    };
    table.root = copyAll(this.root);
    table.root.isLocked = false;
    table.root.isNamespaceRoot = true;
    return table;
  }

  /** Is the mount part of this namespace? */
  has(mount: Mount): boolean {
    return mount.top === this.root;
  }

  /** MS_REMOUNT: new flags of one mount. -EPERM when a locked mount would lose a restriction. */
  remount(mount: Mount, flags: number): number {
    const next = flags & MOUNT_FLAGS & ~MS_BIND;
    if (mount.isLocked && (mount.flags & LOCKED_FLAGS & ~next) !== 0) return -Errno.EPERM;
    mount.flags = next;
    return 0;
  }

  /** MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE. */
  setPropagation(mount: Mount, type: Propagation, recursive: boolean): void {
    for (const each of recursive ? mount.subtree() : [mount]) setPropagation(each, type);
  }

  /** MS_MOVE. */
  move(mount: Mount, at: PathNode): number {
    if (mount.parent === null || mount.isLocked || mount.parent.peers !== null) return -Errno.EINVAL;
    if (mount.root.inode!.isDirectory !== at.inode.isDirectory) return -Errno.ENOTDIR;
    for (let up: Mount | null = at.mount; up !== null; up = up.parent) if (up === mount) return -Errno.ELOOP;
    mount.detach();
    this.attach(mount, at);
    return 0;
  }

  /** Takes a mount out; `lazy` takes everything below along, otherwise mounts below make it busy. */
  unmount(mount: Mount, lazy: boolean): number {
    const { mountpoint, parent } = mount;
    if (parent === null || mountpoint === null || mount.isLocked) return -Errno.EINVAL;
    if (!lazy && mount.children.size > 0) return -Errno.EBUSY;
    for (const receiver of receiversOf(parent)) {
      const child = receiver.children.get(mountpoint);
      if (child !== undefined && child.root === mount.root && (lazy || child.children.size === 0)) this._drop(child);
    }
    this._drop(mount);
    return 0;
  }

  private _drop(mount: Mount): void {
    for (const { fs } of mount.subtree()) fs.sync();
    dropTree(mount);
  }

  /** Nobody is in the namespace any more. */
  dissolve(): void {
    dropTree(this.root);
  }

  /** pivot_root(2): `newRoot` takes the place of the mount `root` is the root of; that one appears at `putOld`. */
  pivot(newRoot: PathNode, putOld: PathNode, root: PathNode = this.root.rootNode): number {
    const top = newRoot.mount;
    const oldRoot = root.mount;
    if (!this.has(top) || !this.has(oldRoot) || top.isLocked) return -Errno.EINVAL;
    if (putOld.mount.peers !== null || oldRoot.parent?.peers || top.parent?.peers) return -Errno.EINVAL;
    if (top === oldRoot || putOld.mount === oldRoot) return -Errno.EBUSY;
    if (root.dentry !== oldRoot.root || newRoot.dentry !== top.root || top.parent === null) return -Errno.EINVAL;
    if (putOld.mount !== top || !newRoot.dentry.isAncestorOf(putOld.dentry)) return -Errno.EINVAL;
    const { mountpoint, parent } = oldRoot;
    top.detach();
    oldRoot.detach();
    oldRoot.attach(putOld.mount, putOld.dentry);
    top.isNamespaceRoot = oldRoot.isNamespaceRoot;
    oldRoot.isNamespaceRoot = false;
    if (parent === null || mountpoint === null) this.root = top;
    else top.attach(parent, mountpoint);
    return 0;
  }

  /** All mounts, in the order they were made. */
  list(): Mount[] {
    return this.root.subtree().sort((a, b) => a.id - b.id);
  }

  /** The mount whose root the node is, or null: umount(2) wants a mount point. */
  mountAt(node: PathNode): Mount | null {
    return node.dentry === node.mount.root ? node.mount : null;
  }
}
