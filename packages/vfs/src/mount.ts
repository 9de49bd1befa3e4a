/** Mounts and the position of an object in the tree. */
import type { Dentry } from './dentry.js';
import type { FileSystem } from './file-system.js';
import type { Inode } from './inode.js';

/** A place in the tree: a dentry seen through a mount. Immutable; its dentry is never negative. */
export class PathNode {
  constructor(readonly mount: Mount, readonly dentry: Dentry) {}

  get inode(): Inode {
    return this.dentry.inode!;
  }

  equals(other: PathNode): boolean {
    return this.mount === other.mount && this.dentry === other.dentry;
  }
}

/** Mounts that see each other's mount and unmount events, and those that only receive them (mount_namespaces(7)). */
export class PeerGroup {
  readonly members = new Set<Mount>();
  readonly slaves = new Set<Mount>();

  constructor(readonly id: number) {}
}

export class Mount {
  /** Mounts on dentries of this mount. */
  readonly children = new Map<Dentry, Mount>();
  parent: Mount | null = null;
  /** Where it is mounted, in `parent`; null = root of the tree or detached. */
  mountpoint: Dentry | null = null;
  /** Shared with these; null = events stay here. Changed by mount-propagation.ts. */
  peers: PeerGroup | null = null;
  /** Receives the events of these. */
  master: PeerGroup | null = null;
  isUnbindable = false;
  /** Came from a more privileged mount namespace: may not be taken off or loosened here. */
  isLocked = false;
  /** Root of a mount namespace: hangs nowhere, and must not. */
  isNamespaceRoot = false;
  /** Unmounting was asked for once with MNT_EXPIRE, and nothing has happened since. */
  isExpiring = false;

  constructor(
    readonly id: number,
    readonly fs: FileSystem,
    /** Root of what the mount shows; a bind mount may show a subtree. */
    readonly root: Dentry,
    /** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME … */
    public flags: number,
    /** Source as /proc/mounts shows it. */
    readonly source: string,
  ) {}

  get rootNode(): PathNode {
    return new PathNode(this, this.root);
  }

  attach(parent: Mount, mountpoint: Dentry): void {
    this.parent = parent;
    this.mountpoint = mountpoint;
    parent.children.set(mountpoint, this);
    (mountpoint.mounts ??= new Set()).add(this);
    mountpoint.mountCount++;
  }

  detach(): void {
    if (this.parent === null || this.mountpoint === null) return;
    this.parent.children.delete(this.mountpoint);
    this.mountpoint.mounts!.delete(this);
    this.mountpoint.mountCount--;
    this.parent = null;
    this.mountpoint = null;
  }

  /** This mount and everything below it, parents first. */
  subtree(): Mount[] {
    const all: Mount[] = [this];
    for (const child of this.children.values()) all.push(...child.subtree());
    return all;
  }

  /** The top of the tree this mount hangs in. */
  get top(): Mount {
    return this.parent === null ? this : this.parent.top;
  }
}
