import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const troupe = join(root, 'packages/cli/bin/troupe.cjs');
/** Ignored folder for binaries, inputs and results. */
export const out = join(root, '.cache/bench');
export const debianRoot = join(root, '.cache/debian/rootfs');
