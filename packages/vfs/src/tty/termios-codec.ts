/** Terminal attributes in guest memory: struct termios, termios2, termio, winsize (ioctl_tty(2)). */
import { NCCS, TERMIO, TERMIOS, TERMIOS2, WINSIZE, type Termios, type WindowSize } from '@troupe/abi';
import type { UserMemory } from '../types.js';

export type TermiosForm = 'termios' | 'termios2' | 'termio';

const LAYOUTS = { termios: TERMIOS, termios2: TERMIOS2, termio: TERMIO } as const;
/** Speeds by the CBAUD value of c_cflag (termios(3)). */
const SPEEDS = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
const CBAUD = 0o10017;
const TERMIO_CCS = 8;

function speedOf(cflag: number): number {
  return SPEEDS[cflag & CBAUD] ?? 38400;
}

export function writeTermios(memory: UserMemory, at: number, form: TermiosForm, termios: Termios): void {
  const layout = LAYOUTS[form];
  const bytes = new Uint8Array(layout.sizeBytes);
  const view = new DataView(bytes.buffer);
  const { off } = layout;
  const flags = [[off.iflag, termios.iflag], [off.oflag, termios.oflag], [off.cflag, termios.cflag], [off.lflag, termios.lflag]] as const;
  for (const [offset, value] of flags) {
    if (form === 'termio') view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
  }
  bytes[off.line] = termios.line;
  bytes.set(termios.cc.slice(0, form === 'termio' ? TERMIO_CCS : NCCS), off.cc);
  if (form === 'termios2') {
    view.setUint32(TERMIOS2.off.ispeed, speedOf(termios.cflag), true);
    view.setUint32(TERMIOS2.off.ospeed, speedOf(termios.cflag), true);
  }
  memory.copyOut(at, bytes);
}

export function readTermios(memory: UserMemory, at: number, form: TermiosForm, old: Termios): Termios {
  const layout = LAYOUTS[form];
  const bytes = memory.copyIn(at, layout.sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { off } = layout;
  const flag = (offset: number, before: number): number =>
    form === 'termio' ? ((before & ~0xffff) | view.getUint16(offset, true)) >>> 0 : view.getUint32(offset, true);
  const count = form === 'termio' ? TERMIO_CCS : NCCS;
  return {
    iflag: flag(off.iflag, old.iflag), oflag: flag(off.oflag, old.oflag), cflag: flag(off.cflag, old.cflag), lflag: flag(off.lflag, old.lflag),
    line: bytes[off.line]!, cc: [...bytes.subarray(off.cc, off.cc + count), ...old.cc.slice(count)],
  };
}

export function writeWindowSize(memory: UserMemory, at: number, size: WindowSize): void {
  memory.copyOut(at, new Uint8Array(Uint16Array.of(size.rows, size.cols, size.xpixel, size.ypixel).buffer));
}

export function readWindowSize(memory: UserMemory, at: number): WindowSize {
  const bytes = memory.copyIn(at, WINSIZE.sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { off } = WINSIZE;
  return { rows: view.getUint16(off.rows, true), cols: view.getUint16(off.cols, true), xpixel: view.getUint16(off.xpixel, true), ypixel: view.getUint16(off.ypixel, true) };
}
