/**
 * Output of jobs that must wait until it may be printed: in memory up to a budget that all jobs share, then in
 * one file that has no name.
 *
 * Owns: the file and its free blocks.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK_BYTES = 1 << 16;
const DEFAULT_BUDGET_BYTES = 8 << 20;
/** What a piece of output costs besides its bytes. */
const CHUNK_COST_BYTES = 128;
/** A running job keeps this much in memory before it uses a block of the file. */
const MIN_STORE_BYTES = 4096;

interface Extent {
  readonly block: number;
  readonly sizeBytes: number;
}

export class OutputSpool {
  private _fd: number | undefined;
  private readonly _free: number[] = [];
  private _blocks = 0;
  memoryBytes = 0;

  constructor(readonly budgetBytes = DEFAULT_BUDGET_BYTES, readonly directory = tmpdir()) {}

  stream(): SpooledStream {
    return new SpooledStream(this);
  }

  /** Writes at most a block. Throws the host's error when the disk is full. */
  store(bytes: Uint8Array): Extent {
    this._fd ??= this._open();
    const block = this._free.pop() ?? this._blocks++;
    let done = 0;
    while (done < bytes.length) done += writeSync(this._fd, bytes, done, bytes.length - done, block * BLOCK_BYTES + done);
    return { block, sizeBytes: bytes.length };
  }

  load({ block, sizeBytes }: Extent): Uint8Array {
    const bytes = new Uint8Array(sizeBytes);
    let done = 0;
    while (done < sizeBytes) done += readSync(this._fd!, bytes, done, sizeBytes - done, block * BLOCK_BYTES + done);
    return bytes;
  }

  release({ block }: Extent): void {
    this._free.push(block);
  }

  private _open(): number {
    const dir = mkdtempSync(join(this.directory, 'troupe-'));
    const fd = openSync(join(dir, 'output'), 'w+', 0o600);
    rmSync(dir, { recursive: true });
    return fd;
  }

  close(): void {
    if (this._fd !== undefined) closeSync(this._fd);
    this._fd = undefined;
  }
}

/** Bytes in the order they were written: first those in the file, then those in memory. */
export class SpooledStream {
  private readonly _extents: Extent[] = [];
  private _chunks: Uint8Array[] = [];
  private _memoryBytes = 0;
  totalBytes = 0;

  constructor(readonly spool: OutputSpool) {}

  /** Keeps `bytes`, which the caller gives away. */
  write(bytes: Uint8Array): void {
    this._chunks.push(bytes);
    this._memoryBytes += bytes.length + CHUNK_COST_BYTES;
    this.spool.memoryBytes += bytes.length + CHUNK_COST_BYTES;
    this.totalBytes += bytes.length;
    if (this._memoryBytes >= MIN_STORE_BYTES) this.settle();
  }

  /** Nothing more comes soon: over the budget, all goes to the file. */
  settle(): void {
    if (this._memoryBytes > 0 && this.spool.memoryBytes > this.spool.budgetBytes) this._moveToFile();
  }

  private _moveToFile(): void {
    const bytes = Buffer.concat(this._chunks);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) this._extents.push(this.spool.store(bytes.subarray(at, at + BLOCK_BYTES)));
    this._dropMemory();
  }

  /** Everything written so far, in pieces; nothing is kept. */
  *take(): Generator<Uint8Array> {
    for (let extent = this._extents.shift(); extent; extent = this._extents.shift()) {
      const bytes = this.spool.load(extent);
      this.spool.release(extent);
      yield bytes;
    }
    const chunks = this._chunks;
    this._dropMemory();
    yield* chunks;
  }

  private _dropMemory(): void {
    this.spool.memoryBytes -= this._memoryBytes;
    this._memoryBytes = 0;
    this._chunks = [];
  }

  discard(): void {
    for (const extent of this._extents.splice(0)) this.spool.release(extent);
    this._dropMemory();
    this.totalBytes = 0;
  }
}
