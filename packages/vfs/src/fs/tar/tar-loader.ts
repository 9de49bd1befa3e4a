/**
 * Loads a tar archive (also gzip) into a memory file system. Entries are streamed; names are resolved
 * inside the new tree, so that no entry can reach anything else.
 */
import { createReadStream, openSync, readSync, closeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConfigError, O_CREAT, O_LARGEFILE, O_NOFOLLOW, O_TRUNC, O_WRONLY, S_IFIFO, errnoName, rootCredentials } from '@troupe/abi';
import { createTarDecoder } from 'modern-tar';
import { changeMode, changeOwner, changeTimes } from '../../operations/attributes.js';
import { makeDirectory, makeLink, makeNode, makeSymlink } from '../../operations/create.js';
import { openPath } from '../../operations/open.js';
import { unlinkPath } from '../../operations/remove.js';
import { Follow } from '../../path-walk.js';
import type { VfsContext } from '../../types.js';
import { Vfs } from '../../vfs.js';
import type { Tmpfs } from '../tmpfs/tmpfs.js';

const NS_PER_MS = 1_000_000n;
const GZIP_MAGIC = 0x8b1f;
const HIDDEN = /^\.?$/;

interface Header {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Date;
  readonly linkname?: string;
}

const byteString = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Reads the archive at `path` into `fs`. Throws ConfigError when it is not a tar archive or does not fit. */
export async function loadTar(fs: Tmpfs, path: string): Promise<void> {
  const loader = new TarLoader(fs, path);
  const decoder = createTarDecoder({ strict: true });
  const raw = createReadStream(path);
  const bytes = isGzip(path) ? raw.pipe(createGunzip()) : raw;
  if (bytes !== raw) raw.on('error', (error) => bytes.destroy(error));
  let count = 0;
  try {
    const entries = Readable.toWeb(bytes).pipeThrough(decoder as never) as unknown as AsyncIterable<{ header: Header; body: AsyncIterable<Uint8Array> }>;
    for await (const { header, body } of entries) {
      await loader.add(header, body);
      count++;
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`not a readable tar archive: ${(error as Error).message}`, path);
  }
  if (count === 0) throw new ConfigError('not a tar archive, or an empty one', path);
  loader.finish();
}

function isGzip(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(2);
    return readSync(fd, head) === 2 && head.readUInt16LE(0) === GZIP_MAGIC;
  } finally {
    closeSync(fd);
  }
}

class TarLoader {
  private readonly _vfs: Vfs;
  private readonly _ctx: VfsContext;
  /** Directories get their times at the end: entries below change them. */
  private readonly _directories: [path: string, mtimeNs: bigint][] = [];

  constructor(fs: Tmpfs, readonly archive: string) {
    this._vfs = new Vfs({ pool: fs.pool, realtimeNs: fs.realtimeNs }, fs);
    const { root } = this._vfs;
    this._ctx = { creds: rootCredentials(), root, cwd: root, umask: 0, pid: 0, tid: 0, realtimeNs: fs.realtimeNs };
  }

  async add(header: Header, body: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = byteString(header.name).split('/').filter((part) => !HIDDEN.test(part));
    const path = `/${parts.join('/')}`;
    if (parts.includes('..')) throw new ConfigError(`entry ${header.name} leads outside`, this.archive);
    this._makeParents(parts);
    switch (header.type ?? 'file') {
      case 'file': return this._addFile(path, header, body);
      case 'directory': this._addDirectory(path, header); break;
      case 'symlink': this._addLink(path, header); break;
      case 'link': this._addHardLink(path, byteString(header.linkname ?? '')); break;
      case 'fifo': this._addFifo(path, header); break;
    }
    await drain(body);
  }

  finish(): void {
    for (const [path, mtimeNs] of this._directories) {
      const node = this._vfs.lookup(this._ctx, this._vfs.root, path, Follow.NO);
      if (typeof node !== 'number') changeTimes(this._ctx, node, mtimeNs, mtimeNs);
    }
  }

  private _check(result: number, path: string): void {
    if (result < 0) throw new ConfigError(`${path}: ${errnoName(-result)}`, this.archive);
  }

  private _makeParents(parts: readonly string[]): void {
    let path = '';
    for (const part of parts.slice(0, -1)) {
      path += `/${part}`;
      makeDirectory(this._ctx, this._vfs.root, path, 0o755);
    }
  }

  private _attributes(path: string, header: Header, defaultMode: number): void {
    const node = this._vfs.lookup(this._ctx, this._vfs.root, path, Follow.NO);
    if (typeof node === 'number') return this._check(node, path);
    changeOwner(this._ctx, node, header.uid ?? 0, header.gid ?? 0);
    if (!node.inode.isSymlink) changeMode(this._ctx, node, header.mode ?? defaultMode);
    const mtimeNs = BigInt(header.mtime?.getTime() ?? 0) * NS_PER_MS;
    changeTimes(this._ctx, node, mtimeNs, mtimeNs);
    if (node.inode.isDirectory) this._directories.push([path, mtimeNs]);
  }

  private async _addFile(path: string, header: Header, body: AsyncIterable<Uint8Array>): Promise<void> {
    unlinkPath(this._ctx, this._vfs.root, path);
    const file = openPath(this._vfs, this._ctx, this._vfs.root, path, O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW | O_LARGEFILE, 0o600);
    if (typeof file === 'number') return this._check(file, path);
    file.incRef();
    try {
      for await (const chunk of body) {
        const written = file.write(chunk, -1, this._ctx);
        if (written !== chunk.length) throw new ConfigError(`${path}: no room in guest memory`, this.archive);
      }
    } finally {
      file.decRef();
    }
    this._attributes(path, header, 0o644);
  }

  private _addDirectory(path: string, header: Header): void {
    if (path !== '/') makeDirectory(this._ctx, this._vfs.root, path, 0o755);
    this._attributes(path, header, 0o755);
  }

  private _addLink(path: string, header: Header): void {
    unlinkPath(this._ctx, this._vfs.root, path);
    this._check(makeSymlink(this._ctx, this._vfs.root, path, byteString(header.linkname ?? '')), path);
    this._attributes(path, header, 0o777);
  }

  private _addHardLink(path: string, target: string): void {
    unlinkPath(this._ctx, this._vfs.root, path);
    this._check(makeLink(this._vfs, this._ctx, this._vfs.root, `/${target}`, this._vfs.root, path, 0), path);
  }

  private _addFifo(path: string, header: Header): void {
    makeNode(this._ctx, this._vfs.root, path, S_IFIFO | 0o600, 0);
    this._attributes(path, header, 0o644);
  }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) void chunk;
}
