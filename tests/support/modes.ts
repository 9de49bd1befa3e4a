/** The ways guest code can run: the interpreter, its main loop from the start, the JIT, the JIT that translates everything at once. */
import { spawnSync } from 'node:child_process';
import { TROUPE } from './paths.js';
import type { TroupeOptions } from './run.js';

export interface Mode {
  readonly name: 'interp' | 'main' | 'jit' | 'eager';
  readonly options: Pick<TroupeOptions, 'flags' | 'env'>;
}

const interp: Mode = { name: 'interp', options: { flags: ['--engine', 'interp'] } };
const main: Mode = { name: 'main', options: { flags: ['--engine', 'interp'], env: { ...process.env, TROUPE_EAGER_MAIN: '1' } } };
const jit: Mode = { name: 'jit', options: { flags: ['--engine', 'jit'] } };
const eager: Mode = { name: 'eager', options: { flags: ['--engine', 'jit'], env: { ...process.env, TROUPE_JIT: 'eager' } } };

/** Troupe answers 125 for an engine that it does not have. */
function hasJit(): boolean {
  const { status } = spawnSync(process.execPath, [TROUPE, 'do', '--cores', '1', '--engine', 'jit', '--', '/bin/true']);
  return status !== 125;
}

let modes: readonly Mode[] | undefined;

export function allModes(): readonly Mode[] {
  modes ??= hasJit() ? [interp, main, jit, eager] : [interp, main];
  return modes;
}
