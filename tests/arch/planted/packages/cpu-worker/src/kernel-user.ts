// Planted: a core must not know the kernel.
import { thing } from '../../kernel/src/thing.js';

export const planted = thing;
