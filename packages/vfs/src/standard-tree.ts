/**
 * The standard file tree: a root file system with /dev, /dev/shm and /tmp mounted on it; the
 * kernel adds /proc, /sys and /dev/pts, which show its state.
 * Mount points that the root lacks are made when it is writable.
 */
import { ConfigError, Errno, type FramePool, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME, NO_ID, rootCredentials } from '@troupe/abi';
import type { FileSystem } from './file-system.js';
import { createDevFs } from './fs/dev/devfs.js';
import { memoryDevices } from './fs/dev/memory-devices.js';
import { HostFileSystem } from './fs/host/host-file-system.js';
import { HostPageCache } from './fs/host/page-cache.js';
import { OverlayFileSystem } from './fs/overlay/overlay-file-system.js';
import { loadTar } from './fs/tar/tar-loader.js';
import { Tmpfs } from './fs/tmpfs/tmpfs.js';
import { makeDirectory } from './operations/create.js';
import { Follow } from './path-walk.js';
import type { Mount } from './mount.js';
import type { VfsContext } from './types.js';
import { Vfs } from './vfs.js';

/** What "/" is. */
export type RootSource =
  /** Host directory, never changed; writes stay in memory. */
  | { readonly kind: 'overlay'; readonly hostPath: string }
  /** Host directory read-only. */
  | { readonly kind: 'host-readonly'; readonly hostPath: string }
  /** Host directory, changed in place. */
  | { readonly kind: 'host-writable'; readonly hostPath: string }
  /** Memory, empty at first. */
  | { readonly kind: 'memory' }
  /** Memory, filled from a tar archive (also gzip) by `fillRoot`. */
  | { readonly kind: 'tar'; readonly hostPath: string };

export interface Volume {
  readonly hostPath: string;
  /** Byte string, absolute. */
  readonly guestPath: string;
  readonly readOnly: boolean;
}

export interface VfsOptions {
  readonly pool: FramePool;
  /** CLOCK_REALTIME, ns since the epoch. */
  readonly realtimeNs: () => bigint;
  readonly root: RootSource;
  readonly volumes?: readonly Volume[];
  /** An empty memory file system on /tmp instead of the root's own. */
  readonly freshTmp?: boolean;
}

/** A VFS with the standard tree. Throws ConfigError when a host path cannot be used. */
export function createVfs(options: VfsOptions): Vfs {
  const { pool, realtimeNs, root } = options;
  const pageCache = new HostPageCache(pool, Math.floor(pool.limitFrames / 4));
  const vfs = new Vfs({ pool, realtimeNs }, rootFileSystem(root, pool, pageCache, realtimeNs), MS_RELATIME | (root.kind === 'host-readonly' ? MS_RDONLY : 0));
  for (const [dev, open] of memoryDevices(pool, realtimeNs)) vfs.special.charDevices.set(dev, open);
  vfs.types.set('tmpfs', (_source, data, ctx) => newTmpfs(vfs, data, ctx));
  const builder = new TreeBuilder(vfs);
  builder.mount('/dev', createDevFs({ pool, realtimeNs }), MS_NOSUID, 'devtmpfs');
  builder.mount('/dev/shm', new Tmpfs({ pool, realtimeNs }), MS_NOSUID | MS_NODEV, 'shm');
  if (options.freshTmp) builder.mount('/tmp', new Tmpfs({ pool, realtimeNs }), MS_NOSUID | MS_NODEV, 'tmpfs');
  for (const volume of options.volumes ?? []) mountVolume(vfs, volume, pageCache);
  return vfs;
}

function rootFileSystem(root: RootSource, pool: FramePool, pageCache: HostPageCache, realtimeNs: () => bigint): FileSystem {
  switch (root.kind) {
    case 'memory': case 'tar': return new Tmpfs({ pool, realtimeNs, mode: 0o755 });
    case 'host-writable': return new HostFileSystem({ path: root.hostPath, writable: true, pool, pageCache });
    case 'host-readonly': return new HostFileSystem({ path: root.hostPath, writable: false, pool, pageCache });
    case 'overlay': {
      const lower = new HostFileSystem({ path: root.hostPath, writable: false, pool, pageCache });
      return new OverlayFileSystem(lower, new Tmpfs({ pool, realtimeNs, mode: 0o755 }));
    }
  }
}

/** Second half of createVfs for roots that are read asynchronously; before the first process. */
export async function fillRoot(vfs: Vfs, root: RootSource): Promise<void> {
  if (root.kind !== 'tar') return;
  const { fs } = vfs.mounts.root;
  if (fs instanceof Tmpfs) await loadTar(fs, root.hostPath);
}

/** mount -t tmpfs -o size=…,mode=…,uid=…,gid=… (tmpfs(5)); the ids are those of the mounter's user namespace, by default its own. */
function newTmpfs(vfs: Vfs, data: string, { creds }: VfsContext): FileSystem | number {
  const { pool, realtimeNs } = vfs.environment;
  const settings = new Map(data.split(',').filter(Boolean).map((item) => item.split('=') as [string, string | undefined]));
  const sizeBytes = parseSize(settings.get('size'));
  const { fsgid, fsuid, userNamespace } = creds;
  const uid = settings.has('uid') ? userNamespace.uidOutside(Number(settings.get('uid'))) : fsuid;
  const gid = settings.has('gid') ? userNamespace.gidOutside(Number(settings.get('gid'))) : fsgid;
  if (uid === NO_ID || gid === NO_ID) return -Errno.EINVAL;
  return new Tmpfs({
    pool, realtimeNs, options: data,
    mode: parseInt(settings.get('mode') ?? '1777', 8),
    uid,
    gid,
    ...(sizeBytes === null ? {} : { maxPages: Math.ceil(sizeBytes / 4096) }),
  });
}

const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseSize(text: string | undefined): number | null {
  const match = /^(\d+)([kmg]?)$/i.exec(text ?? '');
  return match === null ? null : Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1);
}

/** Shows a host directory in the guest. Throws ConfigError when it cannot be used or has no place. */
export function mountVolume(vfs: Vfs, volume: Volume, pageCache?: HostPageCache): void {
  const { pool } = vfs.environment;
  const fs = new HostFileSystem({ path: volume.hostPath, writable: !volume.readOnly, pool, ...(pageCache ? { pageCache } : {}) });
  const mount = new TreeBuilder(vfs).mount(volume.guestPath, fs, MS_NODEV | (volume.readOnly ? MS_RDONLY : 0), volume.hostPath);
  if (mount === null) throw new ConfigError('no such directory, and it cannot be made', volume.guestPath);
}

/** Mounts a file system of the kernel (procfs, sysfs, devpts) on a path; null when the tree has no place for it. */
export function mountAtPath(vfs: Vfs, path: string, fs: FileSystem, flags: number, source: string): Mount | null {
  return new TreeBuilder(vfs).mount(path, fs, flags, source);
}

class TreeBuilder {
  private readonly _ctx: VfsContext;

  constructor(readonly vfs: Vfs) {
    const { root } = vfs;
    this._ctx = { creds: rootCredentials(), root, cwd: root, umask: 0, pid: 0, tid: 0, realtimeNs: vfs.environment.realtimeNs };
  }

  /** Mounts at a path, making its directories where that is possible; null when there is no place for it. */
  mount(path: string, fs: FileSystem, flags: number, source: string): Mount | null {
    const at = this._directory(path);
    return at === null ? null : this.vfs.mounts.mount(fs, at, flags | MS_RELATIME, source);
  }

  private _directory(path: string): ReturnType<TreeBuilder['lookup']> {
    const found = this.lookup(path);
    if (found !== null) return found;
    let made = '';
    for (const name of path.split('/').filter(Boolean)) {
      made += `/${name}`;
      makeDirectory(this._ctx, this.vfs.root, made, 0o755);
    }
    return this.lookup(path);
  }

  lookup(path: string) {
    const node = this.vfs.lookup(this._ctx, this.vfs.root, path, Follow.YES);
    return typeof node === 'number' || !node.inode.isDirectory ? null : node;
  }
}
