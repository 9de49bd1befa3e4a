/**
 * Writes an image chunk by chunk. Nothing is kept: a chunk is with the sink before the next one is made.
 *
 *   Owns:   the index of the next chunk, the digest
 *   Order:  chunks in the order of writeChunk; `end` last
 */
import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { encodeCbor } from './cbor.js';
import { addToDigest, chunkCrc, ChunkFlag, ChunkType, encodeChunkHead, encodeHeader, ID_BYTES, storeCrc } from './image-format.js';

/** Takes bytes in order; they are its own until the promise resolves. */
export interface ImageSink {
  write(bytes: Uint8Array): Promise<void>;
}

export interface ImageWriterOptions {
  /** Deflate chunks where that makes them smaller. */
  readonly compress?: boolean;
}

/** Speed matters more than the last tenth of the size. */
const DEFLATE_LEVEL = 1;

export class ImageWriter {
  private _index = 0;
  private _digest = 0;
  bytesWritten = 0;

  private constructor(readonly sink: ImageSink, readonly id: Uint8Array, readonly isCompressing: boolean) {}

  static async open(sink: ImageSink, options: ImageWriterOptions = {}): Promise<ImageWriter> {
    const writer = new ImageWriter(sink, randomBytes(ID_BYTES), options.compress ?? false);
    await writer._put(encodeHeader(writer.id));
    return writer;
  }

  /** Preconditions: at most MAX_CHUNK_BYTES. */
  async writeChunk(type: ChunkType, bytes: Uint8Array): Promise<void> {
    const deflated = this.isCompressing ? deflateRawSync(bytes, { level: DEFLATE_LEVEL }) : undefined;
    const isSmaller = deflated !== undefined && deflated.length < bytes.length;
    const stored = isSmaller ? deflated : bytes;
    const head = encodeChunkHead({ type, index: this._index++, flags: isSmaller ? ChunkFlag.DEFLATED : 0, storedBytes: stored.length, bytes: bytes.length });
    const crc = chunkCrc(this.id, head, stored);
    storeCrc(head, crc);
    this._digest = addToDigest(this._digest, crc);
    await this._put(head);
    await this._put(stored);
  }

  async end(): Promise<void> {
    await this.writeChunk(ChunkType.END, encodeCbor([this._index, this._digest]));
  }

  private async _put(bytes: Uint8Array): Promise<void> {
    this.bytesWritten += bytes.length;
    await this.sink.write(bytes);
  }
}
