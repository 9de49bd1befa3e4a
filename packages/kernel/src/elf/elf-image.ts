/** ELF64 headers, checked (elf(5); System V gABI chapter 4 and 5). */
import { Errno, ErrnoError, PAGE_SIZE } from '@troupe/abi';
import { TASK_SIZE } from '../mm/layout.js';

export const ET_EXEC = 2;
export const ET_DYN = 3;
const EM_X86_64 = 62;

export const PT = { NULL: 0, LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, PHDR: 6, TLS: 7, GNU_STACK: 0x6474_e551, GNU_RELRO: 0x6474_e552 } as const;
export const PF = { X: 1, W: 2, R: 4 } as const;

export const EHDR_BYTES = 64;
export const PHDR_BYTES = 56;
const MAX_PHDR_BYTES = 65536;
const PATH_MAX = 4096;

/** Why a file is not a program we can run. */
export type ElfRefusal =
  | 'too short' | 'bad magic' | 'wrong type' | 'wrong machine'
  | 'bad program header size' | 'no program headers' | 'program headers past the end' | 'no loadable segment'
  | 'file size over memory size' | 'segment outside of user space' | 'segment misaligned' | 'bad interpreter path' | 'interpreter path past the end' | 'too many script interpreters' | 'bad interpreter line';

/** Refusal of an executable: becomes -errno of execve. */
export class ElfError extends ErrnoError {
  constructor(readonly reason: ElfRefusal, errno: number = Errno.ENOEXEC) {
    super(errno, reason);
  }
}

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offBytes: number;
  readonly vaddr: number;
  readonly fileBytes: number;
  readonly memBytes: number;
  readonly alignBytes: number;
}

export interface ElfImage {
  readonly type: number;
  readonly entry: number;
  readonly phoff: number;
  readonly headers: readonly ProgramHeader[];
  readonly loads: readonly ProgramHeader[];
  /** Path of PT_INTERP, or null. */
  readonly interpreter: string | null;
  readonly executableStack: boolean;
}

/** Reads up to `lenBytes` at `offBytes`; a short result means the end of the file. */
export type ReadAt = (offBytes: number, lenBytes: number) => Uint8Array;

/** A 64-bit field as a number; absurd values become Infinity, which no check lets pass. */
function u64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Infinity;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Like Linux, looks at the magic number only: class and byte order in e_ident are not asked (load_elf_binary). */
function checkIdent(head: Uint8Array): void {
  if (head.length < EHDR_BYTES) throw new ElfError('too short');
  if (head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46) throw new ElfError('bad magic');
}

/** Parses and checks an executable or shared object. Throws ElfError. */
export function parseElf(read: ReadAt): ElfImage {
  const head = read(0, EHDR_BYTES);
  checkIdent(head);
  const view = viewOf(head);
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) throw new ElfError('wrong type');
  if (view.getUint16(18, true) !== EM_X86_64) throw new ElfError('wrong machine');
  const phoff = u64(view, 32);
  const headers = readProgramHeaders(read, phoff, view.getUint16(54, true), view.getUint16(56, true));
  const loads = headers.filter((header) => header.type === PT.LOAD);
  if (loads.length === 0) throw new ElfError('no loadable segment');
  for (const load of loads) checkLoad(load);
  const stack = headers.find((header) => header.type === PT.GNU_STACK);
  return {
    type,
    entry: Math.min(u64(view, 24), TASK_SIZE),
    phoff,
    headers,
    loads,
    interpreter: readInterpreter(read, headers),
    executableStack: stack !== undefined && (stack.flags & PF.X) !== 0,
  };
}

function readProgramHeaders(read: ReadAt, phoff: number, entryBytes: number, count: number): ProgramHeader[] {
  if (entryBytes !== PHDR_BYTES) throw new ElfError('bad program header size');
  if (count === 0 || count * PHDR_BYTES > MAX_PHDR_BYTES) throw new ElfError('no program headers');
  if (!Number.isFinite(phoff)) throw new ElfError('program headers past the end');
  const bytes = read(phoff, count * PHDR_BYTES);
  if (bytes.length < count * PHDR_BYTES) throw new ElfError('program headers past the end');
  const view = viewOf(bytes);
  const headers: ProgramHeader[] = [];
  for (let at = 0; at < bytes.length; at += PHDR_BYTES) {
    headers.push({
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offBytes: u64(view, at + 8),
      vaddr: u64(view, at + 16),
      fileBytes: u64(view, at + 32),
      memBytes: u64(view, at + 40),
      alignBytes: u64(view, at + 48),
    });
  }
  return headers;
}

function checkLoad(load: ProgramHeader): void {
  if (load.fileBytes > load.memBytes) throw new ElfError('file size over memory size');
  if (!(load.vaddr + load.memBytes <= TASK_SIZE) || !Number.isFinite(load.offBytes)) throw new ElfError('segment outside of user space');
  if (load.fileBytes > 0 && load.vaddr % PAGE_SIZE !== load.offBytes % PAGE_SIZE) throw new ElfError('segment misaligned');
}

function readInterpreter(read: ReadAt, headers: readonly ProgramHeader[]): string | null {
  const header = headers.find((candidate) => candidate.type === PT.INTERP);
  if (header === undefined) return null;
  if (!(header.fileBytes >= 2 && header.fileBytes <= PATH_MAX)) throw new ElfError('bad interpreter path');
  const bytes = Number.isFinite(header.offBytes) ? read(header.offBytes, header.fileBytes) : new Uint8Array(0);
  if (bytes.length < header.fileBytes) throw new ElfError('interpreter path past the end', Errno.EIO);
  if (bytes[bytes.length - 1] !== 0) throw new ElfError('bad interpreter path');
  const text = Buffer.from(bytes).toString('latin1');
  return text.slice(0, text.indexOf('\0'));
}
