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

export function saveFx(shared: SharedMemory, tcb: number): Uint8Array {
  const image = new Uint8Array(FX_BYTES);
  const view = new DataView(image.buffer);
  const { u8, u16, u32, u64 } = shared;
  const fsw = u16[(tcb + off.fsw) >> 1]!;
  view.setUint16(Fx.FCW, u16[(tcb + off.fcw) >> 1]!, true);
  view.setUint16(Fx.FSW, fsw, true);
  image[Fx.FTW] = u8[tcb + off.ftw]!;
  view.setUint16(Fx.FOP, u16[(tcb + off.fop) >> 1]!, true);
  view.setBigUint64(Fx.FIP, u64[(tcb + off.fip) / 8]!, true);
  view.setBigUint64(Fx.FDP, u64[(tcb + off.fdp) / 8]!, true);
  view.setUint32(Fx.MXCSR, u32[(tcb + off.mxcsr) >> 2]!, true);
  view.setUint32(Fx.MXCSR_MASK, MXCSR_MASK, true);
  for (let n = 0; n < 8; n++) {
    const from = tcb + off.st + 16 * ((stackTop(fsw) + n) & 7);
    image.set(u8.subarray(from, from + 10), Fx.ST + 16 * n);
  }
  image.set(u8.subarray(tcb + off.xmm, tcb + off.xmm + 256), Fx.XMM);
  return image;
}

export function restoreFx(shared: SharedMemory, tcb: number, image: Uint8Array): void {
  const view = new DataView(image.buffer, image.byteOffset, FX_BYTES);
  const { u8, u16, u32, u64 } = shared;
  const fsw = view.getUint16(Fx.FSW, true);
  u16[(tcb + off.fcw) >> 1] = view.getUint16(Fx.FCW, true);
  u16[(tcb + off.fsw) >> 1] = fsw;
  u8[tcb + off.ftw] = image[Fx.FTW]!;
  u16[(tcb + off.fop) >> 1] = view.getUint16(Fx.FOP, true);
  u64[(tcb + off.fip) / 8] = view.getBigUint64(Fx.FIP, true);
  u64[(tcb + off.fdp) / 8] = view.getBigUint64(Fx.FDP, true);
  u32[(tcb + off.mxcsr) >> 2] = view.getUint32(Fx.MXCSR, true) & MXCSR_MASK;
  for (let n = 0; n < 8; n++) {
    const to = tcb + off.st + 16 * ((stackTop(fsw) + n) & 7);
    u8.set(image.subarray(Fx.ST + 16 * n, Fx.ST + 16 * n + 10), to);
  }
  u8.set(image.subarray(Fx.XMM, Fx.XMM + 256), tcb + off.xmm);
}

/** State after FNINIT and with MXCSR at its default; registers are zero (execve, entry of a handler). */
export function resetFx(shared: SharedMemory, tcb: number): void {
  shared.u8.fill(0, tcb + off.fcw, tcb + off.xmm + 256);
  shared.u16[(tcb + off.fcw) >> 1] = INITIAL_FCW;
  shared.u32[(tcb + off.mxcsr) >> 2] = INITIAL_MXCSR;
}
