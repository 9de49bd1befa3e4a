/**
 * The mount tree (mount(2), umount(2), pivot_root(2), namespaces(7)).
 *
 * Owns: parent, mountpoint, children and flags of every mount.
 */
import { Errno, MS_BIND, MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME } from '@troupe/abi';
import { Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import { Mount, type PathNode } from './mount.js';

/** Flags of a mount (the other bits of mount(2) are commands). */
export const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_NOSYMFOLLOW | MS_RELATIME;

export class MountTable {
  #nextId = 20;
  root: Mount;

  constructor(rootFs: FileSystem, flags: number, source: string) {
    this.root = this.#make(rootFs, new Dentry(null, '', rootFs.root), flags, source);
  }

  #make(fs: FileSystem, root: Dentry, flags: number, source: string): Mount {
    return new Mount(this.#nextId++, fs, root, flags & MOUNT_FLAGS, source);
  }

  /** Mounts `fs` on `at`, which must be a directory. */
  mount(fs: FileSystem, at: PathNode, flags: number, source: string): Mount {
    const mount = this.#make(fs, new Dentry(null, '', fs.root), flags, source);
    mount.attach(at.mount, at.dentry);
    return mount;
  }

  /** MS_BIND: shows `from` at `at` too; both directories or both not. */
  bind(from: PathNode, at: PathNode, recursive: boolean): Mount | number {
    if (from.inode.isDirectory !== at.inode.isDirectory) return -Errno.ENOTDIR;
    const mount = this.#copy(from.mount, from.dentry);
    if (recursive) this.#copyChildren(from.mount, mount, from.dentry);
    mount.attach(at.mount, at.dentry);
    return mount;
  }

  #copy(mount: Mount, root: Dentry): Mount {
    return this.#make(mount.fs, root, mount.flags, mount.source);
  }

  #copyChildren(from: Mount, to: Mount, below: Dentry): void {
    for (const [mountpoint, child] of from.children) {
      if (!below.isAncestorOf(mountpoint)) continue;
      const copy = this.#copy(child, child.root);
      this.#copyChildren(child, copy, child.root);
      copy.attach(to, mountpoint);
    }
  }

  /** MS_REMOUNT: new flags of one mount. */
  remount(mount: Mount, flags: number): void {
    mount.flags = flags & MOUNT_FLAGS & ~MS_BIND;
  }

  /** MS_MOVE. */
  move(mount: Mount, at: PathNode): number {
    if (mount.parent === null) return -Errno.EINVAL;
    for (let up: Mount | null = at.mount; up !== null; up = up.parent) if (up === mount) return -Errno.ELOOP;
    mount.detach();
    mount.attach(at.mount, at.dentry);
    return 0;
  }

  /** Takes a mount out; `lazy` takes everything below along, otherwise mounts below make it busy. */
  unmount(mount: Mount, lazy: boolean): number {
    if (mount.parent === null) return -Errno.EINVAL;
    if (!lazy && mount.children.size > 0) return -Errno.EBUSY;
    if (lazy) for (const child of [...mount.children.values()]) this.unmount(child, true);
    mount.fs.sync();
    mount.detach();
    return 0;
  }

  /** pivot_root(2): `newRoot` becomes the root of the tree, the old root appears at `putOld`. */
  pivot(newRoot: PathNode, putOld: PathNode): number {
    const top = newRoot.mount;
    const oldRoot = this.root;
    if (top === oldRoot || putOld.mount === oldRoot) return -Errno.EBUSY;
    if (newRoot.dentry !== top.root || top.parent === null) return -Errno.EINVAL;
    if (putOld.mount !== top || !newRoot.dentry.isAncestorOf(putOld.dentry)) return -Errno.EINVAL;
    top.detach();
    oldRoot.attach(putOld.mount, putOld.dentry);
    this.root = top;
    return 0;
  }

  /** All mounts, parents first. */
  list(): Mount[] {
    const all: Mount[] = [];
    const visit = (mount: Mount): void => {
      all.push(mount);
      for (const child of mount.children.values()) visit(child);
    };
    visit(this.root);
    return all.sort((a, b) => a.id - b.id);
  }

  /** The mount whose root the node is, or null: umount(2) wants a mount point. */
  mountAt(node: PathNode): Mount | null {
    return node.dentry === node.mount.root ? node.mount : null;
  }
}
