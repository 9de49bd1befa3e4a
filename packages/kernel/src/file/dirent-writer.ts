/** Packs directory entries for getdents(2) and getdents64(2). */
import { direntType } from '@troupe/abi';
import type { DirEntry } from '@troupe/vfs';
import { putU64 } from './stat-codec.js';

const HEADER_64 = 19;
const HEADER_OLD = 18;

export class DirentWriter {
  private readonly _bytes: Uint8Array;
  private readonly _view: DataView;
  length = 0;
  /** An entry did not fit. */
  isFull = false;

  /** `old`: struct linux_dirent, whose type byte is the last one of the record. */
  constructor(sizeBytes: number, readonly old: boolean) {
    this._bytes = new Uint8Array(sizeBytes);
    this._view = new DataView(this._bytes.buffer);
  }

  get bytes(): Uint8Array {
    return this._bytes.subarray(0, this.length);
  }

  /** False when there is no room. */
  add(entry: DirEntry, nextOff: number): boolean {
    const { name } = entry;
    const needed = (this.old ? HEADER_OLD + 2 : HEADER_64 + 1) + name.length;
    const recordBytes = (needed + 7) & ~7;
    const at = this.length;
    if (at + recordBytes > this._bytes.length) {
      this.isFull = true;
      return false;
    }
    putU64(this._view, at, entry.ino);
    putU64(this._view, at + 8, nextOff);
    this._view.setUint16(at + 16, recordBytes, true);
    const nameAt = at + (this.old ? HEADER_OLD : HEADER_64);
    this._bytes[this.old ? at + recordBytes - 1 : at + 18] = direntType(entry.type);
    for (let i = 0; i < name.length; i++) this._bytes[nameAt + i] = name.charCodeAt(i);
    this.length += recordBytes;
    return true;
  }
}
