/** Start of the bundled worker: loads the other bundle through its code cache. scripts/bundle.mjs names it. */
import { fileURLToPath } from 'node:url';
import { runBundle } from '@troupe/abi/script-cache.js';

declare const BUNDLE_FILE: string;

const { exports } = runBundle(fileURLToPath(new URL(BUNDLE_FILE, import.meta.url)));
export default (exports as { default: (task: unknown) => void }).default;
