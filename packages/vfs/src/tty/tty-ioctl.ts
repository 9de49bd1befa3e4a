/** ioctl_tty(2): one table of requests for terminals and for the terminal behind a pty master. */
import { Cc, Errno, Ioctl, Sig, TcFlow, TcFlush } from '@troupe/abi';
import type { IoctlCaller } from '../types.js';
import type { TtyCaller } from './job-control.js';
import { readTermios, readWindowSize, writeTermios, writeWindowSize, type TermiosForm } from './termios-codec.js';
import type { Tty } from './tty.js';

/** Through which end the request came: job control rules differ for a pty master. */
export type TtySide = 'slave' | 'master';

interface TtyRequest {
  readonly tty: Tty;
  readonly side: TtySide;
  readonly arg: number;
  readonly io: IoctlCaller;
  readonly caller: TtyCaller | null;
}

type Handler = (request: TtyRequest) => number;

function getTermios(form: TermiosForm): Handler {
  return ({ arg, io, tty }) => {
    writeTermios(io.memory, arg, form, tty.termios);
    return 0;
  };
}

/** `flush` drops the input first (TCSETSF). Output is never buffered here, so that draining is immediate. */
function setTermios(form: TermiosForm, input: 'keep' | 'flush'): Handler {
  return changing(({ arg, io, tty }) => {
    const next = readTermios(io.memory, arg, form, tty.termios);
    if (input === 'flush') tty.flushInput();
    tty.setTermios(next);
    return 0;
  });
}

/** A request that changes the terminal: background processes get SIGTTOU first. */
function changing(handler: Handler): Handler {
  return (request) => {
    if (request.side === 'master') return handler(request);
    const refusal = request.tty.checkBackground(request.io.ctx.tid, Sig.TTOU);
    return refusal !== 0 ? refusal : handler(request);
  };
}

function flushQueues({ arg, tty }: TtyRequest): number {
  if (arg !== TcFlush.TCIFLUSH && arg !== TcFlush.TCOFLUSH && arg !== TcFlush.TCIOFLUSH) return -Errno.EINVAL;
  if (arg !== TcFlush.TCOFLUSH) tty.flushInput();
  if (arg !== TcFlush.TCIFLUSH) tty.flushOutput();
  return 0;
}

function flow({ arg, tty }: TtyRequest): number {
  if (arg === TcFlow.TCOOFF || arg === TcFlow.TCOON) tty.discipline.setStopped(arg === TcFlow.TCOOFF);
  else if (arg === TcFlow.TCIOFF || arg === TcFlow.TCION) {
    const byte = tty.termios.cc[arg === TcFlow.TCIOFF ? Cc.VSTOP : Cc.VSTART]!;
    if (byte !== 0) tty.emit([byte]);
  } else return -Errno.EINVAL;
  return 0;
}

function becomeControlling({ arg, caller, tty }: TtyRequest): number {
  if (caller === null) return -Errno.EPERM;
  if (caller.isSessionLeader && tty.sid === caller.sid) return 0;
  if (!caller.isSessionLeader || caller.terminal !== null) return -Errno.EPERM;
  if (tty.sid !== 0) {
    if (arg !== 1 || !caller.isPrivileged) return -Errno.EPERM;
    tty.jobs.setTerminal(tty.sid, null);
  }
  tty.adopt(caller);
  return 0;
}

function giveUp({ caller, tty }: TtyRequest): number {
  if (caller?.terminal !== tty) return -Errno.ENOTTY;
  if (caller.isSessionLeader) tty.disassociate();
  return 0;
}

function isForeign({ caller, side, tty }: TtyRequest): boolean {
  return side === 'slave' && caller?.terminal !== tty;
}

function getForeground(request: TtyRequest): number {
  if (isForeign(request)) return -Errno.ENOTTY;
  const { caller, tty } = request;
  request.io.memory.writeU32(request.arg, caller?.shownId(tty.foreground) ?? tty.foreground);
  return 0;
}

function setForeground(request: TtyRequest): number {
  const { caller, io, tty } = request;
  if (caller === null || caller.terminal !== tty || tty.sid !== caller.sid) return -Errno.ENOTTY;
  const pgid = io.memory.readI32(request.arg);
  if (pgid < 0) return -Errno.EINVAL;
  const group = caller.kernelId(pgid);
  const sid = tty.jobs.sessionOfGroup(group);
  if (sid === 0) return -Errno.ESRCH;
  if (sid !== caller.sid) return -Errno.EPERM;
  tty.foreground = group;
  return 0;
}

function getSession(request: TtyRequest): number {
  if (isForeign(request) || request.tty.sid === 0) return -Errno.ENOTTY;
  request.io.memory.writeU32(request.arg, request.caller?.shownId(request.tty.sid) ?? request.tty.sid);
  return 0;
}

function typeByte({ arg, caller, io, tty }: TtyRequest): number {
  if (caller !== null && caller.terminal !== tty && !caller.isPrivileged) return -Errno.EPERM;
  tty.receive(io.memory.copyIn(arg, 1));
  return 0;
}

function setWindowSize({ arg, io, tty }: TtyRequest): number {
  tty.setWindowSize(readWindowSize(io.memory, arg));
  return 0;
}

function getWindowSize({ arg, io, tty }: TtyRequest): number {
  writeWindowSize(io.memory, arg, tty.windowSize);
  return 0;
}

function setExclusive(isExclusive: boolean): Handler {
  return ({ tty }) => {
    tty.isExclusive = isExclusive;
    return 0;
  };
}

function answer(value: (tty: Tty) => number): Handler {
  return ({ arg, io, tty }) => {
    io.memory.writeU32(arg, value(tty));
    return 0;
  };
}

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [Ioctl.TCGETS, getTermios('termios')],
  [Ioctl.TCGETS2, getTermios('termios2')],
  [Ioctl.TCGETA, getTermios('termio')],
  [Ioctl.TCSETS, setTermios('termios', 'keep')],
  [Ioctl.TCSETSW, setTermios('termios', 'keep')],
  [Ioctl.TCSETSF, setTermios('termios', 'flush')],
  [Ioctl.TCSETS2, setTermios('termios2', 'keep')],
  [Ioctl.TCSETSW2, setTermios('termios2', 'keep')],
  [Ioctl.TCSETSF2, setTermios('termios2', 'flush')],
  [Ioctl.TCSETA, setTermios('termio', 'keep')],
  [Ioctl.TCSETAW, setTermios('termio', 'keep')],
  [Ioctl.TCSETAF, setTermios('termio', 'flush')],
  [Ioctl.TCSBRK, changing(() => 0)],
  [Ioctl.TCSBRKP, changing(() => 0)],
  [Ioctl.TIOCSBRK, changing(() => 0)],
  [Ioctl.TIOCCBRK, changing(() => 0)],
  [Ioctl.TCXONC, changing(flow)],
  [Ioctl.TCFLSH, changing(flushQueues)],
  [Ioctl.TIOCGWINSZ, getWindowSize],
  [Ioctl.TIOCSWINSZ, setWindowSize],
  [Ioctl.TIOCGPGRP, getForeground],
  [Ioctl.TIOCSPGRP, changing(setForeground)],
  [Ioctl.TIOCGSID, getSession],
  [Ioctl.TIOCSCTTY, becomeControlling],
  [Ioctl.TIOCNOTTY, giveUp],
  [Ioctl.TIOCSTI, typeByte],
  [Ioctl.TIOCEXCL, setExclusive(true)],
  [Ioctl.TIOCNXCL, setExclusive(false)],
  [Ioctl.TIOCGEXCL, answer((tty) => (tty.isExclusive ? 1 : 0))],
  [Ioctl.TIOCOUTQ, answer(() => 0)],
  [Ioctl.TIOCGETD, answer(() => 0)],
  [Ioctl.TIOCSETD, ({ arg, io }) => (io.memory.readI32(arg) === 0 ? 0 : -Errno.EINVAL)],
]);

export function ttyIoctl(tty: Tty, side: TtySide, request: number, arg: number, io: IoctlCaller): number {
  if (tty.isHungUp && side === 'slave') return -Errno.EIO;
  const handler = HANDLERS.get(request);
  return handler ? handler({ tty, side, arg, io, caller: tty.jobs.caller(io.ctx.tid) }) : -Errno.ENOTTY;
}
