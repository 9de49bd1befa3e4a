/**
 * LoadFrom of the seed, second half: the object graph of an image becomes the state of a fresh kernel whose
 * memory holds the image's pages, or knows them as absent.
 *
 * Order: anchors, objects, what classes do after loading, header, task control blocks. The kernel is paused and
 *        its time stands still, as when it was saved; `unpause` and `resumeTime` let it go on.
 */
import { IdCounter, TCB } from '@troupe/abi';
import { GraphReader, ImageError, type Graph } from '@troupe/state';
import type { Kernel } from '../kernel.js';
import type { MemorySystem } from '../mm/memory-system.js';
import type { Task } from '../task/task.js';
import { anchorsOf } from './anchors.js';
import { restoreHeader, type SavedRoot } from './save-kernel.js';
import { schemasOf } from './saved-classes.js';

/** Throws ImageError. */
export function loadKernel(kernel: Kernel, graph: Graph): void {
  releaseVdso(kernel.memory);
  const root = new GraphReader(schemasOf(kernel), anchorsOf(kernel)).read(graph) as Partial<SavedRoot> | null;
  if (root?.kernel !== kernel || root.header === undefined || root.counters === undefined) throw new ImageError('damaged', 'no kernel', 'object 0');
  IdCounter.raise(root.counters);
  restoreHeader(kernel, root.header);
  kernel.runner.loaded();
  for (const task of kernel.tasks.all()) if (task.tcb !== 0) settleTcb(kernel, task);
}

/** Those of the image take the place of its own. */
function releaseVdso(memory: MemorySystem): void {
  if (memory.vdso === null) return;
  memory.frames.decRef(memory.vdso.params.frame);
  memory.frames.decRef(memory.vdso.image.frame);
  memory.vdso = null;
}

/** What the cores of the saved kernel left in a task control block. */
function settleTcb({ shared, applicationCores }: Kernel, { tcb }: Task): void {
  shared.i32[(tcb + TCB.off.lastCore) >> 2] = -1;
  shared.u64[(tcb + TCB.off.fillPage) / 8] = 0n;
  const allCores = (1n << BigInt(applicationCores)) - 1n;
  const affinity = (tcb + TCB.off.affinity) / 8;
  // As when CPUs are taken away (cpuset(7)): a task whose CPUs are all gone may run anywhere.
  if ((shared.u64[affinity]! & allCores) === 0n) shared.u64[affinity] = 0xffff_ffff_ffff_ffffn;
}
