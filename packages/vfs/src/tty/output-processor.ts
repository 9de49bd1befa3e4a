/** Output processing of a terminal (termios(3) c_oflag): newline, tab and case mapping, and the column count. */
import { Oflag, type Termios } from '@troupe/abi';

const BS = 8;
const TAB = 9;
const NL = 10;
const CR = 13;
const SPACE = 32;

/** Most bytes one input byte can become: an expanded tab. */
export const MAX_EXPANSION = 8;

export const isControl = (byte: number): boolean => byte < 32 || byte === 127;
/** Second and later bytes of a UTF-8 sequence take no column. */
export const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

export class OutputProcessor {
  column = 0;

  constructor(readonly owner: { readonly termios: Termios }) {}

  /** Appends what the terminal gets for one byte. */
  put(byte: number, out: number[]): void {
    const { oflag } = this.owner.termios;
    if ((oflag & Oflag.OPOST) === 0) {
      out.push(byte);
      return;
    }
    switch (byte) {
      case NL:
        this._newline(oflag, out);
        return;
      case CR:
        this._carriageReturn(oflag, out);
        return;
      case TAB:
        this._tab(oflag, out);
        return;
      case BS:
        if (this.column > 0) this.column--;
        out.push(byte);
        return;
      default:
        if (!isControl(byte) && !isContinuation(byte)) this.column++;
        out.push((oflag & Oflag.OLCUC) !== 0 && byte >= 97 && byte <= 122 ? byte - 32 : byte);
    }
  }

  private _newline(oflag: number, out: number[]): void {
    if ((oflag & Oflag.ONLRET) !== 0) this.column = 0;
    if ((oflag & Oflag.ONLCR) !== 0) {
      this.column = 0;
      out.push(CR);
    }
    out.push(NL);
  }

  private _carriageReturn(oflag: number, out: number[]): void {
    if ((oflag & Oflag.ONOCR) !== 0 && this.column === 0) return;
    if ((oflag & Oflag.OCRNL) !== 0) {
      if ((oflag & Oflag.ONLRET) !== 0) this.column = 0;
      out.push(NL);
      return;
    }
    this.column = 0;
    out.push(CR);
  }

  private _tab(oflag: number, out: number[]): void {
    const spaces = 8 - (this.column & 7);
    this.column += spaces;
    if ((oflag & Oflag.TABDLY) !== Oflag.XTABS) out.push(TAB);
    else for (let count = 0; count < spaces; count++) out.push(SPACE);
  }
}
