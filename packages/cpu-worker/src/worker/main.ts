/**
 * Worker thread entry (piscina task): runs one core until the kernel shuts down.
 * The kernel starts it by URL; nothing imports it.
 */
import { writeSync } from 'node:fs';
import { FramePool, viewMemory } from '@troupe/abi';
import { createInterpEngineSync, loadModules } from '../interp/engine.js';
import type { JitMode } from '../jit/core-jit.js';
import { CoreLoop } from './core-loop.js';

export interface CoreTask {
  readonly memory: WebAssembly.Memory;
  readonly coreId: number;
  readonly spinMs?: number;
  /** Translated code; default: none. */
  readonly jit?: JitMode;
}

loadModules();

export default function runCore(task: CoreTask): void {
  const shared = viewMemory(task.memory);
  const frames = new FramePool(shared);
  new CoreLoop({
    shared,
    coreId: task.coreId,
    createEngine: () => createInterpEngineSync(task.memory, task.coreId, { frames, jit: task.jit ?? 'off' }),
    ...(task.spinMs === undefined ? {} : { spinMs: task.spinMs }),
    report: (message) => writeSync(2, `troupe: ${message}\n`),
  }).run();
}
