/**
 * Handler frames: struct rt_sigframe of x86-64 Linux, and its way back by rt_sigreturn(2).
 *
 *     rsp at entry → 0   pretcode (return address: sa_restorer)
 *                    8   struct ucontext: uc_flags uc_link uc_stack, sigcontext (256 bytes), uc_sigmask
 *                    312 siginfo_t
 *     above, aligned to 64: FXSAVE image
 *
 * The red zone of 128 bytes below rsp is left alone, and rsp + 8 is a multiple of 16 as after a call
 * (SysV ABI 3.2.2).
 */
import type { SigInfo } from '@troupe/abi';
import { Flag, Reg, SIGINFO_BYTES, Sa, Ss, TCB, packFlagWords, unpackFlagWords } from '@troupe/abi';
import type { AltStack, Task } from '../task/task.js';
import { FX_BYTES, FX_XMM, resetFx, restoreX87, saveX87, XMM_BYTES } from './fx-state.js';
import { encodeSigInfo } from './sig-info-codec.js';
import type { SigAction } from './signal-handlers.js';

const RED_ZONE_BYTES = 128;
const UCONTEXT = 8;
const Uc = { FLAGS: 0, LINK: 8, STACK_SP: 16, STACK_FLAGS: 24, STACK_SIZE: 32, MCONTEXT: 40, SIGMASK: 296, BYTES: 304 } as const;
const SIGINFO = UCONTEXT + Uc.BYTES;
export const FRAME_BYTES = SIGINFO + SIGINFO_BYTES;
/** sigcontext: byte offsets of everything but the general registers. */
const Sc = { RIP: 128, EFLAGS: 136, CS: 144, ERR: 152, TRAPNO: 160, OLDMASK: 168, CR2: 176, FPSTATE: 184, RESERVED: 192 } as const;
/** General registers in sigcontext order: r8…r15 rdi rsi rbp rbx rdx rax rcx rsp. */
const SC_GPRS = [8, 9, 10, 11, 12, 13, 14, 15, Reg.RDI, Reg.RSI, Reg.RBP, Reg.RBX, Reg.RDX, Reg.RAX, Reg.RCX, Reg.RSP];
/** UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS: set for every 64-bit frame. */
const UC_FLAGS = 2n | 4n;
const USER_CS = 0x33;
const USER_SS = 0x2b;
/** Flags rt_sigreturn takes from the frame. */
const RESTORED_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.TF | Flag.DF | Flag.OF | Flag.AC;
/** Flags that are clear when a handler starts. */
const CLEARED_FLAGS = Flag.DF | Flag.TF;

export function rflagsOf({ shared: { u32 }, tcb }: Task): number {
  const res = (tcb + TCB.off.ccRes) >> 2;
  const aux = (tcb + TCB.off.ccAux) >> 2;
  return packFlagWords(u32[res]!, u32[res + 1]!, u32[aux]!, u32[aux + 1]!, u32[(tcb + TCB.off.flagsRest) >> 2]!) | Flag.IF;
}

export function setRflags({ shared: { u32 }, tcb }: Task, rflags: number): void {
  const [resLow, resHigh, auxLow, auxHigh] = unpackFlagWords(rflags);
  const res = (tcb + TCB.off.ccRes) >> 2;
  const aux = (tcb + TCB.off.ccAux) >> 2;
  u32[res] = resLow;
  u32[res + 1] = resHigh;
  u32[aux] = auxLow;
  u32[aux + 1] = auxHigh;
  u32[(tcb + TCB.off.flagsRest) >> 2] = (rflags & ~(Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF)) | Flag.IF | 2;
}

/** True when `rsp` lies on the alternate stack (never with SS_AUTODISARM). */
export function isOnAltStack(stack: AltStack, rsp: bigint): boolean {
  if ((stack.flags & Ss.AUTODISARM) !== 0) return false;
  return rsp > stack.addr && rsp - stack.addr <= BigInt(stack.sizeBytes);
}

function frameAddrs(task: Task, action: SigAction): { frame: bigint; fpstate: bigint } {
  const rsp = task.getReg(Reg.RSP);
  const { altStack } = task;
  let sp = rsp - BigInt(RED_ZONE_BYTES);
  if ((action.flags & Sa.ONSTACK) !== 0 && altStack.sizeBytes > 0 && !isOnAltStack(altStack, rsp)) sp = altStack.addr + BigInt(altStack.sizeBytes);
  const fpstate = (sp - BigInt(FX_BYTES)) & ~63n;
  const frame = ((fpstate - BigInt(FRAME_BYTES)) & ~15n) - 8n;
  return { frame, fpstate };
}

/**
 * Writes the frame and points the task at the handler. False when the stack cannot be written
 * (the caller forces SIGSEGV).
 */
export function pushFrame(task: Task, info: SigInfo, action: SigAction): boolean {
  if ((action.flags & Sa.RESTORER) === 0) return false;
  const { frame, fpstate } = frameAddrs(task, action);
  if (frame < 0n || frame >= 1n << 47n) return false;
  const image = buildFrame(task, info, action, fpstate);
  const at = Number(frame);
  if (!putFpstate(task, Number(fpstate))) return false;
  if (task.mm.copyOutPartial(at, image) !== FRAME_BYTES) return false;
  if ((task.altStack.flags & Ss.AUTODISARM) !== 0) task.altStack = { addr: 0n, sizeBytes: 0, flags: Ss.DISABLE };
  enterHandler(task, info.signo, action, frame);
  return true;
}

function enterHandler(task: Task, signo: number, action: SigAction, frame: bigint): void {
  task.setReg(Reg.RDI, BigInt(signo));
  task.setReg(Reg.RSI, frame + BigInt(SIGINFO));
  task.setReg(Reg.RDX, frame + BigInt(UCONTEXT));
  task.setReg(Reg.RAX, 0n);
  task.setReg(Reg.RSP, frame);
  task.rip = action.handler;
  task.shared.u32[(task.tcb + TCB.off.flagsRest) >> 2]! &= ~CLEARED_FLAGS;
  resetFx(task.shared, task.tcb);
}

/** Where takeFpstate reads what precedes the XMM registers; what follows them. */
const x87 = new Uint8Array(FX_XMM);
const FX_TAIL = new Uint8Array(FX_BYTES - FX_XMM - XMM_BYTES);

/** The frame that is being written or read; nothing waits in between. */
const bytes = new Uint8Array(FRAME_BYTES);
const context = bytes.subarray(0, SIGINFO);
const words = new Uint32Array(bytes.buffer);
const longs = new BigUint64Array(bytes.buffer);
const CONTEXT = UCONTEXT + Uc.MCONTEXT;

function buildFrame(task: Task, info: SigInfo, action: SigAction, fpstate: bigint): Uint8Array {
  const mask = task.savedSigMask ?? task.sigMask;
  longs[0] = action.restorer;
  longs[(UCONTEXT + Uc.FLAGS) >> 3] = UC_FLAGS;
  longs[(UCONTEXT + Uc.LINK) >> 3] = 0n;
  longs[(UCONTEXT + Uc.STACK_SP) >> 3] = task.altStack.addr;
  words[(UCONTEXT + Uc.STACK_FLAGS) >> 2] = task.altStack.flags;
  words[(UCONTEXT + Uc.STACK_FLAGS + 4) >> 2] = 0;
  longs[(UCONTEXT + Uc.STACK_SIZE) >> 3] = BigInt(task.altStack.sizeBytes);
  putContext(task, mask, fpstate);
  longs[(UCONTEXT + Uc.SIGMASK) >> 3] = mask;
  bytes.set(encodeSigInfo(info), SIGINFO);
  return bytes;
}

function putContext(task: Task, mask: bigint, fpstate: bigint): void {
  const { u32 } = task.shared;
  const gprs = (task.tcb + TCB.off.gpr) >> 2;
  for (let index = 0; index < SC_GPRS.length; index++) {
    const reg = gprs + 2 * SC_GPRS[index]!;
    words[(CONTEXT >> 2) + 2 * index] = u32[reg]!;
    words[(CONTEXT >> 2) + 2 * index + 1] = u32[reg + 1]!;
  }
  longs[(CONTEXT + Sc.RIP) >> 3] = task.rip;
  words[(CONTEXT + Sc.EFLAGS) >> 2] = rflagsOf(task);
  words[(CONTEXT + Sc.EFLAGS + 4) >> 2] = 0;
  words[(CONTEXT + Sc.CS) >> 2] = USER_CS;
  words[(CONTEXT + Sc.CS + 4) >> 2] = USER_SS << 16;
  longs[(CONTEXT + Sc.ERR) >> 3] = BigInt(task.trapErrorCode);
  longs[(CONTEXT + Sc.TRAPNO) >> 3] = BigInt(task.trapNo);
  longs[(CONTEXT + Sc.OLDMASK) >> 3] = mask;
  longs[(CONTEXT + Sc.CR2) >> 3] = BigInt.asUintN(64, task.faultAddr);
  longs[(CONTEXT + Sc.FPSTATE) >> 3] = fpstate;
  longs.fill(0n, (CONTEXT + Sc.RESERVED) >> 3, (UCONTEXT + Uc.SIGMASK) >> 3);
}

/** What rt_sigreturn puts back besides registers. */
export interface ReturnedContext {
  readonly sigMask: bigint;
  readonly altStack: AltStack;
}

/** Restores the registers from the frame the handler returned to. Null when it cannot be read (SIGSEGV). */
export function popFrame(task: Task): ReturnedContext | null {
  const frame = Number(task.getReg(Reg.RSP) - 8n);
  if (frame < 0 || task.mm.copyInPartial(frame, context) !== context.length) return null;
  if (!takeFpstate(task, Number(longs[(CONTEXT + Sc.FPSTATE) >> 3]!))) return null;
  const { u32 } = task.shared;
  const gprs = (task.tcb + TCB.off.gpr) >> 2;
  for (let index = 0; index < SC_GPRS.length; index++) {
    const reg = gprs + 2 * SC_GPRS[index]!;
    u32[reg] = words[(CONTEXT >> 2) + 2 * index]!;
    u32[reg + 1] = words[(CONTEXT >> 2) + 2 * index + 1]!;
  }
  task.rip = longs[(CONTEXT + Sc.RIP) >> 3]!;
  const taken = words[(CONTEXT + Sc.EFLAGS) >> 2]! & RESTORED_FLAGS;
  setRflags(task, (rflagsOf(task) & ~RESTORED_FLAGS) | taken);
  return {
    sigMask: longs[(UCONTEXT + Uc.SIGMASK) >> 3]!,
    altStack: {
      addr: longs[(UCONTEXT + Uc.STACK_SP) >> 3]!,
      flags: words[(UCONTEXT + Uc.STACK_FLAGS) >> 2]!,
      sizeBytes: Number(longs[(UCONTEXT + Uc.STACK_SIZE) >> 3]!),
    },
  };
}

/** The XMM registers go from the TCB to the guest's page and back without a stop in between. */
function putFpstate(task: Task, addr: number): boolean {
  const { mm, shared, tcb } = task;
  return mm.copyOutPartial(addr, saveX87(shared, tcb)) === FX_XMM && mm.moveOut(addr + FX_XMM, tcb + TCB.off.xmm, XMM_BYTES) && mm.copyOutPartial(addr + FX_XMM + XMM_BYTES, FX_TAIL) === FX_TAIL.length;
}

function takeFpstate(task: Task, addr: number): boolean {
  if (addr === 0) {
    resetFx(task.shared, task.tcb);
    return true;
  }
  const { mm, shared, tcb } = task;
  if (mm.copyInPartial(addr, x87) !== FX_XMM || !mm.moveIn(addr + FX_XMM, tcb + TCB.off.xmm, XMM_BYTES)) return false;
  restoreX87(shared, tcb, x87);
  return true;
}
