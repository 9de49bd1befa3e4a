/**
 * V8's flags for the first moments of the command (docs/adr/0019-collections-at-the-start.md): its heap grows from
 * nothing, nearly everything stays, and each collection asks threads for help that takes longer than the work.
 *
 * V8 refuses code that was kept under other flags, so `withUsualFlags` puts them back while such code is loaded.
 * Bundles have copies of this module: whether the flags are set stands in `globalThis`.
 */
import { setFlagsFromString } from 'node:v8';

const FLAGS = [
  // The young generation grows from 1 MB to 16 at once.
  { set: '--semi-space-growth-factor=16', reset: '--semi-space-growth-factor=2' },
  { set: '--no-parallel-scavenge', reset: '--parallel-scavenge' },
  { set: '--no-incremental-marking', reset: '--incremental-marking' },
];
const START_MS = 250;
const ARE_SET = '__troupeStartFlags';

const state = globalThis as { [ARE_SET]?: boolean };

function change(which: 'set' | 'reset'): void {
  for (const flag of FLAGS) setFlagsFromString(flag[which]);
}

/** Sets the flags until the start is over: after a while, or when there are other threads. */
export function setStartFlags(): void {
  change('set');
  state[ARE_SET] = true;
  setTimeout(endStart, START_MS).unref();
  process.once('worker', endStart);
}

function endStart(): void {
  if (!state[ARE_SET]) return;
  state[ARE_SET] = false;
  change('reset');
}

/** Loads code that V8 kept. */
export function withUsualFlags<T>(load: () => T): T {
  if (!state[ARE_SET]) return load();
  change('reset');
  try {
    return load();
  } finally {
    change('set');
  }
}
