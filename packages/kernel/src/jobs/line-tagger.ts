/** Puts a tag and a tab before each line of a stream of bytes (parallel(1) --tag). */
const NEWLINE = 10;

export class LineTagger {
  private readonly _tag: Uint8Array;
  private _isLineStart = true;

  constructor(tag: string) {
    this._tag = Buffer.from(`${tag}\t`);
  }

  tagged(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this._isLineStart) parts.push(this._tag);
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      parts.push(bytes.subarray(at, end));
      this._isLineStart = newline >= 0;
      at = end;
    }
    return Buffer.concat(parts);
  }
}
