/** Thread that compiles regions; started by compiler-thread.ts. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { CompileLoop } from './compile-loop.js';
import type { CompilerWorkerData } from './compiler-thread.js';
import { JitArea } from './jit-area.js';
import { makeTranslator } from './make-translator.js';

const { memory, number } = workerData as CompilerWorkerData;
const shared = viewMemory(memory);
const area = JitArea.existing(shared);
if (area) new CompileLoop(area, makeTranslator(shared), number, (message) => writeSync(2, `troupe: ${message}\n`)).run();
