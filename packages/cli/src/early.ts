/** First thing the command does: core 0 boots while the rest of the program loads. */
import { prepareFirstCore } from '@troupe/kernel/host/core-pool.js';

prepareFirstCore();
