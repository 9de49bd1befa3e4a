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
import { Flag, Reg, SIGINFO_BYTES, Sa, Ss, TCB, packFlags, unpackFlags } from '@troupe/abi';
import type { AltStack, Task } from '../task/task.js';
import { FX_BYTES, resetFx, restoreFx, saveFx } from './fx-state.js';
import { encodeSigInfo } from './sig-info-codec.js';
import type { SigAction } from './signal-handlers.js';

const RED_ZONE_BYTES = 128;
const UCONTEXT = 8;
const Uc = { FLAGS: 0, LINK: 8, STACK_SP: 16, STACK_FLAGS: 24, STACK_SIZE: 32, MCONTEXT: 40, SIGMASK: 296, BYTES: 304 } as const;
const SIGINFO = UCONTEXT + Uc.BYTES;
export const FRAME_BYTES = SIGINFO + SIGINFO_BYTES;
/** sigcontext: byte offsets of everything but the general registers. */
const Sc = { RIP: 128, EFLAGS: 136, CS: 144, SS: 150, ERR: 152, TRAPNO: 160, OLDMASK: 168, CR2: 176, FPSTATE: 184 } as const;
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

export function rflagsOf(task: Task): number {
  const { i64, u32 } = task.shared;
  return packFlags(i64[(task.tcb + TCB.off.ccRes) / 8]!, i64[(task.tcb + TCB.off.ccAux) / 8]!, u32[(task.tcb + TCB.off.flagsRest) >> 2]!) | Flag.IF;
}

export function setRflags(task: Task, rflags: number): void {
  const [ccRes, ccAux] = unpackFlags(rflags);
  const { i64, u32 } = task.shared;
  i64[(task.tcb + TCB.off.ccRes) / 8] = ccRes;
  i64[(task.tcb + TCB.off.ccAux) / 8] = BigInt.asIntN(64, ccAux);
  u32[(task.tcb + TCB.off.flagsRest) >> 2] = (rflags & ~(Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF)) | Flag.IF | 2;
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
  if (task.mm.copyOutPartial(Number(fpstate), saveFx(task.shared, task.tcb)) !== FX_BYTES) return false;
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
  setRflags(task, rflagsOf(task) & ~CLEARED_FLAGS);
  resetFx(task.shared, task.tcb);
}

function buildFrame(task: Task, info: SigInfo, action: SigAction, fpstate: bigint): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  const mask = task.savedSigMask ?? task.sigMask;
  view.setBigUint64(0, action.restorer, true);
  view.setBigUint64(UCONTEXT + Uc.FLAGS, UC_FLAGS, true);
  view.setBigUint64(UCONTEXT + Uc.STACK_SP, task.altStack.addr, true);
  view.setUint32(UCONTEXT + Uc.STACK_FLAGS, task.altStack.flags >>> 0, true);
  view.setBigUint64(UCONTEXT + Uc.STACK_SIZE, BigInt(task.altStack.sizeBytes), true);
  putContext(new DataView(bytes.buffer, UCONTEXT + Uc.MCONTEXT, 256), task, mask, fpstate);
  view.setBigUint64(UCONTEXT + Uc.SIGMASK, mask, true);
  bytes.set(encodeSigInfo(info), SIGINFO);
  return bytes;
}

function putContext(view: DataView, task: Task, mask: bigint, fpstate: bigint): void {
  SC_GPRS.forEach((reg, index) => view.setBigUint64(8 * index, task.getReg(reg), true));
  view.setBigUint64(Sc.RIP, task.rip, true);
  view.setBigUint64(Sc.EFLAGS, BigInt(rflagsOf(task)), true);
  view.setUint16(Sc.CS, USER_CS, true);
  view.setUint16(Sc.SS, USER_SS, true);
  view.setBigUint64(Sc.ERR, BigInt(task.trapErrorCode), true);
  view.setBigUint64(Sc.TRAPNO, BigInt(task.trapNo), true);
  view.setBigUint64(Sc.OLDMASK, mask, true);
  view.setBigUint64(Sc.CR2, BigInt.asUintN(64, task.faultAddr), true);
  view.setBigUint64(Sc.FPSTATE, fpstate, true);
}

/** What rt_sigreturn puts back besides registers. */
export interface ReturnedContext {
  readonly sigMask: bigint;
  readonly altStack: AltStack;
}

/** Restores the registers from the frame the handler returned to. Null when it cannot be read (SIGSEGV). */
export function popFrame(task: Task): ReturnedContext | null {
  const frame = Number(task.getReg(Reg.RSP) - 8n);
  const bytes = new Uint8Array(UCONTEXT + Uc.BYTES);
  if (frame < 0 || task.mm.copyInPartial(frame, bytes) !== bytes.length) return null;
  const view = new DataView(bytes.buffer);
  const context = new DataView(bytes.buffer, UCONTEXT + Uc.MCONTEXT, 256);
  if (!takeFpstate(task, Number(context.getBigUint64(Sc.FPSTATE, true)))) return null;
  SC_GPRS.forEach((reg, index) => task.setReg(reg, context.getBigUint64(8 * index, true)));
  task.rip = context.getBigUint64(Sc.RIP, true);
  const taken = Number(context.getBigUint64(Sc.EFLAGS, true) & 0xffff_ffffn) & RESTORED_FLAGS;
  setRflags(task, (rflagsOf(task) & ~RESTORED_FLAGS) | taken);
  return {
    sigMask: view.getBigUint64(UCONTEXT + Uc.SIGMASK, true),
    altStack: {
      addr: view.getBigUint64(UCONTEXT + Uc.STACK_SP, true),
      flags: view.getUint32(UCONTEXT + Uc.STACK_FLAGS, true),
      sizeBytes: Number(view.getBigUint64(UCONTEXT + Uc.STACK_SIZE, true)),
    },
  };
}

function takeFpstate(task: Task, addr: number): boolean {
  if (addr === 0) {
    resetFx(task.shared, task.tcb);
    return true;
  }
  const image = new Uint8Array(FX_BYTES);
  if (task.mm.copyInPartial(addr, image) !== FX_BYTES) return false;
  restoreFx(task.shared, task.tcb, image);
  return true;
}
