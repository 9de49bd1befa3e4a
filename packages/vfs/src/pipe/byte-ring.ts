/** A first-in first-out byte store that grows on demand up to a limit. */
const FIRST_SIZE_BYTES = 4096;

export class ByteRing {
  private _store = new Uint8Array(0);
  private _start = 0;
  private _length = 0;

  constructor(private limitBytes: number) {}

  get length(): number {
    return this._length;
  }

  get limit(): number {
    return this.limitBytes;
  }

  get free(): number {
    return this.limitBytes - this._length;
  }

  /** Changes the limit. Precondition: not below the bytes held. */
  resize(limitBytes: number): void {
    this.limitBytes = limitBytes;
    if (this._store.length > limitBytes) this._reallocate(limitBytes);
  }

  /** Appends as much of `src` as fits; returns the count. */
  push(src: Uint8Array): number {
    const count = Math.min(src.length, this.free);
    if (count === 0) return 0;
    this._reserve(this._length + count);
    const size = this._store.length;
    const at = (this._start + this._length) % size;
    const first = Math.min(count, size - at);
    this._store.set(src.subarray(0, first), at);
    if (first < count) this._store.set(src.subarray(first, count), 0);
    this._length += count;
    return count;
  }

  /** Copies up to dst.length bytes from position `skip` without removing them; returns the count. */
  peek(dst: Uint8Array, skip = 0): number {
    const count = Math.min(dst.length, this._length - skip);
    if (count <= 0) return 0;
    const size = this._store.length;
    const at = (this._start + skip) % size;
    const first = Math.min(count, size - at);
    dst.set(this._store.subarray(at, at + first), 0);
    if (first < count) dst.set(this._store.subarray(0, count - first), first);
    return count;
  }

  /** Removes up to dst.length bytes into dst; returns the count. */
  shift(dst: Uint8Array): number {
    const count = this.peek(dst);
    this.drop(count);
    return count;
  }

  drop(count: number): void {
    this._length -= count;
    this._start = this._length === 0 ? 0 : (this._start + count) % this._store.length;
  }

  clear(): void {
    this.drop(this._length);
  }

  private _reserve(needed: number): void {
    if (needed <= this._store.length) return;
    let size = Math.max(FIRST_SIZE_BYTES, this._store.length);
    while (size < needed) size *= 2;
    this._reallocate(Math.min(Math.max(size, needed), this.limitBytes));
  }

  private _reallocate(size: number): void {
    const store = new Uint8Array(size);
    this.peek(store);
    this._store = store;
    this._start = 0;
  }
}
