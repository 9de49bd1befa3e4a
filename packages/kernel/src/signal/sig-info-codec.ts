/**
 * siginfo_t as guests see it (sigaction(2), include/uapi/asm-generic/siginfo.h layout): signo errno
 * code, 4 bytes of padding, then a union at byte 16 whose member follows from signo and code.
 */
import type { SigInfo } from '@troupe/abi';
import { SIGINFO_BYTES, Si, Sig } from '@troupe/abi';

const UNION = 16;

/** Which member of the union a signal fills. Signals of files are of any number (fcntl(2) F_SETSIG). */
function unionKind({ band, code, signo }: SigInfo): 'kill' | 'timer' | 'queue' | 'child' | 'fault' | 'poll' | 'sys' {
  if (band !== undefined) return 'poll';
  if (code === Si.TIMER) return 'timer';
  if (code === Si.QUEUE || code === Si.MESGQ || code === Si.ASYNCIO) return 'queue';
  if (code <= 0) return 'kill';
  if (code === Si.KERNEL) return isFaultSignal(signo) ? 'fault' : 'kill';
  if (isFaultSignal(signo)) return 'fault';
  if (signo === Sig.CHLD) return 'child';
  return signo === Sig.SYS ? 'sys' : 'kill';
}

function isFaultSignal(signo: number): boolean {
  return signo === Sig.SEGV || signo === Sig.BUS || signo === Sig.ILL || signo === Sig.FPE || signo === Sig.TRAP;
}

const encoded = new Uint8Array(SIGINFO_BYTES);
const view = new DataView(encoded.buffer);

/** In a buffer that the next call overwrites. */
export function encodeSigInfo(info: SigInfo): Uint8Array {
  encoded.fill(0);
  view.setInt32(0, info.signo, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  if (info.payload) encoded.set(info.payload, UNION);
  else encodeUnion(info);
  return encoded;
}

function encodeUnion(info: SigInfo): void {
  switch (info.pid !== undefined && info.addr === undefined && isFaultSignal(info.signo) ? 'kill' : unionKind(info)) {
    case 'kill':
      return setSender(info);
    case 'queue':
      setSender(info);
      return view.setBigUint64(UNION + 8, BigInt.asUintN(64, info.value ?? 0n), true);
    case 'timer':
      view.setInt32(UNION, info.timerId ?? 0, true);
      view.setInt32(UNION + 4, info.overrun ?? 0, true);
      return view.setBigUint64(UNION + 8, BigInt.asUintN(64, info.value ?? 0n), true);
    case 'child':
      setSender(info);
      view.setInt32(UNION + 8, info.status ?? 0, true);
      view.setBigInt64(UNION + 16, BigInt(info.utimeTicks ?? 0), true);
      return view.setBigInt64(UNION + 24, BigInt(info.stimeTicks ?? 0), true);
    case 'fault':
      return view.setBigUint64(UNION, BigInt.asUintN(64, info.addr ?? 0n), true);
    case 'poll':
      view.setBigInt64(UNION, BigInt(info.band ?? 0), true);
      return view.setInt32(UNION + 8, info.fd ?? 0, true);
    case 'sys':
      view.setBigUint64(UNION, BigInt.asUintN(64, info.addr ?? 0n), true);
      view.setInt32(UNION + 8, info.syscall ?? 0, true);
      return view.setUint32(UNION + 12, info.arch ?? 0, true);
  }
}

function setSender(info: SigInfo): void {
  view.setInt32(UNION, info.pid ?? 0, true);
  view.setUint32(UNION + 4, info.uid ?? 0, true);
}

/** siginfo_t given by rt_sigqueueinfo(2): the union is kept as bytes, and the usual fields are read from it. */
export function decodeSigInfo(bytes: Uint8Array, signo: number): SigInfo {
  const given = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    signo,
    errno: given.getInt32(4, true),
    code: given.getInt32(8, true),
    pid: given.getInt32(UNION, true),
    uid: given.getUint32(UNION + 4, true),
    value: given.getBigUint64(UNION + 8, true),
    payload: bytes.slice(UNION),
  };
}
