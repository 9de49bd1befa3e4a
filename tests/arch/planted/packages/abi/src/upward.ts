// Planted: abi must not import the kernel.
import { thing } from '../../kernel/src/thing.js';

export const planted = thing;
