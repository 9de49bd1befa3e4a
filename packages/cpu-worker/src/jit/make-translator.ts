import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { InstructionFacts } from '../check/instruction-facts.js';
import { insnTracer } from '../trace/insn-tracer.js';
import { RegionCompiler } from './region-compiler.js';
import type { Translator } from './translator.js';

/** The translator of compiler threads and eager cores. */
export function makeTranslator(shared: SharedMemory): Translator {
  return new RegionCompiler(shared, insnTracer());
}

/** For comparisons with the interpreter: loaded with the translator, as both need the instruction rows. */
export function makeFacts(shared: SharedMemory): InstructionFacts {
  return new InstructionFacts(shared);
}
