/** Interpreter lines of scripts: `#! interpreter [argument]` (execve(2), "Interpreter scripts"). */
import { ElfError } from './elf-image.js';

/** Bytes of the file that are looked at (BINPRM_BUF_SIZE). */
export const SCRIPT_HEAD_BYTES = 256;
/** Interpreters that are scripts themselves. */
export const MAX_SCRIPT_DEPTH = 5;

export interface ScriptLine {
  readonly interpreter: string;
  /** Everything after the interpreter, as one argument; null = none. */
  readonly argument: string | null;
}

export function isScript(head: Uint8Array): boolean {
  return head.length >= 2 && head[0] === 0x23 && head[1] === 0x21;
}

/** Parses the first line. `head`: the first SCRIPT_HEAD_BYTES of the file, or all of it. Throws ElfError. */
export function parseScript(head: Uint8Array): ScriptLine {
  const text = Buffer.from(head.subarray(2, SCRIPT_HEAD_BYTES)).toString('latin1');
  const newline = text.indexOf('\n');
  const complete = newline >= 0 || head.length < SCRIPT_HEAD_BYTES;
  const raw = newline >= 0 ? text.slice(0, newline) : text;
  const nul = raw.indexOf('\0');
  const line = (nul >= 0 ? raw.slice(0, nul) : raw).replace(/^[ \t]+/, '');
  const end = line.search(/[ \t]/);
  if (line === '' || (end < 0 && !complete)) throw new ElfError('bad interpreter line');
  if (end < 0) return { interpreter: line, argument: null };
  const argument = line.slice(end).replace(/^[ \t]+|[ \t]+$/g, '');
  return { interpreter: line.slice(0, end), argument: argument === '' ? null : argument };
}
