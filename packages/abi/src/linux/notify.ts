/** Events of files: F_NOTIFY (fcntl(2)). The bits of inotify(7) are in fs.ts. */

export const DN_ACCESS = 0x1;
export const DN_MODIFY = 0x2;
export const DN_CREATE = 0x4;
export const DN_DELETE = 0x8;
export const DN_RENAME = 0x10;
export const DN_ATTRIB = 0x20;
export const DN_MULTISHOT = 0x8000_0000;

/** An entry got another name in its directory: beside the bits of inotify(7), for DN_RENAME. */
export const IN_RENAME = 0x1000_0000;
