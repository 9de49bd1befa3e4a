/** Events of files: F_NOTIFY (fcntl(2)) and fanotify(7). The bits of inotify(7) are in fs.ts. */
import { struct } from '../layout/struct.js';

export const DN_ACCESS = 0x1;
export const DN_MODIFY = 0x2;
export const DN_CREATE = 0x4;
export const DN_DELETE = 0x8;
export const DN_RENAME = 0x10;
export const DN_ATTRIB = 0x20;
export const DN_MULTISHOT = 0x8000_0000;

/** An entry got another name in its directory: beside the bits of inotify(7), for DN_RENAME. */
export const IN_RENAME = 0x1000_0000;
/** A program was opened to run it: beside the bits of inotify(7), for FAN_OPEN_EXEC. */
export const IN_OPEN_EXEC = 0x1000;

/** fanotify(7) events; the first twelve bits are those of inotify(7). */
export const FAN_Q_OVERFLOW = 0x4000;
export const FAN_FS_ERROR = 0x8000;
export const FAN_OPEN_PERM = 0x1_0000;
export const FAN_ACCESS_PERM = 0x2_0000;
export const FAN_OPEN_EXEC_PERM = 0x4_0000;
export const FAN_EVENT_ON_CHILD = 0x0800_0000;
export const FAN_RENAME = 0x1000_0000;
export const FAN_ONDIR = 0x4000_0000;
/** Access, modification, both closes, open, open for execution. */
export const FAN_PATH_EVENTS = 0x103b;
/** Attributes, entries of directories, moves and removals: told by file handles only. */
export const FAN_HANDLE_EVENTS = 0xfc4;
export const FAN_PERMISSION_EVENTS = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM;

/** Flags of fanotify_init(2). */
export const FanInit = {
  CLOEXEC: 1, NONBLOCK: 2, CLASS_CONTENT: 4, CLASS_PRE_CONTENT: 8, UNLIMITED_QUEUE: 0x10, UNLIMITED_MARKS: 0x20, ENABLE_AUDIT: 0x40, REPORT_PIDFD: 0x80, REPORT_TID: 0x100,
  REPORT_FID: 0x200, REPORT_DIR_FID: 0x400, REPORT_NAME: 0x800, REPORT_TARGET_FID: 0x1000,
} as const;
export const FAN_CLASS_MASK = 0xc;

/** Flags of fanotify_mark(2). */
export const FanMark = {
  ADD: 1, REMOVE: 2, DONT_FOLLOW: 4, ONLYDIR: 8, MOUNT: 0x10, IGNORED_MASK: 0x20, IGNORED_SURV_MODIFY: 0x40, FLUSH: 0x80, FILESYSTEM: 0x100, EVICTABLE: 0x200, IGNORE: 0x400,
} as const;

/** struct fanotify_event_metadata, fanotify_response, and the record of a pidfd. */
export const FANOTIFY_EVENT = struct('fanotify_event_metadata', { eventLen: 'u32', version: 'u8', reserved: 'u8', metadataLen: 'u16', mask: 'u64', fd: 'i32', pid: 'i32' }, 24);
export const FANOTIFY_METADATA_VERSION = 3;
export const FANOTIFY_RESPONSE = struct('fanotify_response', { fd: 'i32', response: 'u32' }, 8);
export const FANOTIFY_PIDFD = struct('fanotify_event_info_pidfd', { infoType: 'u8', pad: 'u8', len: 'u16', pidfd: 'i32' }, 8);
export const FAN_EVENT_INFO_TYPE_PIDFD = 4;
export const FAN_NOFD = -1;
export const FanResponse = { ALLOW: 1, DENY: 2, AUDIT: 0x10 } as const;

/** Of an open file description, in no flag of open(2): it makes no events (Linux FMODE_NONOTIFY); it is opened to be run (FMODE_EXEC). */
export const O_NO_EVENTS = 0x0400_0000;
export const O_FOR_EXEC = 0x20;
