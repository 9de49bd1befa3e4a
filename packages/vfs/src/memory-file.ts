/** memfd_create(2): regular files without a name, in memory. */
import { F_SEAL_EXEC, F_SEAL_SEAL, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL, O_LARGEFILE, O_RDWR, S_IFREG } from '@troupe/abi';
import { anonymousNode } from './anonymous.js';
import type { FileDescription } from './file-description.js';
import { Tmpfs } from './fs/tmpfs/tmpfs.js';
import type { TmpfsFile } from './fs/tmpfs/file.js';
import { openRegularFile } from './regular-file.js';
import type { NegativeErrno, VfsContext } from './types.js';
import type { Vfs } from './vfs.js';

const stores = new WeakMap<Vfs, Tmpfs>();

/** The file system that holds nameless memory of this kernel: memfds and shared anonymous objects. */
function storeOf(vfs: Vfs): Tmpfs {
  let store = stores.get(vfs);
  if (store === undefined) stores.set(vfs, store = new Tmpfs(vfs.environment));
  return store;
}

/** An open memfd; links of /proc/self/fd show it as "/memfd:name (deleted)". */
export function openMemoryFile(vfs: Vfs, ctx: VfsContext, name: string, flags: number): FileDescription | NegativeErrno {
  const noExec = (flags & MFD_NOEXEC_SEAL) !== 0;
  const inode = storeOf(vfs).makeInode({ mode: S_IFREG | (noExec ? 0o666 : 0o777), uid: ctx.creds.fsuid, gid: ctx.creds.fsgid }) as TmpfsFile;
  inode.nlink = 0;
  const sealable = (flags & MFD_ALLOW_SEALING) !== 0 || noExec;
  inode.enableSeals((sealable ? 0 : F_SEAL_SEAL) | (noExec ? F_SEAL_EXEC : 0));
  const node = anonymousNode(inode, `/memfd:${name}`);
  node.dentry.deleted = true;
  return openRegularFile(node, O_RDWR | O_LARGEFILE);
}
