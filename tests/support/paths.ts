import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository, from tests/dist/support. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
/** Ignored folder for compiled guests, packages and the like. */
export const CACHE = join(ROOT, '.cache');
export const TROUPE = join(ROOT, 'packages/cli/bin/troupe.cjs');
