/**
 * Bytes typed and not yet read (Linux n_tty read buffer): complete lines, then the line being edited.
 * In canonical mode a reader sees bytes only up to `lineStart`.
 */

/** Kinds of line ends: an ordinary delimiter byte is read with its line, an end-of-file mark is not. */
type LineEnd = 'none' | 'byte' | 'eof';

/** Longest line in canonical mode, with its end (termios(3)). */
const LINE_BYTES = 4096;
const LIMIT_BYTES = 65536;

export class InputBuffer {
  private _bytes: number[] = [];
  private _ends: LineEnd[] = [];
  /** Index of the first byte of the line being edited. */
  private _lineStart = 0;

  get length(): number {
    return this._bytes.length;
  }

  get room(): number {
    return Math.max(0, LIMIT_BYTES - this._bytes.length);
  }

  /** Bytes of the unfinished line. */
  get lineLength(): number {
    return this._bytes.length - this._lineStart;
  }

  get isLineFull(): boolean {
    return this.lineLength >= LINE_BYTES - 1;
  }

  get hasLine(): boolean {
    return this._lineStart > 0;
  }

  /** Byte `index` of the unfinished line. */
  lineByte(index: number): number {
    return this._bytes[this._lineStart + index]!;
  }

  push(byte: number): void {
    this._bytes.push(byte);
    this._ends.push('none');
  }

  endLine(byte: number, kind: 'byte' | 'eof'): void {
    this._bytes.push(byte);
    this._ends.push(kind);
    this._lineStart = this._bytes.length;
  }

  /** Removes the last bytes of the unfinished line. */
  erase(count: number): void {
    this._bytes.length -= count;
    this._ends.length -= count;
  }

  /** ICANON changed: what was typed so far becomes readable (n_tty_set_termios). */
  changeMode(toCanonical: boolean): void {
    this._ends.fill('none');
    this._lineStart = 0;
    if (!toCanonical || this.length === 0) return;
    this._ends[this.length - 1] = 'byte';
    this._lineStart = this.length;
  }

  /** Raw read: whatever is there. */
  take(dst: Uint8Array): number {
    const count = Math.min(dst.length, this.length);
    for (let index = 0; index < count; index++) dst[index] = this._bytes[index]!;
    this._consume(count);
    return count;
  }

  /** Canonical read: at most one line. An end-of-file mark right behind a full `dst` goes with it. */
  takeLine(dst: Uint8Array): number {
    let count = 0;
    let consumed = 0;
    while (count < dst.length && consumed < this._lineStart) {
      const end = this._ends[consumed]!;
      if (end !== 'eof') dst[count++] = this._bytes[consumed]!;
      consumed++;
      if (end !== 'none') {
        this._consume(consumed);
        return count;
      }
    }
    if (consumed < this._lineStart && this._ends[consumed] === 'eof') consumed++;
    this._consume(consumed);
    return count;
  }

  /** Bytes a read would give now (FIONREAD). */
  countReadable(isCanonical: boolean): number {
    if (!isCanonical) return this.length;
    let count = 0;
    for (let index = 0; index < this._lineStart; index++) if (this._ends[index] !== 'eof') count++;
    return count;
  }

  clear(): void {
    this._bytes = [];
    this._ends = [];
    this._lineStart = 0;
  }

  private _consume(count: number): void {
    this._bytes.splice(0, count);
    this._ends.splice(0, count);
    this._lineStart = Math.max(0, this._lineStart - count);
  }
}
