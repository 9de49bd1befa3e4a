/** Erasing in canonical mode: what VERASE, VWERASE and VKILL remove and how the display follows (termios(3)). */
import { Cc, Lflag, type Termios } from '@troupe/abi';
import type { InputBuffer } from './input-buffer.js';
import { isContinuation, isControl } from './output-processor.js';

const BS = 8;
const TAB = 9;
const NL = 10;
const SPACE = 32;
const SLASH = 47;
const BACKSLASH = 92;

export interface EraserHost {
  readonly termios: Termios;
  echoByte(byte: number): void;
  echoRaw(byte: number): void;
  /** Column where the line being edited starts. */
  readonly lineColumn: number;
}

const isWordByte = (byte: number): boolean => (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95;

export class Eraser {
  /** ECHOPRT printed a backslash and shows erased bytes until the next other byte. */
  private _isPrinting = false;

  constructor(readonly input: InputBuffer, readonly host: EraserHost) {}

  eraseCharacter(): void {
    if (this.input.lineLength > 0) this._eraseOne('character');
  }

  eraseWord(): void {
    let hasWordByte = false;
    while (this.input.lineLength > 0) {
      const byte = this.input.lineByte(this._lastStart());
      if (isWordByte(byte)) hasWordByte = true;
      else if (hasWordByte) break;
      this._eraseOne('word');
    }
  }

  killLine(): void {
    if (this.input.lineLength === 0) return;
    const { lflag, cc } = this.host.termios;
    if ((lflag & Lflag.ECHO) === 0) {
      this.input.erase(this.input.lineLength);
      return;
    }
    if ((lflag & Lflag.ECHOK) !== 0 && (lflag & Lflag.ECHOKE) !== 0 && (lflag & Lflag.ECHOE) !== 0) {
      while (this.input.lineLength > 0) this._eraseOne('line');
      return;
    }
    this.input.erase(this.input.lineLength);
    this.finish();
    this.host.echoByte(cc[Cc.VKILL]!);
    if ((lflag & Lflag.ECHOK) !== 0) this.host.echoRaw(NL);
  }

  /** Ends an ECHOPRT run before anything else is echoed. */
  finish(): void {
    if (!this._isPrinting) return;
    this._isPrinting = false;
    this.host.echoRaw(SLASH);
  }

  /** Index of the first byte of the last (possibly multi-byte) character. */
  private _lastStart(): number {
    const isUtf8 = (this.host.termios.iflag & 0o40000) !== 0;
    let start = this.input.lineLength - 1;
    while (isUtf8 && start > 0 && isContinuation(this.input.lineByte(start))) start--;
    return start;
  }

  private _eraseOne(unit: 'character' | 'word' | 'line'): void {
    const start = this._lastStart();
    const erased = Array.from({ length: this.input.lineLength - start }, (_, index) => this.input.lineByte(start + index));
    this.input.erase(erased.length);
    const { lflag, cc } = this.host.termios;
    if ((lflag & Lflag.ECHO) === 0) return;
    if ((lflag & Lflag.ECHOPRT) !== 0) this._printErased(erased);
    else if (unit === 'character' && (lflag & Lflag.ECHOE) === 0) this.host.echoByte(cc[Cc.VERASE]!);
    else this._rubOut(erased[0]!, lflag);
  }

  private _printErased(erased: readonly number[]): void {
    if (!this._isPrinting) this.host.echoRaw(BACKSLASH);
    this._isPrinting = true;
    for (const byte of erased) this.host.echoByte(byte);
  }

  private _rubOut(byte: number, lflag: number): void {
    if (byte === TAB) {
      const columns = 8 - (this._columnOfEnd(lflag) & 7);
      for (let count = 0; count < columns; count++) this.host.echoRaw(BS);
      return;
    }
    const isShownAsCaret = isControl(byte) && (lflag & Lflag.ECHOCTL) !== 0;
    const width = isShownAsCaret ? 2 : isControl(byte) ? 0 : 1;
    for (let count = 0; count < width; count++) for (const out of [BS, SPACE, BS]) this.host.echoRaw(out);
  }

  /** Display column behind the remaining line, modulo 8: counts back to the last tab or the start of the line. */
  private _columnOfEnd(lflag: number): number {
    let columns = 0;
    for (let index = this.input.lineLength - 1; index >= 0; index--) {
      const byte = this.input.lineByte(index);
      if (byte === TAB) return columns;
      if (isControl(byte)) columns += (lflag & Lflag.ECHOCTL) !== 0 ? 2 : 0;
      else if (!isContinuation(byte)) columns++;
    }
    return columns + this.host.lineColumn;
  }
}
