/**
 * The line discipline N_TTY: from bytes typed to bytes read (termios(3)).
 *
 * Owns:    the input buffer, the column of the cursor, the flow-control state.
 * Order:   echo is emitted before readers are told of a line; a signal is sent after the flush it causes.
 */
import { Cc, Iflag, Lflag, Sig, type Termios } from '@troupe/abi';
import { Eraser, type EraserHost } from './eraser.js';
import { InputBuffer } from './input-buffer.js';
import { OutputProcessor, isControl } from './output-processor.js';

const TAB = 9;
const NL = 10;
const CR = 13;
const BS = 8;
const CARET = 94;
const BELL = 7;
const DISABLED = 0;

/** What the discipline asks of its terminal. */
export interface LineHost {
  /** Bytes for the display, already processed. */
  emit(bytes: readonly number[]): void;
  /** A signal for the foreground process group. */
  signal(signo: number): void;
  /** Input can be read. */
  inputReady(): void;
  /** Output goes on or stops (IXON). */
  flowChanged(isStopped: boolean): void;
  /** ISIG without NOFLSH drops what the display has not shown yet. */
  flushOutput(): void;
}

export class LineDiscipline implements EraserHost {
  readonly input = new InputBuffer();
  readonly output: OutputProcessor;
  private readonly _eraser: Eraser;
  isStopped = false;
  /** VLNEXT was typed: the next byte is taken as it is. */
  private _isLiteral = false;
  /** Column where the line being edited starts. */
  lineColumn = 0;
  private _echo: number[] = [];

  constructor(public termios: Termios, readonly host: LineHost) {
    this.output = new OutputProcessor(this);
    this._eraser = new Eraser(this.input, this);
  }

  get isCanonical(): boolean {
    return (this.termios.lflag & Lflag.ICANON) !== 0;
  }

  /** Changes the attributes; a switch of ICANON makes typed bytes readable. */
  setTermios(next: Termios): void {
    const wasCanonical = this.isCanonical;
    const hadFlow = (this.termios.iflag & Iflag.IXON) !== 0;
    this.termios = next;
    if (wasCanonical !== this.isCanonical) {
      this.input.changeMode(this.isCanonical);
      this._isLiteral = false;
      if (this.input.length > 0) this.host.inputReady();
    }
    if (hadFlow && (next.iflag & Iflag.IXON) === 0 && this.isStopped) this.setStopped(false);
  }

  /** Bytes from the keyboard or the pty master. */
  receive(bytes: Uint8Array): void {
    this._take(bytes, () => this._flushEcho());
  }

  /** Bytes that the display shows already. */
  receiveShown(bytes: Uint8Array): void {
    this._take(bytes, () => (this._echo = []));
  }

  private _take(bytes: Uint8Array, finishEcho: () => void): void {
    const before = this.input.length;
    for (const byte of bytes) this._receiveByte(byte);
    finishEcho();
    if (this.isCanonical ? this.input.hasLine : this.input.length > before) this.host.inputReady();
  }

  /** Bytes a program writes; returns what the display gets. */
  process(src: Uint8Array): number[] {
    const out: number[] = [];
    for (const byte of src) this.output.put(byte, out);
    return out;
  }

  setStopped(isStopped: boolean): void {
    if (this.isStopped === isStopped) return;
    this.isStopped = isStopped;
    this.host.flowChanged(isStopped);
  }

  private _is(index: number, byte: number): boolean {
    const set = this.termios.cc[index]!;
    return set !== DISABLED && set === byte;
  }

  private _hasLocal(flag: number): boolean {
    return (this.termios.lflag & flag) !== 0;
  }

  private _receiveByte(raw: number): void {
    const { iflag } = this.termios;
    let byte = (iflag & Iflag.ISTRIP) !== 0 ? raw & 0x7f : raw;
    if ((iflag & Iflag.IUCLC) !== 0 && this._hasLocal(Lflag.IEXTEN) && byte >= 65 && byte <= 90) byte += 32;
    if (this._isLiteral) {
      this._isLiteral = false;
      this._store(byte);
      return;
    }
    if (this._flowControl(byte) || this._signalByte(byte)) return;
    if (this.isStopped && (iflag & Iflag.IXANY) !== 0) this.setStopped(false);
    if (byte === CR) {
      if ((iflag & Iflag.IGNCR) !== 0) return;
      if ((iflag & Iflag.ICRNL) !== 0) byte = NL;
    } else if (byte === NL && (iflag & Iflag.INLCR) !== 0) byte = CR;
    if (!this.isCanonical || !this._edit(byte)) this._store(byte);
  }

  private _flowControl(byte: number): boolean {
    if ((this.termios.iflag & Iflag.IXON) === 0) return false;
    if (this._is(Cc.VSTART, byte)) this.setStopped(false);
    else if (this._is(Cc.VSTOP, byte)) this.setStopped(true);
    else return false;
    return true;
  }

  private _signalByte(byte: number): boolean {
    if (!this._hasLocal(Lflag.ISIG)) return false;
    const signo = this._is(Cc.VINTR, byte) ? Sig.INT : this._is(Cc.VQUIT, byte) ? Sig.QUIT : this._is(Cc.VSUSP, byte) ? Sig.TSTP : 0;
    if (signo === 0) return false;
    if (!this._hasLocal(Lflag.NOFLSH)) {
      this.input.clear();
      this.host.flushOutput();
      this._echo = [];
    }
    if (this.isStopped) this.setStopped(false);
    if (this._hasLocal(Lflag.ECHO)) this.echoByte(byte);
    this._flushEcho();
    this.host.signal(signo);
    return true;
  }

  /** Line editing; true when the byte was consumed. */
  private _edit(byte: number): boolean {
    const isExtended = this._hasLocal(Lflag.IEXTEN);
    if (this._is(Cc.VERASE, byte)) this._eraser.eraseCharacter();
    else if (this._is(Cc.VKILL, byte)) this._eraser.killLine();
    else if (isExtended && this._is(Cc.VWERASE, byte)) this._eraser.eraseWord();
    else if (isExtended && this._is(Cc.VLNEXT, byte)) this._startLiteral();
    else if (isExtended && this._is(Cc.VREPRINT, byte) && this._hasLocal(Lflag.ECHO)) this._reprint(byte);
    else if (byte === NL) this._newline();
    else if (this._is(Cc.VEOF, byte)) this.input.endLine(DISABLED, 'eof');
    else if (this._is(Cc.VEOL, byte) || (isExtended && this._is(Cc.VEOL2, byte))) this._extraEnd(byte);
    else return false;
    return true;
  }

  private _startLiteral(): void {
    this._isLiteral = true;
    if (!this._hasLocal(Lflag.ECHO)) return;
    this._eraser.finish();
    if (!this._hasLocal(Lflag.ECHOCTL)) return;
    this.echoRaw(CARET);
    this.echoRaw(BS);
  }

  private _reprint(byte: number): void {
    this._eraser.finish();
    this.echoByte(byte);
    this.echoRaw(NL);
    for (let index = 0; index < this.input.lineLength; index++) this.echoByte(this.input.lineByte(index));
  }

  private _newline(): void {
    if (this._hasLocal(Lflag.ECHO)) this._eraser.finish();
    if (this._hasLocal(Lflag.ECHO) || this._hasLocal(Lflag.ECHONL)) this.echoRaw(NL);
    this.input.endLine(NL, 'byte');
  }

  private _extraEnd(byte: number): void {
    if (this._hasLocal(Lflag.ECHO)) {
      this._noteLineColumn();
      this.echoByte(byte);
    }
    this.input.endLine(byte, 'byte');
  }

  /** A byte that is data. A full line keeps its bytes and rings the bell. */
  private _store(byte: number): void {
    if (this.isCanonical ? this.input.isLineFull : this.input.room === 0) {
      if ((this.termios.iflag & Iflag.IMAXBEL) !== 0) this._echo.push(BELL);
      return;
    }
    if (this._hasLocal(Lflag.ECHO)) {
      this._eraser.finish();
      this._noteLineColumn();
      if (byte === NL) this.echoRaw(NL);
      else this.echoByte(byte);
    }
    if (byte === 0xff && (this.termios.iflag & Iflag.PARMRK) !== 0) this.input.push(byte);
    this.input.push(byte);
  }

  private _noteLineColumn(): void {
    if (this.input.lineLength === 0) this.lineColumn = this.output.column;
  }

  /** Echo as ECHOCTL shows it: ^C for control bytes. */
  echoByte(byte: number): void {
    if (this._hasLocal(Lflag.ECHOCTL) && isControl(byte) && byte !== TAB) {
      this.output.put(CARET, this._echo);
      this.output.put(byte ^ 0o100, this._echo);
    } else this.output.put(byte, this._echo);
  }

  echoRaw(byte: number): void {
    this.output.put(byte, this._echo);
  }

  private _flushEcho(): void {
    if (this._echo.length === 0) return;
    const bytes = this._echo;
    this._echo = [];
    this.host.emit(bytes);
  }
}
