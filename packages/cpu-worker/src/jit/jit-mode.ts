import { TRACE_INSN } from '../trace/trace-request.js';
import { keptFolder } from './kept-files.js';

/**
 * How translated code comes about: in the background for code that gets hot; at once for every jump
 * target (tests); not at all. check, check-eager: as background and eager, and what runs is compared with the
 * interpreter (check/checked-regions.ts).
 */
export type JitMode = 'background' | 'eager' | 'off' | 'check' | 'check-eager';

export interface JitModeFacts {
  readonly mode: 'background' | 'eager' | 'off';
  readonly isChecked: boolean;
}

const JIT_MODES: Readonly<Record<JitMode, JitModeFacts>> = {
  background: { mode: 'background', isChecked: false }, eager: { mode: 'eager', isChecked: false }, off: { mode: 'off', isChecked: false },
  check: { mode: 'background', isChecked: true }, 'check-eager': { mode: 'eager', isChecked: true },
};

/** TROUPE_JIT overrides what is asked for, so that any test can run in any mode. */
export function jitMode(asked: JitMode): JitModeFacts {
  const forced = process.env['TROUPE_JIT'] ?? '';
  return JIT_MODES[Object.hasOwn(JIT_MODES, forced) ? (forced as JitMode) : asked];
}

/** Folder of kept translations in that mode; undefined: none are used. What was kept is not translated, so --trace-insn would not see it. */
export function keptFolderIn(mode: JitModeFacts['mode']): string | undefined {
  const isUsed = mode === 'background' && process.env['TROUPE_PRECISE_FLAGS'] !== '1' && process.env[TRACE_INSN] === undefined;
  return isUsed ? keptFolder() : undefined;
}
