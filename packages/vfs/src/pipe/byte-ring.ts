/** A first-in first-out byte store that grows on demand up to a limit. */
const FIRST_SIZE_BYTES = 4096;

export class ByteRing {
  #store = new Uint8Array(0);
  #start = 0;
  #length = 0;

  constructor(private limitBytes: number) {}

  get length(): number {
    return this.#length;
  }

  get limit(): number {
    return this.limitBytes;
  }

  get free(): number {
    return this.limitBytes - this.#length;
  }

  /** Changes the limit. Precondition: not below the bytes held. */
  resize(limitBytes: number): void {
    this.limitBytes = limitBytes;
    if (this.#store.length > limitBytes) this.#reallocate(limitBytes);
  }

  /** Appends as much of `src` as fits; returns the count. */
  push(src: Uint8Array): number {
    const count = Math.min(src.length, this.free);
    if (count === 0) return 0;
    this.#reserve(this.#length + count);
    const size = this.#store.length;
    const at = (this.#start + this.#length) % size;
    const first = Math.min(count, size - at);
    this.#store.set(src.subarray(0, first), at);
    if (first < count) this.#store.set(src.subarray(first, count), 0);
    this.#length += count;
    return count;
  }

  /** Copies up to dst.length bytes from position `skip` without removing them; returns the count. */
  peek(dst: Uint8Array, skip = 0): number {
    const count = Math.min(dst.length, this.#length - skip);
    if (count <= 0) return 0;
    const size = this.#store.length;
    const at = (this.#start + skip) % size;
    const first = Math.min(count, size - at);
    dst.set(this.#store.subarray(at, at + first), 0);
    if (first < count) dst.set(this.#store.subarray(0, count - first), first);
    return count;
  }

  /** Removes up to dst.length bytes into dst; returns the count. */
  shift(dst: Uint8Array): number {
    const count = this.peek(dst);
    this.drop(count);
    return count;
  }

  drop(count: number): void {
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : (this.#start + count) % this.#store.length;
  }

  clear(): void {
    this.drop(this.#length);
  }

  #reserve(needed: number): void {
    if (needed <= this.#store.length) return;
    let size = Math.max(FIRST_SIZE_BYTES, this.#store.length);
    while (size < needed) size *= 2;
    this.#reallocate(Math.min(Math.max(size, needed), this.limitBytes));
  }

  #reallocate(size: number): void {
    const store = new Uint8Array(size);
    this.peek(store);
    this.#store = store;
    this.#start = 0;
  }
}
