/** File systems made of entries (entry.ts): procfs and sysfs. */
import { Errno, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@troupe/abi';
import type { Dentry } from '../../dentry.js';
import { DirectoryFile } from '../../directory-file.js';
import type { FileDescription } from '../../file-description.js';
import { type FileSystem, anonymousDev } from '../../file-system.js';
import { Inode } from '../../inode.js';
import type { PathNode } from '../../mount.js';
import type { AttrChange, DirEntry, LookupResult, NegativeErrno, Stat, StatFs, VfsContext } from '../../types.js';
import type { DirectoryEntry, Entry, FileEntry } from './entry.js';
import { SyntheticFile } from './synthetic-file.js';

const TYPE_BITS: Readonly<Record<Entry['kind'], number>> = { file: S_IFREG, directory: S_IFDIR, link: S_IFLNK };
const ROOT_INO = 1;

export interface SyntheticOptions {
  readonly type: string;
  /** f_type of statfs(2). */
  readonly magic: number;
  readonly root: DirectoryEntry;
  readonly realtimeNs: () => bigint;
  /** st_size of regular files: 0 in procfs, 4096 in sysfs. */
  readonly fileBytes: number;
  readonly subject?: unknown;
}

export class SyntheticFileSystem implements FileSystem {
  readonly type: string;
  readonly dev = anonymousDev();
  readonly root: SyntheticInode;
  readonly volatileNames = true;
  readonly options = '';
  readonly fileBytes: number;
  readonly mountedNs: bigint;
  private readonly _magic: number;
  /** Set again by its kernel when the file system came with an image. */
  rootEntry: DirectoryEntry;
  /** Whose view it shows; of no concern here. */
  readonly subject: unknown;

  constructor(options: SyntheticOptions) {
    this.type = options.type;
    this._magic = options.magic;
    this.fileBytes = options.fileBytes;
    this.mountedNs = options.realtimeNs();
    this.rootEntry = options.root;
    this.subject = options.subject;
    this.root = new SyntheticInode(this, ROOT_INO, '', options.root, null);
  }

  revalidate(parent: Inode, dentry: Dentry): boolean {
    return (parent as SyntheticInode).confirms(dentry.name, dentry.inode as SyntheticInode | null);
  }

  statFs(): StatFs {
    return { type: this._magic, blockBytes: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0, nameMax: 255, flags: 0 };
  }

  sync(): number {
    return 0;
  }
}

/** Stable number of a name in a directory: FNV-1a over the name, started with the parent's number. */
function childIno(parentIno: number, name: string): number {
  let hash = (0x811c9dc5 ^ parentIno) >>> 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return hash + 0x1_0000_0000;
}

/** What was there when an image was made, and is not any more. */
const GONE: FileEntry = { kind: 'file', mode: 0, read: () => -Errno.ESRCH };

export class SyntheticInode extends Inode {
  /** Null in an inode that came with an image, until it is looked at. */
  private _found: Entry | null;

  constructor(readonly synthetic: SyntheticFileSystem, ino: number, readonly name: string, entry: Entry, readonly parent: SyntheticInode | null) {
    const owner = entry.owner?.() ?? { uid: parent?.uid ?? 0, gid: parent?.gid ?? 0 };
    super(synthetic, ino, TYPE_BITS[entry.kind] | entry.mode, owner.uid, owner.gid);
    this._found = entry;
  }

  private get _entry(): Entry {
    return (this._found ??= this.parent === null ? this.synthetic.rootEntry : this.parent._childEntry(this.name) ?? GONE);
  }

  private _childEntry(name: string): Entry | null {
    const entry = this._entry;
    return entry.kind === 'directory' ? entry.lookup(name) : null;
  }

  /** Precondition: a regular file. */
  get fileEntry(): FileEntry {
    const entry = this._entry;
    return entry.kind === 'file' ? entry : GONE;
  }

  override stat(): Stat {
    this._syncOwner();
    const timeNs = this.synthetic.mountedNs;
    return {
      dev: this.fs.dev, ino: this.ino, mode: this.mode, nlink: this.isDirectory ? 2 : 1, uid: this.uid, gid: this.gid, rdev: 0,
      sizeBytes: this.sizeBytes, blockBytes: 4096, blocks: 0, atimeNs: timeNs, mtimeNs: timeNs, ctimeNs: timeNs, btimeNs: 0n,
    };
  }

  private _syncOwner(): void {
    const owner = this._entry.owner?.() ?? this.parent;
    if (owner === null) return;
    this.uid = owner.uid;
    this.gid = owner.gid;
  }

  override get sizeBytes(): number {
    return this.isRegular ? this.synthetic.fileBytes : 0;
  }

  override setAttr(_change: AttrChange): number {
    return -Errno.EPERM;
  }

  override truncate(): number {
    return 0;
  }

  override open(node: PathNode, flags: number, ctx: VfsContext): FileDescription | NegativeErrno {
    const entry = this._entry;
    if (entry.kind === 'link') return -Errno.ELOOP;
    if (entry.kind === 'directory') return new DirectoryFile(node, flags);
    return entry.open === undefined ? new SyntheticFile(node, flags) : entry.open(node, flags, ctx);
  }

  override lookup(name: string): LookupResult {
    if (this._entry.kind !== 'directory') return -Errno.ENOTDIR;
    const entry = this._entry.lookup(name);
    return entry === null ? -Errno.ENOENT : new SyntheticInode(this.synthetic, childIno(this.ino, name), name, entry, this);
  }

  /** Is the cached inode (null = absent) still what the name means? */
  confirms(name: string, inode: SyntheticInode | null): boolean {
    const entry = this._childEntry(name);
    if (entry === null || inode === null) return entry === null && inode === null;
    if (entry.kind !== inode._entry.kind || entry.key !== inode._entry.key) return false;
    inode._found = entry;
    inode.mode = (inode.mode & S_IFMT) | entry.mode;
    inode._syncOwner();
    return true;
  }

  /** Linux finds no such name before it could refuse to make it. */
  override create(_name: string): LookupResult {
    return -Errno.ENOENT;
  }

  override entries(ctx: VfsContext): DirEntry[] | NegativeErrno {
    const entry = this._entry;
    if (entry.kind !== 'directory') return -Errno.ENOTDIR;
    const list: DirEntry[] = [];
    for (const name of entry.names(ctx)) {
      const child = entry.lookup(name);
      if (child !== null) list.push({ name, ino: childIno(this.ino, name), type: TYPE_BITS[child.kind] });
    }
    return list;
  }

  override readlink(ctx: VfsContext): string | NegativeErrno {
    return this._entry.kind === 'link' ? this._entry.target(ctx) : -Errno.EINVAL;
  }

  override followMagic(ctx: VfsContext): PathNode | NegativeErrno | null {
    return this._entry.kind === 'link' ? this._entry.jump?.(ctx) ?? null : null;
  }
}
