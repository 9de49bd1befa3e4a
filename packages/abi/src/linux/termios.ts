/** Terminal attributes (termios(3), asm-generic/termbits.h values of x86-64). */
import { struct } from '../layout/struct.js';

/** struct termios of the TCGETS family: 36 bytes, 19 control characters. */
export const TERMIOS = struct('termios', { iflag: 'u32', oflag: 'u32', cflag: 'u32', lflag: 'u32', line: 'u8', cc: ['u8', 19] }, 36);
/** struct termios2 of the TCGETS2 family. */
export const TERMIOS2 = struct('termios2', { iflag: 'u32', oflag: 'u32', cflag: 'u32', lflag: 'u32', line: 'u8', cc: ['u8', 19], ispeed: 'u32', ospeed: 'u32' }, 44);
/** struct termio of the TCGETA family: 18 bytes, 8 control characters. */
export const TERMIO = struct('termio', { iflag: 'u16', oflag: 'u16', cflag: 'u16', lflag: 'u16', line: 'u8', cc: ['u8', 8] }, 18);
export const WINSIZE = struct('winsize', { rows: 'u16', cols: 'u16', xpixel: 'u16', ypixel: 'u16' }, 8);

export const NCCS = 19;

/** Index of each control character in c_cc. */
export const Cc = {
  VINTR: 0, VQUIT: 1, VERASE: 2, VKILL: 3, VEOF: 4, VTIME: 5, VMIN: 6, VSWTC: 7, VSTART: 8, VSTOP: 9, VSUSP: 10, VEOL: 11, VREPRINT: 12, VDISCARD: 13, VWERASE: 14, VLNEXT: 15, VEOL2: 16,
} as const;

export const Iflag = {
  IGNBRK: 0o1, BRKINT: 0o2, IGNPAR: 0o4, PARMRK: 0o10, INPCK: 0o20, ISTRIP: 0o40, INLCR: 0o100, IGNCR: 0o200, ICRNL: 0o400, IUCLC: 0o1000, IXON: 0o2000, IXANY: 0o4000, IXOFF: 0o10000, IMAXBEL: 0o20000, IUTF8: 0o40000,
} as const;

export const Oflag = {
  OPOST: 0o1, OLCUC: 0o2, ONLCR: 0o4, OCRNL: 0o10, ONOCR: 0o20, ONLRET: 0o40, OFILL: 0o100, OFDEL: 0o200, TABDLY: 0o14000, XTABS: 0o14000,
} as const;

export const Cflag = {
  B38400: 0o17, CSIZE: 0o60, CS8: 0o60, CSTOPB: 0o100, CREAD: 0o200, PARENB: 0o400, HUPCL: 0o2000, CLOCAL: 0o4000,
} as const;

export const Lflag = {
  ISIG: 0o1, ICANON: 0o2, XCASE: 0o4, ECHO: 0o10, ECHOE: 0o20, ECHOK: 0o40, ECHONL: 0o100, NOFLSH: 0o200, TOSTOP: 0o400, ECHOCTL: 0o1000, ECHOPRT: 0o2000, ECHOKE: 0o4000, FLUSHO: 0o10000, PENDIN: 0o40000, IEXTEN: 0o100000, EXTPROC: 0o200000,
} as const;

/** First byte of a read from a pty master in packet mode (ioctl_tty(2) TIOCPKT). */
export const Tiocpkt = { DATA: 0, FLUSHREAD: 1, FLUSHWRITE: 2, STOP: 4, START: 8, NOSTOP: 16, DOSTOP: 32, IOCTL: 64 } as const;

/** Argument of TCFLSH and TCXONC. */
export const TcFlush = { TCIFLUSH: 0, TCOFLUSH: 1, TCIOFLUSH: 2 } as const;
export const TcFlow = { TCOOFF: 0, TCOON: 1, TCIOFF: 2, TCION: 3 } as const;

export interface Termios {
  iflag: number;
  oflag: number;
  cflag: number;
  lflag: number;
  line: number;
  cc: number[];
}

export interface WindowSize {
  rows: number;
  cols: number;
  xpixel: number;
  ypixel: number;
}

/** Attributes of a freshly opened terminal (Linux tty_std_termios). */
export function defaultTermios(): Termios {
  return {
    iflag: Iflag.ICRNL | Iflag.IXON,
    oflag: Oflag.OPOST | Oflag.ONLCR,
    cflag: Cflag.B38400 | Cflag.CS8 | Cflag.CREAD,
    lflag: Lflag.ISIG | Lflag.ICANON | Lflag.ECHO | Lflag.ECHOE | Lflag.ECHOK | Lflag.ECHOCTL | Lflag.ECHOKE | Lflag.IEXTEN,
    line: 0,
    cc: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0],
  };
}
