/**
 * Worker thread entry (piscina task): runs one core until the kernel shuts down. The kernel starts it
 * by URL, and loads it in the same way for its own core.
 */
import { writeSync } from 'node:fs';
import { FramePool, LOCAL_CORE, viewMemory, type SharedMemory } from '@troupe/abi';
import { createInterpEngineSync, loadModules, type Engine } from '../interp/engine.js';
import type { JitMode } from '../jit/jit-mode.js';
import { loadUnicorn } from '../unicorn/load-unicorn.js';
import { UnicornEngine } from '../unicorn/unicorn-engine.js';
import { CoreLoop } from './core-loop.js';
import { TaskSlice } from './task-slice.js';

export interface CoreTask {
  readonly memory: WebAssembly.Memory;
  readonly coreId: number;
  readonly longSpinMs?: number;
  /** Translated code; default: none. */
  readonly jit?: JitMode;
  /** Path of unicorn, which then runs the guest code. */
  readonly unicorn?: string;
}

loadModules();

/** unicorn is loaded when asked for only. */
async function engineMaker({ unicorn, memory, coreId, jit }: CoreTask, frames: FramePool): Promise<() => Engine> {
  if (unicorn === undefined) return () => createInterpEngineSync(memory, coreId, { frames, jit: jit ?? 'off' });
  const createMachine = await loadUnicorn(unicorn);
  return () => new UnicornEngine(viewMemory(memory), coreId, createMachine);
}

export default async function runCore(task: CoreTask): Promise<void> {
  const shared = viewMemory(task.memory);
  const frames = new FramePool(shared);
  new CoreLoop({
    shared,
    coreId: task.coreId,
    createEngine: await engineMaker(task, frames),
    ...(task.longSpinMs === undefined ? {} : { longSpinMs: task.longSpinMs }),
    report: (message) => writeSync(2, `troupe: ${message}\n`),
  }).run();
}

/** The core of the kernel thread. */
export function createLocalSlice(shared: SharedMemory, frames: FramePool, jit: JitMode, report: (message: string) => void): TaskSlice {
  return new TaskSlice({ shared, coreId: LOCAL_CORE, createEngine: () => createInterpEngineSync(shared.memory, LOCAL_CORE, { frames, jit }), report });
}
