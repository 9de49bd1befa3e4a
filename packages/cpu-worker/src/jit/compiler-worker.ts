/** Thread that compiles regions; started by compiler-thread.ts. */
import { writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { CompileLoop } from './compile-loop.js';
import type { CompilerWorkerData } from './compiler-thread.js';
import { JitArea } from './jit-area.js';
import { makeTranslator } from './make-translator.js';

/** Where all processors are busy, guest code goes first: it gets on without translations, too. */
const NICENESS = 7;

function beNice(): void {
  // On Linux 0 stands for the calling thread, elsewhere for the whole process.
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // Not allowed here: the thread keeps its priority.
  }
}

beNice();
const { memory, number } = workerData as CompilerWorkerData;
const shared = viewMemory(memory);
const area = JitArea.existing(shared);
if (area) new CompileLoop(area, makeTranslator(shared), number, (message) => writeSync(2, `troupe: ${message}\n`)).run();
