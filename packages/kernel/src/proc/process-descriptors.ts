/** /proc/pid/fd and fdinfo (proc(5)). */
import { Errno, O_CLOEXEC, O_DIRECTORY } from '@troupe/abi';
import { displayPath, textFile, type DirectoryEntry, type Entry, type FileDescription, type LinkEntry } from '@troupe/vfs';
import type { Task } from '../task/task.js';
import { numberName } from './task-lookup.js';

/** Owner bits of the link show how the descriptor is open. */
function linkOf(file: FileDescription, task: Task): LinkEntry {
  return {
    kind: 'link', key: file, mode: (file.readable ? 0o500 : 0) | (file.writable ? 0o300 : 0) | 0o100,
    target: (ctx) => displayPath(file.node, ctx.root),
    jump: () => (task.isAlive ? file.node : -Errno.ENOENT),
  };
}

function infoText(task: Task, fd: number, file: FileDescription): string {
  const flags = file.flags | (task.fds.isCloseOnExec(fd) ? O_CLOEXEC : 0) | (file.inode.isDirectory ? O_DIRECTORY : 0);
  return `pos:\t${file.offBytes}\nflags:\t0${flags.toString(8)}\nmnt_id:\t${file.node.mount.id}\nino:\t${file.inode.ino}\n${file.fdInfo()}`;
}

function descriptorDirectory(task: Task, mode: number, entryOf: (fd: number, file: FileDescription) => Entry): DirectoryEntry {
  return {
    kind: 'directory', mode, key: task.group,
    lookup: (name) => {
      const file = task.isAlive ? task.fds.get(numberName(name)) : null;
      return file === null ? null : entryOf(Number(name), file);
    },
    names: () => (task.isAlive ? task.fds.numbers().map(String) : []),
  };
}

export const fdDirectory = (task: Task): DirectoryEntry => descriptorDirectory(task, 0o500, (_fd, file) => linkOf(file, task));

export const fdInfoDirectory = (task: Task): DirectoryEntry =>
  descriptorDirectory(task, 0o555, (fd, file) => ({ ...textFile(() => infoText(task, fd, file), 0o400), key: file }));
