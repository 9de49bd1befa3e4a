/** Thread that compiles regions; started by compiler-thread.ts. */
import { writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { COMPILER_CORE } from '@troupe/abi/layout/header.js';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { viewMemory } from '@troupe/abi/shared/shared-memory.js';
import { RunDecoder } from '../decode/run-decoder.js';
import { keepsMachineCode } from '../interp/compiled-module.js';
import { CompileLoop } from './compile-loop.js';
import type { CompilerWorkerData } from './compiler-thread.js';
import { JitArea } from './jit-area.js';
import { KeptFiles, keptFolder } from './kept-files.js';
import { KeptRegions, type KeptDescription } from './kept-regions.js';
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
/** Undefined when nothing is to be kept, or this V8 cannot. The bundle's name says what translator it is. */
function keptRegions(): KeptRegions | undefined {
  const translator = /compiler-([0-9a-f]+)\.cjs$/.exec(import.meta.url)?.[1];
  const folder = keptFolder();
  if (translator === undefined || folder === undefined || !keepsMachineCode(new URL('../main.wasm', import.meta.url))) return undefined;
  const files = KeptFiles.open<KeptDescription>(folder, translator);
  return files && new KeptRegions(files, new RunDecoder(shared, new FramePool(shared), COMPILER_CORE, false));
}

if (area) new CompileLoop(area, makeTranslator(shared), number, (message) => writeSync(2, `troupe: ${message}\n`), keptRegions()).run();
