/** Makes the Debian root folder once per run (scripts/debian-rootfs.mjs). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './paths.js';

export function ensureRootfs(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/debian-rootfs.mjs')], { encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`Debian root folder: ${stderr}`);
}
