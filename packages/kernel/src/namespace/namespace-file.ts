/** Files that stand for namespaces: targets of /proc/pid/ns, arguments of setns(2) (namespaces(7), ioctl_ns(2)). */
import { Cap, Clone, Errno, S_IFREG, hasCapIn, type NamespaceKind, type UserNamespace } from '@troupe/abi';
import { Dentry, FileDescription, Inode, Mount, PathNode, anonymousDev, type FileSystem, type IoctlCaller, type Stat, type StatFs } from '@troupe/vfs';
import { installFile } from '../fdtable.js';
import type { Task } from '../task/task.js';
import type { NamespaceSet } from './namespace-set.js';
import type { PidNamespace } from './pid-namespace.js';

export type Namespace = NamespaceSet[Exclude<keyof NamespaceSet, 'pidForChildren'>] | PidNamespace | UserNamespace;

/** The flag of clone(2) that makes a namespace of the kind; also what NS_GET_NSTYPE answers. */
export const CLONE_FLAG_OF: Readonly<Record<NamespaceKind, number>> = {
  cgroup: Clone.NEWCGROUP, ipc: Clone.NEWIPC, mnt: Clone.NEWNS, net: Clone.NEWNET, pid: Clone.NEWPID, time: Clone.NEWTIME, user: Clone.NEWUSER, uts: Clone.NEWUTS,
};

const NSFS_MAGIC = 0x6e736673;

export class NamespaceFileSystem implements FileSystem {
  readonly type = 'nsfs';
  readonly dev = anonymousDev();
  readonly volatileNames = false;
  readonly options = '';

  get root(): Inode {
    throw new Error('nsfs has no root directory');
  }

  revalidate(): boolean {
    return true;
  }

  statFs(): StatFs {
    return { type: NSFS_MAGIC, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
  }

  sync(): number {
    return 0;
  }
}

export const nsfs = new NamespaceFileSystem();

export class NamespaceInode extends Inode {
  constructor(readonly kind: NamespaceKind, readonly namespace: Namespace) {
    super(nsfs, namespace.inode, S_IFREG | 0o444, 0, 0);
  }

  override stat(): Stat {
    return {
      dev: nsfs.dev, ino: this.ino, mode: this.mode, nlink: 1, uid: 0, gid: 0, rdev: 0, sizeBytes: 0, blockBytes: 4096, blocks: 0,
      atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n, btimeNs: 0n,
    };
  }

  override setAttr(): number {
    return -Errno.EPERM;
  }

  override open(node: PathNode, flags: number): FileDescription {
    return new NamespaceFile(node, flags, this.kind, this.namespace);
  }
}

export const nsfsMount = new Mount(0, nsfs, new Dentry(null, '', null), 0, 'nsfs');
const nodes = new WeakMap<Namespace, PathNode>();

/** The node that every link to the namespace leads to. */
export function namespaceNode(kind: NamespaceKind, namespace: Namespace): PathNode {
  let node = nodes.get(namespace);
  if (node === undefined) nodes.set(namespace, (node = new PathNode(nsfsMount, new Dentry(null, namespaceName(kind, namespace), new NamespaceInode(kind, namespace)))));
  return node;
}

export const namespaceOfFile = (file: FileDescription): Namespace | null => (file instanceof NamespaceFile ? file.namespace : null);
export const namespaceOfNode = (inode: Inode | null): Namespace | null => (inode instanceof NamespaceInode ? inode.namespace : null);
export const isNamespaceNode = (node: PathNode): boolean => node.mount === nsfsMount;

export const namespaceName = (kind: NamespaceKind, { inode }: Namespace): string => `${kind}:[${inode}]`;

const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;

export class NamespaceFile extends FileDescription {
  constructor(node: PathNode, flags: number, readonly kind: NamespaceKind, readonly namespace: Namespace) {
    super(node, flags);
  }

  override read(): number {
    return -Errno.EINVAL;
  }

  override write(): number {
    return -Errno.EINVAL;
  }

  override ioctl(request: number, arg: number, caller: IoctlCaller): number {
    const task = caller.task as Task;
    const { kind, namespace } = this;
    switch (request) {
      case NS_GET_NSTYPE: return CLONE_FLAG_OF[kind];
      case NS_GET_USERNS: return openFor(task, 'user', 'userNamespace' in namespace ? namespace.userNamespace : namespace.parent);
      case NS_GET_PARENT: return kind === 'pid' || kind === 'user' ? openFor(task, kind, (namespace as PidNamespace | UserNamespace).parent) : -Errno.EINVAL;
      case NS_GET_OWNER_UID:
        if (kind !== 'user') return -Errno.EINVAL;
        task.mm.writeU32(arg, task.creds.userNamespace.shownUid((namespace as UserNamespace).ownerUid));
        return 0;
      default: return -Errno.ENOTTY;
    }
  }
}

/** A descriptor of a related namespace, unless it is out of the caller's reach. */
function openFor(task: Task, kind: NamespaceKind, namespace: PidNamespace | UserNamespace | null): number {
  if (namespace === null) return -Errno.EPERM;
  const owner = 'userNamespace' in namespace ? namespace.userNamespace : namespace;
  if (kind === 'user' ? !task.creds.userNamespace.contains(owner) : !hasCapIn(task.creds, owner, Cap.SYS_ADMIN)) return -Errno.EPERM;
  const node = namespaceNode(kind, namespace);
  return installFile(task, new NamespaceFile(node, 0, kind, namespace), true);
}
