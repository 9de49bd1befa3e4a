/** Requests of a tracer for a tracee in a ptrace-stop (ptrace(2)). */
import type { SigInfo } from '@troupe/abi';
import { Cap, Errno, NSIG, PEEKSIGINFO_SHARED, Ptrace, RegSet, SIGINFO_BYTES, Sig, Si, hasCap } from '@troupe/abi';
import { Access } from '../mm/fault.js';
import { encodeProgram } from '../seccomp/bpf.js';
import { filtersOf } from '../seccomp/filter.js';
import { decodeSigInfo, encodeSigInfo } from '../signal/sig-info-codec.js';
import { sendSignal } from '../signal/send.js';
import { archPrctl } from '../task/segment-base.js';
import type { Task } from '../task/task.js';
import { checkOptions, detach, listen } from './attach.js';
import { peekUser, pokeUser, readFpRegs, readRegs, readXstate, REGS_BYTES, writeFpRegs, writeRegs, writeXstate } from './registers.js';
import { resumeTracee } from './resume.js';
import { syscallInfo } from './syscall-info.js';
import type { ResumeMode } from './tracing.js';

type Request = (tracer: Task, tracee: Task, addr: number, data: number, rawData: bigint) => number;

function peek(tracer: Task, tracee: Task, addr: number, data: number): number {
  const bytes = new Uint8Array(8);
  if (tracee.mm.forceTransfer(addr, bytes, Access.READ) !== 8) return -Errno.EIO;
  tracer.mm.copyOut(data, bytes);
  return 0;
}

function poke(_tracer: Task, tracee: Task, addr: number, _data: number, rawData: bigint): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, rawData, true);
  return tracee.mm.forceTransfer(addr, bytes, Access.WRITE) === 8 ? 0 : -Errno.EIO;
}

function peekUserWord(tracer: Task, tracee: Task, addr: number, data: number): number {
  const value = peekUser(tracee, addr);
  if (typeof value === 'number') return value;
  tracer.mm.writeU64(data, value);
  return 0;
}

const resumeAs = (mode: ResumeMode): Request => (_tracer, tracee, _addr, signo) => {
  if (signo < 0 || signo > NSIG) return -Errno.EIO;
  resumeTracee(tracee, mode, signo);
  return 0;
};

function setOptions(tracer: Task, tracee: Task, _addr: number, options: number): number {
  const refused = checkOptions(tracer, options);
  if (refused < 0) return refused;
  tracee.tracing!.options = options;
  return 0;
}

function getSigInfo(tracer: Task, tracee: Task, _addr: number, data: number): number {
  const { info } = tracee.tracing!.stop!;
  if (info === null) return -Errno.EINVAL;
  tracer.mm.copyOut(data, encodeSigInfo(info));
  return 0;
}

function readSigInfo(tracer: Task, at: number): SigInfo {
  const bytes = tracer.mm.copyIn(at, SIGINFO_BYTES);
  return decodeSigInfo(bytes, new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true));
}

function setSigInfo(tracer: Task, tracee: Task, _addr: number, data: number): number {
  const { stop } = tracee.tracing!;
  const info = readSigInfo(tracer, data);
  if (stop!.info === null) return -Errno.EINVAL;
  stop!.info = info;
  return 0;
}

/** struct ptrace_peeksiginfo_args: u64 off, u32 flags, s32 nr. The number of entries copied. */
function peekSigInfo(tracer: Task, tracee: Task, addr: number, data: number): number {
  const offset = tracer.mm.readUlong(addr);
  const flags = tracer.mm.readU32(addr + 8);
  const count = tracer.mm.readI32(addr + 12);
  if ((flags & ~PEEKSIGINFO_SHARED) !== 0 || count < 0) return -Errno.EINVAL;
  const queue = (flags & PEEKSIGINFO_SHARED) !== 0 ? tracee.group.pending : tracee.pending;
  const shown = queue.entries.slice(offset, offset + count);
  shown.forEach((info, index) => tracer.mm.copyOut(data + index * SIGINFO_BYTES, encodeSigInfo(info)));
  return shown.length;
}

function getSigMask(tracer: Task, tracee: Task, addr: number, data: number): number {
  if (addr !== 8) return -Errno.EINVAL;
  tracer.mm.writeU64(data, tracee.savedSigMask ?? tracee.sigMask);
  return 0;
}

function setSigMask(tracer: Task, tracee: Task, addr: number, data: number): number {
  if (addr !== 8) return -Errno.EINVAL;
  tracee.sigMask = tracer.mm.readU64(data);
  tracee.savedSigMask = null;
  return 0;
}

function getEventMessage(tracer: Task, tracee: Task, _addr: number, data: number): number {
  tracer.mm.writeU64(data, BigInt(tracee.tracing!.eventMessage));
  return 0;
}

interface Registers {
  readonly read: (task: Task) => Uint8Array;
  readonly write: (task: Task, bytes: Uint8Array) => number;
}

const REGISTERS: Readonly<Record<number, Registers>> = {
  [RegSet.PRSTATUS]: { read: readRegs, write: writeRegs },
  [RegSet.PRFPREG]: { read: readFpRegs, write: writeFpRegs },
  [RegSet.X86_XSTATE]: { read: readXstate, write: writeXstate },
};

/** Through the struct iovec at `data`, whose length becomes the bytes moved. */
function getRegSet(tracer: Task, tracee: Task, type: number, data: number): number {
  const registers = REGISTERS[type];
  if (registers === undefined) return -Errno.EINVAL;
  const [base, size] = [tracer.mm.readUlong(data), tracer.mm.readUlong(data + 8)];
  if (size % 8 !== 0) return -Errno.EINVAL;
  const bytes = registers.read(tracee).subarray(0, size);
  tracer.mm.copyOut(base, bytes);
  tracer.mm.writeUlong(data + 8, bytes.length);
  return 0;
}

function setRegSet(tracer: Task, tracee: Task, type: number, data: number): number {
  const registers = REGISTERS[type];
  if (registers === undefined) return -Errno.EINVAL;
  const [base, size] = [tracer.mm.readUlong(data), tracer.mm.readUlong(data + 8)];
  if (size % 8 !== 0) return -Errno.EINVAL;
  const bytes = tracer.mm.copyIn(base, Math.min(size, registers.read(tracee).length));
  const result = registers.write(tracee, bytes);
  if (result === 0) tracer.mm.writeUlong(data + 8, bytes.length);
  return result;
}

/** The instructions of a filter, counted from the oldest; with data 0 only their number. */
function getFilter(tracer: Task, tracee: Task, index: number, data: number): number {
  if (!hasCap(tracer.creds, Cap.SYS_ADMIN) || tracer.seccomp !== null) return -Errno.EACCES;
  if (tracee.seccomp === null || tracee.seccomp === 'strict') return -Errno.EINVAL;
  const filter = filtersOf(tracee.seccomp).reverse()[index];
  if (filter === undefined) return -Errno.ENOENT;
  if (data !== 0) tracer.mm.copyOut(data, encodeProgram(filter.program));
  return filter.program.length;
}

function getSyscallInfo(tracer: Task, tracee: Task, size: number, data: number): number {
  const bytes = syscallInfo(tracee);
  tracer.mm.copyOut(data, bytes.subarray(0, size));
  return bytes.length;
}

export function kill(tracee: Task): number {
  sendSignal(tracee, { signo: Sig.KILL, code: Si.USER, pid: 0, uid: 0 }, false);
  if (tracee.tracing!.stop !== null) resumeTracee(tracee, 'cont', Sig.KILL);
  return 0;
}

export const REQUESTS: Readonly<Record<number, Request>> = {
  [Ptrace.PEEKTEXT]: peek,
  [Ptrace.PEEKDATA]: peek,
  [Ptrace.PEEKUSER]: peekUserWord,
  [Ptrace.POKETEXT]: poke,
  [Ptrace.POKEDATA]: poke,
  [Ptrace.POKEUSER]: (_tracer, tracee, addr, _data, rawData) => pokeUser(tracee, addr, rawData),
  [Ptrace.CONT]: resumeAs('cont'),
  [Ptrace.SYSCALL]: resumeAs('syscall'),
  [Ptrace.SINGLESTEP]: resumeAs('step'),
  [Ptrace.SYSEMU]: resumeAs('sysemu'),
  [Ptrace.SYSEMU_SINGLESTEP]: resumeAs('sysemu-step'),
  [Ptrace.ARCH_PRCTL]: (tracer, tracee, addr, code) => archPrctl(tracer, tracee, code, addr),
  [Ptrace.DETACH]: (_tracer, tracee, _addr, signo) => detach(tracee, signo),
  [Ptrace.LISTEN]: (_tracer, tracee) => listen(tracee),
  [Ptrace.GETREGS]: (tracer, tracee, _addr, data) => (tracer.mm.copyOut(data, readRegs(tracee)), 0),
  [Ptrace.SETREGS]: (tracer, tracee, _addr, data) => writeRegs(tracee, tracer.mm.copyIn(data, REGS_BYTES)),
  [Ptrace.GETFPREGS]: (tracer, tracee, _addr, data) => (tracer.mm.copyOut(data, readFpRegs(tracee)), 0),
  [Ptrace.SETFPREGS]: (tracer, tracee, _addr, data) => writeFpRegs(tracee, tracer.mm.copyIn(data, 512)),
  [Ptrace.GETREGSET]: getRegSet,
  [Ptrace.SETREGSET]: setRegSet,
  [Ptrace.SETOPTIONS]: setOptions,
  [Ptrace.GETEVENTMSG]: getEventMessage,
  [Ptrace.GETSIGINFO]: getSigInfo,
  [Ptrace.SETSIGINFO]: setSigInfo,
  [Ptrace.PEEKSIGINFO]: peekSigInfo,
  [Ptrace.GETSIGMASK]: getSigMask,
  [Ptrace.SETSIGMASK]: setSigMask,
  [Ptrace.SECCOMP_GET_FILTER]: getFilter,
  [Ptrace.GET_SYSCALL_INFO]: getSyscallInfo,
};
