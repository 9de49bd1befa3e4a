/** From a path to the image of a program: permission, set-user-ID, loading (execve(2)). */
import type { Credentials, LimitSet } from '@troupe/abi';
import { Errno, ErrnoError, MS_NOEXEC, MS_NOSUID, NO_ID, O_FOR_EXEC, O_RDONLY, S_ISGID, S_ISUID, S_IXGRP, X_OK } from '@troupe/abi';
import type { FileDescription, PathNode, VfsContext } from '@troupe/vfs';
import { Follow, checkAccess, hostRandomBytes, openNode } from '@troupe/vfs';
import { loadExecutable } from '../elf/loader.js';
import type { ProgramFile } from '../elf/program-file.js';
import type { Kernel } from '../kernel.js';
import { mappingOf } from '../mm/file-mapping.js';
import type { FileMapping } from '../mm/file-mapping.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { SecureBit } from './capability-control.js';

/** What a program is started with. */
export interface ExecRequest {
  readonly kernel: Kernel;
  readonly ctx: VfsContext;
  /** Opened by openExecutable. */
  readonly file: FileDescription;
  /** As given to execve: AT_EXECFN, argument of script interpreters. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly limits: LimitSet;
  /** Set-user-ID bits are ignored (PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivs: boolean;
}

/** What was asked for: the file, which may be a script, its path as given to execve, the arguments. */
export interface Command {
  readonly node: PathNode;
  readonly path: string;
  readonly argv: readonly string[];
}

/** A loaded program no task runs yet. */
export interface ExecImage {
  readonly mm: MemoryManager;
  readonly entry: number;
  readonly rsp: number;
  readonly name: string;
  readonly creds: Credentials;
  readonly exe: PathNode;
  readonly command: Command;
}

/** The node of a program with execute permission, opened for reading; or -errno. */
export function openExecutable(kernel: Kernel, ctx: VfsContext, start: PathNode, path: string, follow: number = Follow.YES): FileDescription | number {
  const node = kernel.vfs.lookup(ctx, start, path, follow);
  return typeof node === 'number' ? node : openProgramNode(kernel, ctx, node);
}

/** Execute permission is enough: the read permission is not looked at. */
export function openProgramNode(kernel: Kernel, ctx: VfsContext, node: PathNode): FileDescription | number {
  const { inode } = node;
  if (inode.isSymlink) return -Errno.ELOOP;
  if (!inode.isRegular || (node.mount.flags & MS_NOEXEC) !== 0) return -Errno.EACCES;
  const denied = checkAccess(inode, ctx.creds, X_OK);
  if (denied < 0) return denied;
  if (inode.writers > 0) return -Errno.ETXTBSY;
  const file = openNode(kernel.vfs, ctx, node, O_RDONLY | O_FOR_EXEC, true);
  return typeof file === 'number' ? file : file.incRef();
}

/** Loads the program. Takes over the reference on the file. */
export function loadImage(request: ExecRequest): ExecImage | number {
  const opened: FileDescription[] = [request.file];
  try {
    return load(request, opened);
  } catch (error) {
    if (error instanceof ErrnoError) return -error.errno;
    throw error;
  } finally {
    for (const file of opened) file.decRef();
  }
}

function load(request: ExecRequest, opened: FileDescription[]): ExecImage | number {
  const { kernel, ctx } = request;
  const open = (path: string): ProgramFile | number => {
    const file = openExecutable(kernel, ctx, ctx.cwd, path);
    if (typeof file === 'number') return file;
    opened.push(file);
    return new OpenedProgram(file, ctx);
  };
  const creds = credsAfterExec(request, request.file.node);
  const program = loadExecutable({
    system: kernel.memory, file: new OpenedProgram(request.file, ctx), path: request.path, argv: request.argv, envp: request.envp,
    limits: request.limits, creds, secure: creds.euid !== ctx.creds.uid || creds.egid !== ctx.creds.gid, open, random: hostRandomBytes(16), extraAuxv: kernel.extraAuxv, hwcap: kernel.featureSet.hwcap,
  });
  if (typeof program === 'number') return program;
  const { mm, entry, rsp, name } = program;
  const exe = (program.file as OpenedProgram).file.node;
  mm.image.exe = exe;
  return { mm, entry, rsp, name, creds, exe, command: { node: request.file.node, path: request.path, argv: request.argv } };
}

/** A program file of the VFS as the loader reads it. */
export class OpenedProgram implements ProgramFile {
  readonly mapping: FileMapping;

  constructor(readonly file: FileDescription, readonly ctx: VfsContext) {
    const mapping = mappingOf(file, false, ctx.root);
    if (typeof mapping === 'number') throw new ErrnoError(Errno.EACCES);
    this.mapping = mapping;
  }

  read(offBytes: number, lenBytes: number): Uint8Array {
    const bytes = new Uint8Array(lenBytes);
    const count = this.file.read(bytes, offBytes, this.ctx);
    if (count < 0) throw new ErrnoError(-count);
    return bytes.subarray(0, count);
  }
}

/** Set-user-ID and set-group-ID bits (execve(2)), then capabilities (capabilities(7), "Transformation of capabilities during execve()"). */
function credsAfterExec(request: ExecRequest, node: PathNode): Credentials {
  const { creds } = request.ctx;
  const { userNamespace } = creds;
  const { inode } = node;
  const mayChange = !request.noNewPrivs && (node.mount.flags & MS_NOSUID) === 0 && userNamespace.uidInside(inode.uid) !== NO_ID && userNamespace.gidInside(inode.gid) !== NO_ID;
  const euid = mayChange && (inode.mode & S_ISUID) !== 0 ? inode.uid : creds.euid;
  const egid = mayChange && (inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) ? inode.gid : creds.egid;
  const hasChanged = euid !== creds.euid || egid !== creds.egid;
  const root = userNamespace.uidOutside(0);
  const isRoot = (creds.securebits & SecureBit.NOROOT) === 0 && (euid === root || creds.uid === root);
  const capAmbient = hasChanged ? 0n : creds.capAmbient;
  const capPermitted = (isRoot ? creds.capBounding | creds.capInheritable : 0n) | capAmbient;
  const capEffective = isRoot && euid === root ? capPermitted : capAmbient;
  return { ...creds, euid, suid: euid, fsuid: euid, egid, sgid: egid, fsgid: egid, capPermitted, capEffective, capAmbient, securebits: creds.securebits & ~SecureBit.KEEP_CAPS };
}
