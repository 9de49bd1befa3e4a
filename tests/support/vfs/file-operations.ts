/** One set of file operations with two implementations: a VFS and the host. Results are values or -errno. */
import fs from 'node:fs';
import { O_DIRECTORY } from '@troupe/abi';
import {
  Follow, changeMode, getXattr, makeDirectory, makeLink, makeSymlink, openPath, removeDirectory, renamePath, truncateNode, unlinkPath, type FileDescription,
  type Vfs, type VfsContext,
} from '@troupe/vfs';

export interface FileOperations {
  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  rename(from: string, to: string): number;
  link(from: string, to: string): number;
  symlink(target: string, path: string): number;
  readlink(path: string): string | number;
  chmod(path: string, mode: number): number;
  truncate(path: string, sizeBytes: number): number;
  /** Opens, writes at an offset (text null: nothing), closes. */
  write(path: string, flags: number, mode: number, text: string | null, offBytes: number): number;
  read(path: string, flags: number): string | number;
  list(path: string): string | number;
  /** type and permissions in octal, link count of non-directories, size of files. */
  stat(path: string, follow: boolean): string | number;
}

const summary = (mode: number, nlink: number, size: number): string => {
  const type = mode & 0o170000;
  return `${mode.toString(8)} ${type === 0o040000 ? '-' : nlink} ${type === 0o040000 ? '-' : size}`;
};

export class VfsOperations implements FileOperations {
  constructor(readonly vfs: Vfs, readonly ctx: VfsContext) {}

  mkdir(path: string, mode: number): number {
    return makeDirectory(this.ctx, this.ctx.cwd, path, mode);
  }

  rmdir(path: string): number {
    return removeDirectory(this.ctx, this.ctx.cwd, path);
  }

  unlink(path: string): number {
    return unlinkPath(this.ctx, this.ctx.cwd, path);
  }

  rename(from: string, to: string): number {
    return renamePath(this.ctx, this.ctx.cwd, from, this.ctx.cwd, to, 0);
  }

  link(from: string, to: string): number {
    return makeLink(this.vfs, this.ctx, this.ctx.cwd, from, this.ctx.cwd, to, 0);
  }

  symlink(target: string, path: string): number {
    return makeSymlink(this.ctx, this.ctx.cwd, path, target);
  }

  readlink(path: string): string | number {
    const node = this.vfs.lookup(this.ctx, this.ctx.cwd, path, Follow.NO);
    return typeof node === 'number' ? node : node.inode.readlink(this.ctx);
  }

  chmod(path: string, mode: number): number {
    const node = this.vfs.lookup(this.ctx, this.ctx.cwd, path, Follow.YES);
    return typeof node === 'number' ? node : changeMode(this.ctx, node, mode);
  }

  truncate(path: string, sizeBytes: number): number {
    const node = this.vfs.lookup(this.ctx, this.ctx.cwd, path, Follow.YES);
    return typeof node === 'number' ? node : truncateNode(this.vfs, this.ctx, node, sizeBytes);
  }

  #with(path: string, flags: number, mode: number, use: (file: FileDescription) => string | number): string | number {
    const file = openPath(this.vfs, this.ctx, this.ctx.cwd, path, flags, mode);
    if (typeof file === 'number') return file;
    file.incRef();
    try {
      return use(file);
    } finally {
      file.decRef();
    }
  }

  write(path: string, flags: number, mode: number, text: string | null, offBytes: number): number {
    return this.#with(path, flags, mode, (file) => (text === null ? 0 : file.write(Buffer.from(text, 'latin1'), offBytes, this.ctx))) as number;
  }

  read(path: string, flags: number): string | number {
    return this.#with(path, flags, 0, (file) => {
      const buffer = new Uint8Array(65536);
      const count = file.read(buffer, -1, this.ctx);
      return count < 0 ? count : Buffer.from(buffer.subarray(0, count)).toString('latin1');
    });
  }

  list(path: string): string | number {
    return this.#with(path, O_DIRECTORY, 0, (file) => {
      const names: string[] = [];
      const result = file.readDirectory(this.ctx, ({ name }) => names.push(name) > 0);
      return result < 0 ? result : names.filter((name) => name !== '.' && name !== '..').sort().join(' ');
    });
  }

  stat(path: string, follow: boolean): string | number {
    const node = this.vfs.lookup(this.ctx, this.ctx.cwd, path, follow ? Follow.YES : Follow.NO);
    if (typeof node === 'number') return node;
    const { mode, nlink, sizeBytes } = node.inode.stat();
    return summary(mode, nlink, sizeBytes);
  }

  xattr(path: string, name: string): string | number {
    const node = this.vfs.lookup(this.ctx, this.ctx.cwd, path, Follow.YES);
    if (typeof node === 'number') return node;
    const value = getXattr(this.ctx, node, name);
    return typeof value === 'number' ? value : Buffer.from(value).toString('latin1');
  }
}

function attempt<T extends string | number>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno!;
  }
}

const effect = (call: () => void): number => attempt(() => {
  call();
  return 0;
}) as number;

/** The host, below a directory; absolute paths and links are kept relative by the callers. */
export class HostOperations implements FileOperations {
  constructor(readonly root: string) {}

  #at(path: string): string {
    return path === '' ? '' : `${this.root}/${path}`;
  }

  mkdir(path: string, mode: number): number {
    return effect(() => fs.mkdirSync(this.#at(path), mode));
  }

  rmdir(path: string): number {
    return effect(() => fs.rmdirSync(this.#at(path)));
  }

  unlink(path: string): number {
    return effect(() => fs.unlinkSync(this.#at(path)));
  }

  rename(from: string, to: string): number {
    return effect(() => fs.renameSync(this.#at(from), this.#at(to)));
  }

  link(from: string, to: string): number {
    return effect(() => fs.linkSync(this.#at(from), this.#at(to)));
  }

  symlink(target: string, path: string): number {
    return effect(() => fs.symlinkSync(target, this.#at(path)));
  }

  readlink(path: string): string | number {
    return attempt(() => fs.readlinkSync(this.#at(path)));
  }

  chmod(path: string, mode: number): number {
    return effect(() => fs.chmodSync(this.#at(path), mode));
  }

  truncate(path: string, sizeBytes: number): number {
    return effect(() => {
      const fd = fs.openSync(this.#at(path), 1);
      try {
        fs.ftruncateSync(fd, sizeBytes);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  write(path: string, flags: number, mode: number, text: string | null, offBytes: number): number {
    return attempt(() => {
      const fd = fs.openSync(this.#at(path), flags, mode);
      try {
        return text === null ? 0 : fs.writeSync(fd, Buffer.from(text, 'latin1'), 0, text.length, offBytes < 0 ? null : offBytes);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  read(path: string, flags: number): string | number {
    return attempt<string | number>(() => {
      const fd = fs.openSync(this.#at(path), flags);
      try {
        const buffer = Buffer.alloc(65536);
        return buffer.subarray(0, fs.readSync(fd, buffer)).toString('latin1');
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  list(path: string): string | number {
    return attempt<string | number>(() => fs.readdirSync(this.#at(path)).sort().join(' '));
  }

  stat(path: string, follow: boolean): string | number {
    return attempt<string | number>(() => {
      const stats = follow ? fs.statSync(this.#at(path)) : fs.lstatSync(this.#at(path));
      return summary(stats.mode, stats.nlink, stats.size);
    });
  }
}
