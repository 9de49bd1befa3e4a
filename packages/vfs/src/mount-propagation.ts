/**
 * How mount and unmount events reach other mounts: shared, private, slave and unbindable mounts
 * (mount_namespaces(7), "Shared subtrees").
 *
 * Owns: peers, master and isUnbindable of every mount.
 */
import { IdCounter } from '@troupe/abi';
import type { Dentry } from './dentry.js';
import { type Mount, PeerGroup } from './mount.js';

export type Propagation = 'shared' | 'private' | 'slave' | 'unbindable';

const groupIds = new IdCounter('peer group');

function leavePeers(mount: Mount): void {
  const { peers } = mount;
  if (peers === null) return;
  mount.peers = null;
  peers.members.delete(mount);
  if (peers.members.size > 0) return;
  // Slaves of a group without members receive from its own master.
  for (const slave of [...peers.slaves]) setMaster(slave, mount.master);
}

function setMaster(mount: Mount, master: PeerGroup | null): void {
  mount.master?.slaves.delete(mount);
  mount.master = master;
  master?.slaves.add(mount);
}

function joinPeers(mount: Mount, group: PeerGroup): void {
  mount.peers = group;
  group.members.add(mount);
}

export function setPropagation(mount: Mount, type: Propagation): void {
  mount.isUnbindable = type === 'unbindable';
  if (type === 'shared') {
    if (mount.peers === null) joinPeers(mount, new PeerGroup(groupIds.take()));
    return;
  }
  if (type === 'slave') {
    const group = mount.peers;
    const hasOthers = group !== null && group.members.size > 1;
    leavePeers(mount);
    if (hasOthers) setMaster(mount, group);
    return;
  }
  leavePeers(mount);
  setMaster(mount, null);
}

/** A copy (bind, new namespace) is a peer of a shared original, and a slave of what the original is a slave of. */
export function inheritPropagation(copy: Mount, original: Mount): void {
  if (original.peers !== null) joinPeers(copy, original.peers);
  setMaster(copy, original.master);
}

/** A copy in a less privileged namespace receives events and sends none. */
export function enslave(copy: Mount, original: Mount): void {
  setMaster(copy, original.peers ?? original.master);
}

/** The mount is gone: nobody sends it events any more. */
export function forget(mount: Mount): void {
  leavePeers(mount);
  setMaster(mount, null);
}

/** Makes a copy of a tree for another place; `link` decides what its mounts have to do with the originals. */
export type TreeCopier = (tree: Mount, link: (copy: Mount, original: Mount) => void) => Mount;

/** A tree was attached below `parent`, which may be shared: it appears at the same place of every receiver. */
export function propagateAttach(tree: Mount, parent: Mount, mountpoint: Dentry, copyTree: TreeCopier): void {
  if (parent.peers === null) return;
  for (const mount of tree.subtree()) setPropagation(mount, 'shared');
  spread(tree, parent.peers, mountpoint, copyTree, new Set([parent]));
}

function spread(tree: Mount, group: PeerGroup, mountpoint: Dentry, copyTree: TreeCopier, done: Set<Mount>): void {
  for (const peer of [...group.members]) {
    if (done.has(peer)) continue;
    done.add(peer);
    attachCopy(copyTree(tree, inheritPropagation), peer, mountpoint);
  }
  for (const slave of [...group.slaves]) {
    if (done.has(slave)) continue;
    done.add(slave);
    const copy = copyTree(tree, enslave);
    attachCopy(copy, slave, mountpoint);
    if (slave.peers === null) continue;
    for (const mount of copy.subtree()) setPropagation(mount, 'shared');
    spread(copy, slave.peers, mountpoint, copyTree, done);
  }
}

/** Below a receiver that shows the place; what is mounted there already stays on top. */
function attachCopy(copy: Mount, receiver: Mount, mountpoint: Dentry): void {
  if (!receiver.root.isAncestorOf(mountpoint)) {
    for (const mount of copy.subtree()) forget(mount);
    return;
  }
  const present = receiver.children.get(mountpoint);
  present?.detach();
  copy.attach(receiver, mountpoint);
  present?.attach(copy, copy.root);
}

/** Takes a tree of mounts out, without telling anybody. */
export function dropTree(mount: Mount): void {
  for (const each of mount.subtree().reverse()) {
    each.detach();
    forget(each);
  }
}

/** Is something mounted on the name in the mount namespace of the root? Others do not keep a name from being removed. */
export function isMountPoint(dentry: Dentry, root: Mount): boolean {
  if (dentry.mountCount === 0) return false;
  const { top } = root;
  for (const mount of dentry.mounts ?? []) if (mount.top === top) return true;
  return false;
}

/** The name is gone: what other namespaces had mounted on it goes too (rename(2), unlink(2)). */
export function dropMountsOn(dentry: Dentry): void {
  for (const mount of [...(dentry.mounts ?? [])]) dropTree(mount);
}

/** Mounts that receive what happens in `mount`. */
export function receiversOf(mount: Mount): Mount[] {
  const found = new Set<Mount>([mount]);
  const visit = (group: PeerGroup | null): void => {
    for (const member of group?.members ?? []) found.add(member);
    for (const slave of group?.slaves ?? []) {
      if (found.has(slave)) continue;
      found.add(slave);
      visit(slave.peers);
    }
  };
  visit(mount.peers);
  found.delete(mount);
  return [...found];
}
