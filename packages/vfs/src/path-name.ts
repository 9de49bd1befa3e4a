/** From nodes to names: getcwd(2), /proc/pid/fd, /proc/pid/maps, mountinfo. */
import type { Dentry } from './dentry.js';
import type { Mount, PathNode } from './mount.js';

/** Path from `root` to the node; `reachable` is false when the node is not below it. */
export function pathFrom(node: PathNode, root: PathNode): { path: string; reachable: boolean } {
  let { mount, dentry } = node;
  let path = '';
  for (;;) {
    if (mount === root.mount && dentry === root.dentry) return { path: path || '/', reachable: true };
    if (dentry === mount.root) {
      if (mount.parent === null) return { path: mount.mountpoint === null && dentry.name !== '' ? dentry.name + path : path || '/', reachable: false };
      dentry = mount.mountpoint!;
      mount = mount.parent;
      continue;
    }
    if (dentry.parent === null) return { path: dentry.name + path, reachable: false };
    path = `/${dentry.name}${path}`;
    dentry = dentry.parent;
  }
}

/** As readlink of /proc/pid/fd/N prints it. */
export function displayPath(node: PathNode, root: PathNode): string {
  const { path } = pathFrom(node, root);
  return node.dentry.deleted ? `${path} (deleted)` : path;
}

/** Path inside the file system of a mount (mountinfo field 4). */
export function pathInFileSystem(dentry: Dentry): string {
  let path = '';
  for (let at = dentry; at.parent !== null; at = at.parent) path = `/${at.name}${path}`;
  return path || '/';
}

/** Mount point seen from `root` (mountinfo field 5), or null when it is outside. */
export function mountPointPath(mount: Mount, root: PathNode): string | null {
  const { path, reachable } = pathFrom({ mount, dentry: mount.root } as PathNode, root);
  return reachable ? path : null;
}
