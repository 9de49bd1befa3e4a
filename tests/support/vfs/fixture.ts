/** VFS instances for tests, and the same file operations on them and on the host. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { FramePool, createMemory, userCredentials, viewMemory, type Credentials } from '@troupe/abi';
import { createVfs, type RootSource, type Vfs, type VfsContext } from '@troupe/vfs';

const MEMORY_BYTES = 64 * 2 ** 20;

export function newPool(): FramePool {
  const shared = viewMemory(createMemory(MEMORY_BYTES));
  return FramePool.initialise(shared, MEMORY_BYTES);
}

export const realtimeNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** Credentials of the user who runs the tests, so that permissions agree with the host's. */
export const hostUser = (): Credentials => userCredentials(process.getuid!(), process.getgid!(), process.getgroups!());

export function contextOf(vfs: Vfs, changes: Partial<VfsContext> = {}): VfsContext {
  return { creds: hostUser(), root: vfs.root, cwd: vfs.root, umask: 0o022, pid: 1, tid: 1, realtimeNs, ...changes };
}

export function newVfs(root: RootSource = { kind: 'memory' }): { vfs: Vfs; ctx: VfsContext; pool: FramePool } {
  const pool = newPool();
  const vfs = createVfs({ pool, realtimeNs, root });
  return { vfs, ctx: contextOf(vfs), pool };
}

/** A temporary directory of the host that goes away with `remove`. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'troupe-vfs-'));
  return { path: made, remove: () => fs.rmSync(made, { recursive: true, force: true }) };
}
