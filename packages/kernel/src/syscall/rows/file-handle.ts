/** name_to_handle_at(2), open_by_handle_at(2): no file system here gives handles out, so that none can be opened. */
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, Cap, Errno, hasCap } from '@troupe/abi';
import { locate } from '../../file/path-args.js';
import type { Task } from '../../task/task.js';
import { addr, fd, int, path, uint, type SyscallRow } from '../row.js';

const AT_SYMLINK_FOLLOW = 0x400;
/** AT_HANDLE_MNT_ID_UNIQUE, AT_HANDLE_CONNECTABLE, AT_HANDLE_FID. */
const HANDLE_FLAGS = 0x203;
/** Longest handle, in bytes after the header. */
const MAX_HANDLE_BYTES = 128;

function sysNameToHandleAt(task: Task, dirFd: number, pathAddr: number, _handle: number, _mountId: number, flags: number): number {
  if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | HANDLE_FLAGS)) return -Errno.EINVAL;
  const found = locate(task, dirFd, pathAddr, (flags & AT_EMPTY_PATH) | (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW));
  return typeof found === 'number' ? found : -Errno.EOPNOTSUPP;
}

/** struct file_handle: bytes at 0, type at 4, the handle at 8. */
function sysOpenByHandleAt(task: Task, mountFd: number, handle: number, _flags: number): number {
  const bytes = task.mm.readU32(handle);
  if (bytes === 0 || bytes > MAX_HANDLE_BYTES) return -Errno.EINVAL;
  if (task.fds.get(mountFd) === null) return -Errno.EBADF;
  return hasCap(task.creds, Cap.DAC_READ_SEARCH) ? -Errno.ESTALE : -Errno.EPERM;
}

const common = { groups: ['%file'], support: { partial: 'file systems have no handles: EOPNOTSUPP and ESTALE' }, man: 'open_by_handle_at(2)' } as const;

export const rows: readonly SyscallRow[] = [
  { ...common, nr: 303, name: 'name_to_handle_at', args: [fd('dirfd'), path(), addr('handle'), addr('mount_id'), int('flags')], handler: sysNameToHandleAt },
  { ...common, nr: 304, name: 'open_by_handle_at', args: [fd('mount_fd'), addr('handle'), uint('flags')], handler: sysOpenByHandleAt },
];
