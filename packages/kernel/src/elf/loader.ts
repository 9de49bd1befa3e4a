/**
 * execve(2): builds the address space of a new program. The caller's old address space is not
 * touched, so a refusal leaves the caller as it was.
 */
import { Errno, ErrnoError, PAGE_SIZE, RSEQ_ALIGN, RSEQ_FEATURE_BYTES, type Credentials } from '@troupe/abi';
import type { LimitSet } from '@troupe/abi/linux/limits.js';
import { MemoryManager } from '../mm/memory-manager.js';
import type { MemorySystem } from '../mm/memory-system.js';
import { pageUp } from '../mm/heap.js';
import { aux, AT, type AuxEntry } from './auxv.js';
import { ElfError, parseElf, PHDR_BYTES, type ElfImage } from './elf-image.js';
import type { ProgramFile } from './program-file.js';
import { isScript, MAX_SCRIPT_DEPTH, parseScript, SCRIPT_HEAD_BYTES } from './script.js';
import { interpreterBias, mapSegments, programBias, type LoadedImage } from './segments.js';
import { buildStack, checkArguments } from './stack-image.js';
import { mapVdso } from './vdso-mapping.js';

export interface LoadArgs {
  readonly system: MemorySystem;
  /** The executable or script, opened and checked for execute permission by the caller. */
  readonly file: ProgramFile;
  /** Path as given to execve: AT_EXECFN, and what a script interpreter gets as its argument. */
  readonly path: string;
  /** Byte strings (latin1). */
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly limits: LimitSet;
  readonly creds: Credentials;
  /** Set-user-ID or similar execution: AT_SECURE. */
  readonly secure?: boolean;
  /** Opens an interpreter (of a script, or PT_INTERP) with execute permission, or -errno. */
  readonly open: (path: string) => ProgramFile | number;
  /** 16 random bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** CPUID.1:EDX, and AT_HWCAP2. */
  readonly hwcap?: number;
  readonly hwcap2?: number;
  readonly extraAuxv?: readonly AuxEntry[];
  readonly withVdso?: boolean;
}

export interface LoadedProgram {
  /** No task is attached yet. */
  readonly mm: MemoryManager;
  readonly entry: number;
  readonly rsp: number;
  /** The binary that runs: for scripts the interpreter. */
  readonly file: ProgramFile;
  /** comm: base name of `path`, at most 15 bytes. */
  readonly name: string;
}

/** Where a program starts that Linux kills with SIGSEGV during execve: nothing is ever mapped there. */
const NOWHERE = 0;
const CLOCK_TICKS = 100;
/** Default CPUID.1:EDX: fpu … sse2. */
const DEFAULT_HWCAP = 0x078b_fbff;
/** Smallest signal stack: frame with fxsave area, rounded up. */
const MIN_SIGSTACK_BYTES = 2048;

/** The new address space with registers to start from, or -errno. */
export function loadExecutable(args: LoadArgs): LoadedProgram | number {
  const mm = new MemoryManager(args.system);
  mm.limits = args.limits;
  try {
    return load(mm, args);
  } catch (error) {
    mm.destroy();
    if (error instanceof ErrnoError) return -error.errno;
    throw error;
  }
}

interface Resolved {
  readonly file: ProgramFile;
  readonly argv: readonly string[];
}

/** Follows interpreter lines until a binary is found. */
function resolveScripts(args: LoadArgs): Resolved {
  let { file, path } = args;
  let argv: readonly string[] = args.argv.length === 0 ? [''] : args.argv;
  for (let depth = 0; ; depth++) {
    const head = file.read(0, SCRIPT_HEAD_BYTES);
    if (!isScript(head)) return { file, argv };
    if (depth >= MAX_SCRIPT_DEPTH) throw new ElfError('too many script interpreters', Errno.ELOOP);
    const line = parseScript(head);
    argv = [line.interpreter, ...(line.argument === null ? [] : [line.argument]), path, ...argv.slice(1)];
    path = line.interpreter;
    file = mustOpen(args, path);
  }
}

function mustOpen(args: LoadArgs, path: string): ProgramFile {
  const file = args.open(path);
  if (typeof file === 'number') throw new ErrnoError(-file);
  return file;
}

function load(mm: MemoryManager, args: LoadArgs): LoadedProgram {
  checkArguments(args.argv, args.envp, args.limits);
  const { file, argv } = resolveScripts(args);
  const image = parseElf((off, len) => file.read(off, len));
  const program = mapSegments(mm, file.mapping, image, programBias(image));
  const interpreter = image.interpreter === null ? null : loadInterpreter(mm, args, image.interpreter);
  mm.brk.start = mm.brk.end = pageUp(program.end);
  const vdsoBase = args.withVdso === false ? 0 : mapVdso(mm);
  checkArguments(argv, args.envp, args.limits);
  const rsp = buildStack(mm, {
    argv, envp: args.envp, execFn: args.path, random: args.random, executable: image.executableStack,
    auxv: auxvOf(args, image, program, interpreter, vdsoBase), extraAuxv: args.extraAuxv ?? [],
  });
  const { startCode, endCode, startData, endData } = program;
  const isWhole = program.isWhole && interpreter?.isWhole !== false;
  const entry = isWhole ? (interpreter ?? program).entry : NOWHERE;
  Object.assign(mm.image, { startCode, endCode, startData, endData, entry: program.entry, vdsoBase });
  return { mm, entry, rsp, file, name: args.path.slice(args.path.lastIndexOf('/') + 1).slice(0, 15) };
}

/** A broken interpreter is ELIBBAD, not ENOEXEC (execve(2)). */
function loadInterpreter(mm: MemoryManager, args: LoadArgs, path: string): LoadedImage {
  const file = mustOpen(args, path);
  let image: ElfImage;
  try {
    image = parseElf((off, len) => file.read(off, len));
  } catch (error) {
    throw error instanceof ElfError ? new ElfError(error.reason, Errno.ELIBBAD) : error;
  }
  return mapSegments(mm, file.mapping, image, interpreterBias(mm, image));
}

function auxvOf(args: LoadArgs, image: ElfImage, program: LoadedImage, interpreter: LoadedImage | null, vdsoBase: number): AuxEntry[] {
  const { creds } = args;
  return [
    ...(vdsoBase === 0 ? [] : [aux(AT.SYSINFO_EHDR, vdsoBase)]),
    aux(AT.MINSIGSTKSZ, MIN_SIGSTACK_BYTES),
    aux(AT.HWCAP, args.hwcap ?? DEFAULT_HWCAP),
    aux(AT.PAGESZ, PAGE_SIZE),
    aux(AT.CLKTCK, CLOCK_TICKS),
    aux(AT.PHDR, program.phdr),
    aux(AT.PHENT, PHDR_BYTES),
    aux(AT.PHNUM, image.headers.length),
    aux(AT.BASE, interpreter?.bias ?? 0),
    aux(AT.FLAGS, 0),
    aux(AT.ENTRY, program.entry),
    aux(AT.UID, creds.uid),
    aux(AT.EUID, creds.euid),
    aux(AT.GID, creds.gid),
    aux(AT.EGID, creds.egid),
    aux(AT.SECURE, args.secure === true ? 1 : 0),
    aux(AT.HWCAP2, args.hwcap2 ?? 0),
    aux(AT.RSEQ_FEATURE_SIZE, RSEQ_FEATURE_BYTES),
    aux(AT.RSEQ_ALIGN, RSEQ_ALIGN),
  ];
}
