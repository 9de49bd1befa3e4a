/**
 * Reads an image chunk by chunk and checks every byte before it is used.
 *
 * Throws ImageError: 'format' for what is no image of this version, 'damaged' for changed, missing,
 * additional or misplaced bytes.
 */
import { inflateRawSync } from 'node:zlib';
import { decodeCbor } from './cbor.js';
import { ImageError } from './image-error.js';
import { addToDigest, CHUNK_HEAD_BYTES, ChunkFlag, ChunkType, decodeChunkHead, FORMAT_VERSION, HEADER_BYTES, MAGIC, MAX_CHUNK_BYTES, readCrc, runningCrcs } from './image-format.js';
import { crc32 } from 'node:zlib';

/** Gives bytes in order. */
export interface ImageSource {
  /** The next `count` bytes, fewer at the end. They stay valid until the next call. */
  read(count: number): Promise<Buffer>;
  /** Bytes that were read before, for as long as the source is open. Absent: each is read once. */
  readonly again?: ReadAgain;
}

/** Fills `target` with the bytes from `offBytes` of the image on; false when they are not there. */
export type ReadAgain = (offBytes: number, target: Uint8Array) => boolean;

export interface Chunk {
  readonly type: ChunkType;
  readonly index: number;
  /** Valid until the next chunk is read. */
  readonly bytes: Buffer;
  /** Bytes in the file, without the head. */
  readonly storedBytes: number;
  /** Where they begin in the file. */
  readonly offBytes: number;
  /** CRC-32 of the chunk up to each cut, and up to its end: a part can be checked when it is read again. */
  readonly crcs: readonly number[];
  readonly isDeflated: boolean;
}

/** Where the CRC of a chunk is wanted; the stored bytes have not been checked then. */
export type CutsOf = (type: string, stored: Buffer) => readonly number[];

const KNOWN_TYPES = new Set<string>(Object.values(ChunkType));

export class ImageReader {
  private _index = 0;
  private _digest = 0;
  private _offBytes = HEADER_BYTES;

  private constructor(readonly source: ImageSource, readonly id: Uint8Array, private readonly _cutsOf: CutsOf) {}

  static async open(source: ImageSource, cutsOf: CutsOf = () => []): Promise<ImageReader> {
    const header = Buffer.from(await source.read(HEADER_BYTES));
    if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw new ImageError('format', 'not an image of a machine', 'header');
    if (header.length < HEADER_BYTES) throw new ImageError('damaged', 'ends early', 'header');
    if (header.readUInt32LE(28) !== crc32(header.subarray(0, 28))) throw new ImageError('damaged', 'checksum is wrong', 'header');
    const version = header.readUInt32LE(8);
    if (version !== FORMAT_VERSION) throw new ImageError('format', `version ${version}, this is version ${FORMAT_VERSION}`, 'header');
    return new ImageReader(source, header.subarray(12, 28), cutsOf);
  }

  /** The chunks, END not included: when this has ended the image was whole. */
  async *chunks(): AsyncGenerator<Chunk, void, undefined> {
    for (;;) {
      const chunk = await this._next();
      if (chunk.type === ChunkType.END) return this._checkEnd(chunk);
      yield chunk;
    }
  }

  private async _next(): Promise<Chunk> {
    const where = `chunk ${this._index}`;
    const head = Buffer.from(await this.source.read(CHUNK_HEAD_BYTES));
    if (head.length < CHUNK_HEAD_BYTES) throw new ImageError('damaged', 'ends early', where);
    const { type, index, flags, storedBytes, bytes } = decodeChunkHead(head);
    if (storedBytes > MAX_CHUNK_BYTES || bytes > MAX_CHUNK_BYTES) throw new ImageError('damaged', 'impossible length', where);
    const stored = await this.source.read(storedBytes);
    if (stored.length < storedBytes) throw new ImageError('damaged', 'ends early', where);
    const crc = readCrc(head);
    const crcs = runningCrcs(this.id, head, stored, this._cutsOf(type, stored));
    if (crc !== crcs.at(-1)) throw new ImageError('damaged', 'checksum is wrong', where);
    if (index !== this._index || !KNOWN_TYPES.has(type) || (flags & ~ChunkFlag.DEFLATED) !== 0) throw new ImageError('damaged', 'not the chunk that belongs here', where);
    if (type !== ChunkType.END) this._digest = addToDigest(this._digest, crc);
    this._index++;
    const offBytes = this._offBytes + CHUNK_HEAD_BYTES;
    this._offBytes = offBytes + storedBytes;
    const isDeflated = (flags & ChunkFlag.DEFLATED) !== 0;
    return { type: type as ChunkType, index, bytes: isDeflated ? this._inflate(stored, bytes, where) : this._whole(stored, bytes, where), storedBytes, offBytes, crcs, isDeflated };
  }

  private _whole(stored: Buffer, bytes: number, where: string): Buffer {
    if (stored.length !== bytes) throw new ImageError('damaged', 'wrong length', where);
    return stored;
  }

  private _inflate(stored: Buffer, bytes: number, where: string): Buffer {
    try {
      const inflated = inflateRawSync(stored, { maxOutputLength: MAX_CHUNK_BYTES });
      return this._whole(inflated, bytes, where);
    } catch (error) {
      if (error instanceof ImageError) throw error;
      throw new ImageError('damaged', (error as Error).message, where);
    }
  }

  private async _checkEnd(chunk: Chunk): Promise<void> {
    const end = decodeCbor(chunk.bytes, 'end');
    if (!Array.isArray(end) || end[0] !== chunk.index || end[1] !== this._digest) throw new ImageError('damaged', 'chunks are missing', 'end');
    if ((await this.source.read(1)).length > 0) throw new ImageError('damaged', 'bytes after the end', 'end');
  }
}
