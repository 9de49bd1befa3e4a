import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { RegionCompiler } from './region-compiler.js';
import type { Translator } from './translator.js';

/** The translator of compiler threads and eager cores. */
export function makeTranslator(shared: SharedMemory): Translator {
  return new RegionCompiler(shared);
}
