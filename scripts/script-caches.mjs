// Writes the code caches of the bundles: node script-caches.mjs COMMAND_BUNDLE WORKER_BUNDLE COMPILER_BUNDLE.
import { setFlagsFromString } from 'node:v8';
import * as coreThread from '../packages/kernel/dist/host/core-thread.js';
import { compileBundle, runBundle, writeCache } from '../packages/abi/dist/script-cache.js';

const [command, ...threads] = process.argv.slice(2);

// All functions of the small ones; those that a run needs of the large one.
setFlagsFromString('--no-lazy');
const scripts = threads.map((path) => compileBundle(path, null));
setFlagsFromString('--lazy');
threads.forEach((path, i) => writeCache(path, scripts[i].createCachedData()));

process.argv = [process.argv[0], 'troupe', 'do', '--cores', '1', '--', '/bin/echo'];
const { exports, script: main } = runBundle(command, { 'troupe:core-thread': coreThread });
await exports.main(process.argv);
writeCache(command, main.createCachedData());
