// Debian packages without root: apt resolves and downloads them into a state folder of its own, dpkg-deb unpacks them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const hasApt = () => !spawnSync('apt-get', ['--version']).error && !spawnSync('dpkg-deb', ['--version']).error;

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 30, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.slice(0, 6).join(' ')} failed: ${result.stderr}`);
  return result.stdout;
}

/** apt with its own state below `folder`: as if no package were installed. */
function apt(folder, args, options = {}) {
  const dirs = ['state/lists/partial', 'cache/archives/partial'].map((dir) => join(folder, dir));
  for (const dir of dirs) mkdirSync(dir, { recursive: true });
  const status = join(folder, 'status');
  if (!existsSync(status)) writeFileSync(status, '');
  const settings = { 'Dir::State': join(folder, 'state'), 'Dir::State::status': status, 'Dir::Cache': join(folder, 'cache'), 'APT::Sandbox::User': '', 'Debug::NoLocking': '1', 'APT::Install-Recommends': '0', 'APT::Architecture': 'amd64' };
  return run('apt-get', [...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]), '-qq', '-y', ...args], options);
}

/** Downloads the packages and what they depend on; returns the folder of the archives. */
export function downloadPackages(folder, packages) {
  apt(folder, ['update']);
  apt(folder, ['install', '--download-only', ...packages]);
  return join(folder, 'cache', 'archives');
}

/** Downloads one package alone; returns the folder of the archive. */
export function downloadArchive(folder, name) {
  apt(folder, ['update']);
  const archives = join(folder, 'archives');
  mkdirSync(archives, { recursive: true });
  apt(folder, ['download', name], { cwd: archives });
  return archives;
}

const UNNEEDED = ['doc', 'locale', 'man'].map((name) => `--exclude=./usr/share/${name}`);

/** Unpacks the archives into `target`: all of each, or what matches the patterns only. */
export function unpackPackages(archives, target, patterns = []) {
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const tar = run('dpkg-deb', ['--fsys-tarfile', join(archives, file)]);
    const selection = patterns.length > 0 ? ['--wildcards', ...patterns] : UNNEEDED;
    run('tar', ['-x', '--keep-directory-symlink', '--no-same-owner', '-C', target, ...selection], { input: tar, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}
