/** /proc/pid/mounts, mountinfo and mountstats (proc(5)). */
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_RELATIME, MS_SYNCHRONOUS, devMajor, devMinor } from '@troupe/abi';
import { mountPointPath, pathInFileSystem, type Mount, type MountTable, type PathNode } from '@troupe/vfs';

const OPTIONS: readonly (readonly [flag: number, name: string])[] = [
  [MS_NOSUID, 'nosuid'], [MS_NODEV, 'nodev'], [MS_NOEXEC, 'noexec'], [MS_NOATIME, 'noatime'], [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'], [MS_SYNCHRONOUS, 'sync'],
];

function optionsOf(mount: Mount): string {
  const names = [mount.flags & MS_RDONLY ? 'ro' : 'rw'];
  for (const [flag, name] of OPTIONS) if (mount.flags & flag) names.push(name);
  return names.join(',');
}

/** Blanks and backslashes as octal, as getmntent(3) reads them. */
const escaped = (text: string): string => text.replace(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);

const superOptions = (mount: Mount): string => (mount.fs.options === '' ? 'rw' : `rw,${mount.fs.options}`);

function* visible(mounts: MountTable, root: PathNode): Iterable<readonly [Mount, string]> {
  for (const mount of mounts.list()) {
    const at = mountPointPath(mount, root);
    if (at !== null) yield [mount, escaped(at)];
  }
}

export function mountsText(mounts: MountTable, root: PathNode): string {
  let text = '';
  for (const [mount, at] of visible(mounts, root)) {
    const options = mount.fs.options === '' ? optionsOf(mount) : `${optionsOf(mount)},${mount.fs.options}`;
    text += `${escaped(mount.source)} ${at} ${mount.fs.type} ${options} 0 0\n`;
  }
  return text;
}

/** Optional fields of mountinfo (mount_namespaces(7)). */
function propagationOf({ isUnbindable, master, peers }: Mount): string {
  return `${peers === null ? '' : ` shared:${peers.id}`}${master === null ? '' : ` master:${master.id}`}${isUnbindable ? ' unbindable' : ''}`;
}

export function mountInfoText(mounts: MountTable, root: PathNode): string {
  let text = '';
  for (const [mount, at] of visible(mounts, root)) {
    const { dev } = mount.fs;
    text += `${mount.id} ${mount.parent?.id ?? 1} ${devMajor(dev)}:${devMinor(dev)} ${escaped(pathInFileSystem(mount.root))} ${at} `
      + `${optionsOf(mount)}${propagationOf(mount)} - ${mount.fs.type} ${escaped(mount.source)} ${superOptions(mount)}\n`;
  }
  return text;
}

export function mountStatsText(mounts: MountTable, root: PathNode): string {
  let text = '';
  for (const [mount, at] of visible(mounts, root)) text += `device ${escaped(mount.source)} mounted on ${at} with fstype ${mount.fs.type}\n`;
  return text;
}
