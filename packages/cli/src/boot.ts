/** Start of the bundled command: loads the other bundle through its code cache. scripts/bundle.mjs names it. */
import { fileURLToPath } from 'node:url';
import { runBundle } from '@troupe/abi/script-cache.js';
import { setStartFlags } from '@troupe/abi/start-flags.js';

declare const BUNDLE_FILE: string;

setStartFlags();
export const { exports, script } = runBundle(fileURLToPath(new URL(BUNDLE_FILE, import.meta.url)));
