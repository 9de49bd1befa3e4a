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
  readonly #vfs: Vfs;
  readonly #ctx: VfsContext;
  /** Directories get their times at the end: entries below change them. */
  readonly #directories: [path: string, mtimeNs: bigint][] = [];

  constructor(fs: Tmpfs, readonly archive: string) {
    this.#vfs = new Vfs({ pool: fs.pool, realtimeNs: fs.realtimeNs }, fs);
    const { root } = this.#vfs;
    this.#ctx = { creds: rootCredentials(), root, cwd: root, umask: 0, pid: 0, tid: 0, realtimeNs: fs.realtimeNs };
  }

  async add(header: Header, body: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = byteString(header.name).split('/').filter((part) => !HIDDEN.test(part));
    const path = `/${parts.join('/')}`;
    if (parts.includes('..')) throw new ConfigError(`entry ${header.name} leads outside`, this.archive);
    this.#makeParents(parts);
    switch (header.type ?? 'file') {
      case 'file': return this.#addFile(path, header, body);
      case 'directory': this.#addDirectory(path, header); break;
      case 'symlink': this.#addLink(path, header); break;
      case 'link': this.#addHardLink(path, byteString(header.linkname ?? '')); break;
      case 'fifo': this.#addFifo(path, header); break;
    }
    await drain(body);
  }

  finish(): void {
    for (const [path, mtimeNs] of this.#directories) {
      const node = this.#vfs.lookup(this.#ctx, this.#vfs.root, path, Follow.NO);
      if (typeof node !== 'number') changeTimes(this.#ctx, node, mtimeNs, mtimeNs);
    }
  }

  #check(result: number, path: string): void {
    if (result < 0) throw new ConfigError(`${path}: ${errnoName(-result)}`, this.archive);
  }

  #makeParents(parts: readonly string[]): void {
    let path = '';
    for (const part of parts.slice(0, -1)) {
      path += `/${part}`;
      makeDirectory(this.#ctx, this.#vfs.root, path, 0o755);
    }
  }

  #attributes(path: string, header: Header, defaultMode: number): void {
    const node = this.#vfs.lookup(this.#ctx, this.#vfs.root, path, Follow.NO);
    if (typeof node === 'number') return this.#check(node, path);
    changeOwner(this.#ctx, node, header.uid ?? 0, header.gid ?? 0);
    if (!node.inode.isSymlink) changeMode(this.#ctx, node, header.mode ?? defaultMode);
    const mtimeNs = BigInt(header.mtime?.getTime() ?? 0) * NS_PER_MS;
    changeTimes(this.#ctx, node, mtimeNs, mtimeNs);
    if (node.inode.isDirectory) this.#directories.push([path, mtimeNs]);
  }

  async #addFile(path: string, header: Header, body: AsyncIterable<Uint8Array>): Promise<void> {
    unlinkPath(this.#ctx, this.#vfs.root, path);
    const file = openPath(this.#vfs, this.#ctx, this.#vfs.root, path, O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW | O_LARGEFILE, 0o600);
    if (typeof file === 'number') return this.#check(file, path);
    file.incRef();
    try {
      for await (const chunk of body) {
        const written = file.write(chunk, -1, this.#ctx);
        if (written !== chunk.length) throw new ConfigError(`${path}: no room in guest memory`, this.archive);
      }
    } finally {
      file.decRef();
    }
    this.#attributes(path, header, 0o644);
  }

  #addDirectory(path: string, header: Header): void {
    if (path !== '/') makeDirectory(this.#ctx, this.#vfs.root, path, 0o755);
    this.#attributes(path, header, 0o755);
  }

  #addLink(path: string, header: Header): void {
    unlinkPath(this.#ctx, this.#vfs.root, path);
    this.#check(makeSymlink(this.#ctx, this.#vfs.root, path, byteString(header.linkname ?? '')), path);
    this.#attributes(path, header, 0o777);
  }

  #addHardLink(path: string, target: string): void {
    unlinkPath(this.#ctx, this.#vfs.root, path);
    this.#check(makeLink(this.#vfs, this.#ctx, this.#vfs.root, `/${target}`, this.#vfs.root, path, 0), path);
  }

  #addFifo(path: string, header: Header): void {
    makeNode(this.#ctx, this.#vfs.root, path, S_IFIFO | 0o600, 0);
    this.#attributes(path, header, 0o644);
  }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) void chunk;
}
