import { prepareFirstCore } from '@troupe/kernel/host/core-pool.js';

if (process.argv[2] === 'do' || process.argv[2] === 'run') prepareFirstCore();
