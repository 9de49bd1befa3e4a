/**
 * Start of the bundled command: core 0 starts to boot, then the other bundle is loaded through its code
 * cache. scripts/bundle.mjs names it, and leaves the module of core threads in this one.
 */
import { fileURLToPath } from 'node:url';
import { runBundle } from '@troupe/abi/script-cache.js';
import * as coreThread from '@troupe/kernel/host/core-thread.js';

declare const BUNDLE_FILE: string;

if (process.argv[2] === 'do' || process.argv[2] === 'run') coreThread.prepareFirstCore();

export const { exports, script } = runBundle(fileURLToPath(new URL(BUNDLE_FILE, import.meta.url)), { 'troupe:core-thread': coreThread });
