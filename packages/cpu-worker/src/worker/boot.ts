/** Start of the bundled worker: loads the other bundle through its code cache. scripts/bundle.mjs names it. */
import { fileURLToPath } from 'node:url';
import { runBundle } from '@troupe/abi/script-cache.js';
import type * as main from './main.js';

declare const BUNDLE_FILE: string;

const bundle = runBundle(fileURLToPath(new URL(BUNDLE_FILE, import.meta.url))).exports as typeof main;
export default bundle.default;
export const { createLocalSlice } = bundle;
