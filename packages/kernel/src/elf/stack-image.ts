/**
 * The initial stack of a program (System V ABI for x86-64, 3.4.1 "Initial Stack and Register State"):
 * from rsp upwards argc, argv pointers, envp pointers, auxv, padding, random bytes, platform,
 * argument strings, environment strings, file name, a null word.
 */
import { Errno, ErrnoError, PAGE_SIZE } from '@troupe/abi';
import { Rlimit, type LimitSet } from '@troupe/abi/linux/limits.js';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import { prefault } from '../mm/fault.js';
import { STACK_TOP } from '../mm/layout.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { VmFlag } from '../mm/vma.js';
import { aux, AT, type AuxEntry } from './auxv.js';

/** Longest single argument or environment string, with its NUL (execve(2), MAX_ARG_STRLEN). */
const MAX_STRING_BYTES = 32 * PAGE_SIZE;
/** Arguments and environment may always take this much (ARG_MAX), and never more than 6 MiB. */
const MIN_LIMIT_BYTES = 32 * PAGE_SIZE;
const MAX_LIMIT_BYTES = 6 * 1024 * 1024;
const INITIAL_STACK_BYTES = 33 * PAGE_SIZE;
/** Stack pages that every program needs at once. */
const EAGER_STACK_BYTES = 3 * PAGE_SIZE;
const PLATFORM = 'x86_64';

export interface StackContents {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly execFn: string;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** Entries without RANDOM, EXECFN and PLATFORM, which are added here. */
  readonly auxv: readonly AuxEntry[];
  readonly extraAuxv: readonly AuxEntry[];
  readonly executable: boolean;
}

/** Throws E2BIG when arguments and environment are over the limits (execve(2), "Limits on size"). */
export function checkArguments(argv: readonly string[], envp: readonly string[], limits: LimitSet): void {
  const limit = Math.max(MIN_LIMIT_BYTES, Math.min(limits.soft(Rlimit.STACK) / 4, MAX_LIMIT_BYTES));
  let total = (argv.length + envp.length) * 8;
  for (const list of [argv, envp]) {
    for (const text of list) {
      if (text.length + 1 > MAX_STRING_BYTES) throw new ErrnoError(Errno.E2BIG);
      total += text.length + 1;
    }
  }
  if (total > limit) throw new ErrnoError(Errno.E2BIG);
}

/** Maps the stack and writes the image. Returns rsp. */
export function buildStack(mm: MemoryManager, contents: StackContents): number {
  const { argv, envp, execFn } = contents;
  const strings = Buffer.from([...argv, ...envp, execFn].map((text) => text + '\0').join(''), 'latin1');
  const stringsAt = STACK_TOP - 8 - strings.length;
  const argBytes = argv.reduce((sum, text) => sum + text.length + 1, 0);
  const envBytes = envp.reduce((sum, text) => sum + text.length + 1, 0);
  const platformAt = Math.floor((stringsAt - PLATFORM.length - 1) / 16) * 16;
  const randomAt = platformAt - 16;
  const auxv = [...contents.auxv, aux(AT.RANDOM, randomAt), aux(AT.EXECFN, stringsAt + argBytes + envBytes), aux(AT.PLATFORM, platformAt), ...contents.extraAuxv, aux(AT.NULL, 0)];
  const words = 1 + argv.length + 1 + envp.length + 1 + auxv.length * 2;
  const rsp = Math.floor((randomAt - words * 8) / 16) * 16;

  mapStack(mm, rsp, contents.executable);
  mm.copyOut(stringsAt, strings);
  mm.copyOut(platformAt, Buffer.from(PLATFORM + '\0', 'latin1'));
  mm.copyOut(randomAt, contents.random.subarray(0, 16));
  const auxBytes = writeWords(mm, rsp, stringsAt, argv, envp, auxv);
  Object.assign(mm.image, { startStack: rsp, argStart: stringsAt, argEnd: stringsAt + argBytes, envStart: stringsAt + argBytes, envEnd: stringsAt + argBytes + envBytes, auxv: auxBytes, execFn });
  return rsp;
}

function mapStack(mm: MemoryManager, rsp: number, executable: boolean): void {
  const start = Math.floor((rsp - INITIAL_STACK_BYTES) / PAGE_SIZE) * PAGE_SIZE;
  const prot = Prot.READ | Prot.WRITE | (executable ? Prot.EXEC : 0);
  const result = mm.mmap({ addr: start, lengthBytes: STACK_TOP - start, prot, flags: MapFlag.PRIVATE | MapFlag.FIXED | MapFlag.GROWSDOWN, name: '[stack]', vmFlags: VmFlag.GROWSDOWN });
  if (result < 0) throw new ErrnoError(-result);
  const first = Math.floor(rsp / PAGE_SIZE) * PAGE_SIZE - EAGER_STACK_BYTES;
  prefault(mm, mm.vmas.find(first)!, first, first + EAGER_STACK_BYTES);
}

/** Writes argc, the pointers and the auxiliary vector; returns the bytes of the latter. */
function writeWords(mm: MemoryManager, rsp: number, stringsAt: number, argv: readonly string[], envp: readonly string[], auxv: readonly AuxEntry[]): Uint8Array {
  const image = new BigUint64Array(1 + argv.length + 1 + envp.length + 1 + auxv.length * 2);
  let word = 0;
  let at = stringsAt;
  image[word++] = BigInt(argv.length);
  for (const list of [argv, envp]) {
    for (const text of list) {
      image[word++] = BigInt(at);
      at += text.length + 1;
    }
    word++;
  }
  const auxWord = word;
  for (const { key, value } of auxv) {
    image[word++] = BigInt(key);
    image[word++] = BigInt.asUintN(64, value);
  }
  const bytes = new Uint8Array(image.buffer);
  mm.copyOut(rsp, bytes);
  return bytes.slice(auxWord * 8);
}
