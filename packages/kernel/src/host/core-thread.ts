/** Worker threads for cores (piscina), and what they run. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Piscina } from 'piscina';
import type * as coreModule from '@troupe/cpu-worker/worker/main.js';

export type CoreModule = typeof coreModule;

/** The bundled worker, from the bundled command: set by scripts/bundle.mjs, as finding the package takes 2 ms. */
declare const WORKER_FILE: string | undefined;

/** The bundled worker where the build made one: it loads several times faster than its modules. */
function workerPath(): string {
  if (typeof WORKER_FILE === 'string') return fileURLToPath(new URL(WORKER_FILE, import.meta.url));
  const resolvePath = createRequire(import.meta.url).resolve;
  const bundle = resolvePath('@troupe/cpu-worker/worker-bundle');
  return existsSync(bundle) ? bundle : resolvePath('@troupe/cpu-worker/worker/main.js');
}

/** Decoding makes many short-lived objects: with V8's default a starting core spends a tenth of its time on scavenges. */
const YOUNG_GENERATION_MB = 32;

/**
 * One thread, which boots at once. A pool for each core: a shared one would start a thread too many while
 * the first boots. piscina is loaded for the first one, as short programs need none.
 */
export async function newCoreThread(): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  return new Pool({
    filename: workerPath(), minThreads: 1, maxThreads: 1, idleTimeout: Infinity, atomics: 'disabled', recordTiming: false,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
}

/** What core threads run, for the kernel thread's own core: the bundle at once, its modules when they are loaded. */
export function loadCoreModule(): CoreModule | Promise<CoreModule> {
  const path = workerPath();
  return path.endsWith('.cjs') ? (createRequire(import.meta.url)(path) as CoreModule) : (import(pathToFileURL(path).href) as Promise<CoreModule>);
}
