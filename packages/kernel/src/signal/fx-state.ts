/**
 * x87 and SSE state of a TCB as the 512-byte FXSAVE image in handler frames (SDM Vol. 1, 10.5.1).
 * The TCB keeps physical registers R0…R7; the image lists ST(0)…ST(7).
 */
import type { SharedMemory } from '@troupe/abi';
import { TCB } from '@troupe/abi';

export const FX_BYTES = 512;
/** Bits of MXCSR that exist. */
export const MXCSR_MASK = 0xffff;
export const INITIAL_MXCSR = 0x1f80;
export const INITIAL_FCW = 0x37f;

const Fx = { FCW: 0, FSW: 2, FTW: 4, FOP: 6, FIP: 8, FDP: 16, MXCSR: 24, MXCSR_MASK: 28, ST: 32, XMM: 160 } as const;
const { off } = TCB;

function stackTop(fsw: number): number {
  return (fsw >> 11) & 7;
}

/** Where the XMM registers begin in the image. */
export const FX_XMM = Fx.XMM;
export const XMM_BYTES = 256;

/** What saveFx fills. Reserved bytes stay 0. */
const image = new Uint8Array(FX_BYTES);
const beforeXmm = image.subarray(0, Fx.XMM);
const words = new Uint32Array(image.buffer);
const halves = new Uint16Array(image.buffer);

/** The image of the TCB's state, in a buffer that the next call overwrites. */
export function saveFx(shared: SharedMemory, tcb: number): Uint8Array {
  saveX87(shared, tcb);
  for (let word = 0; word < XMM_BYTES / 4; word++) words[(Fx.XMM >> 2) + word] = shared.u32[((tcb + off.xmm) >> 2) + word]!;
  return image;
}

/** The image up to the XMM registers, in the same buffer. */
export function saveX87({ u8, u16, u32 }: SharedMemory, tcb: number): Uint8Array {
  const fsw = u16[(tcb + off.fsw) >> 1]!;
  halves[Fx.FCW >> 1] = u16[(tcb + off.fcw) >> 1]!;
  halves[Fx.FSW >> 1] = fsw;
  image[Fx.FTW] = u8[tcb + off.ftw]!;
  halves[Fx.FOP >> 1] = u16[(tcb + off.fop) >> 1]!;
  for (let word = 0; word < 2; word++) {
    words[(Fx.FIP >> 2) + word] = u32[((tcb + off.fip) >> 2) + word]!;
    words[(Fx.FDP >> 2) + word] = u32[((tcb + off.fdp) >> 2) + word]!;
  }
  words[Fx.MXCSR >> 2] = u32[(tcb + off.mxcsr) >> 2]!;
  words[Fx.MXCSR_MASK >> 2] = MXCSR_MASK;
  for (let n = 0; n < 8; n++) {
    const from = tcb + off.st + 16 * ((stackTop(fsw) + n) & 7);
    const to = Fx.ST + 16 * n;
    words[to >> 2] = u32[from >> 2]!;
    words[(to >> 2) + 1] = u32[(from >> 2) + 1]!;
    halves[(to >> 1) + 4] = u16[(from >> 1) + 4]!;
  }
  return beforeXmm;
}

export function restoreFx(shared: SharedMemory, tcb: number, from: Uint8Array): void {
  restoreX87(shared, tcb, from);
  shared.u8.set(from.subarray(Fx.XMM, Fx.XMM + XMM_BYTES), tcb + off.xmm);
}

/** Takes what precedes the XMM registers. */
export function restoreX87({ u8, u16, u32 }: SharedMemory, tcb: number, from: Uint8Array): void {
  image.set(from);
  const fsw = halves[Fx.FSW >> 1]!;
  u16[(tcb + off.fcw) >> 1] = halves[Fx.FCW >> 1]!;
  u16[(tcb + off.fsw) >> 1] = fsw;
  u8[tcb + off.ftw] = image[Fx.FTW]!;
  u16[(tcb + off.fop) >> 1] = halves[Fx.FOP >> 1]!;
  for (let word = 0; word < 2; word++) {
    u32[((tcb + off.fip) >> 2) + word] = words[(Fx.FIP >> 2) + word]!;
    u32[((tcb + off.fdp) >> 2) + word] = words[(Fx.FDP >> 2) + word]!;
  }
  u32[(tcb + off.mxcsr) >> 2] = words[Fx.MXCSR >> 2]! & MXCSR_MASK;
  for (let n = 0; n < 8; n++) {
    const to = tcb + off.st + 16 * ((stackTop(fsw) + n) & 7);
    const at = Fx.ST + 16 * n;
    u32[to >> 2] = words[at >> 2]!;
    u32[(to >> 2) + 1] = words[(at >> 2) + 1]!;
    u16[(to >> 1) + 4] = halves[(at >> 1) + 4]!;
  }
  image.fill(0);
}

/** State after FNINIT and with MXCSR at its default; registers are zero (execve, entry of a handler). */
export function resetFx(shared: SharedMemory, tcb: number): void {
  shared.u8.fill(0, tcb + off.fcw, tcb + off.xmm + 256);
  shared.u16[(tcb + off.fcw) >> 1] = INITIAL_FCW;
  shared.u32[(tcb + off.mxcsr) >> 2] = INITIAL_MXCSR;
}
