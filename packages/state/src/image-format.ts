/**
 * The file of an image: a header, then chunks, the last of which is END. All numbers are little-endian.
 * See docs/image-format.md.
 *
 *   header, 32 bytes   0 magic (8)  8 format version u32  12 id of the image (16)  28 CRC-32 of bytes 0 … 27
 *   chunk              0 type (4)  4 index u32  8 flags u32  12 stored bytes u32  16 bytes u32  20 CRC-32
 *                      24 the stored bytes
 *
 * The CRC of a chunk covers the id of the image, the head of the chunk before the CRC, and the stored
 * bytes: a chunk of another image or at another place is noticed like a changed one.
 */
import { crc32 } from 'node:zlib';

export const MAGIC = Buffer.from('TROUPE\x1a\n', 'latin1');
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 32;
export const ID_BYTES = 16;
export const CHUNK_HEAD_BYTES = 24;
const CRC_AT = 20;

/** What a chunk holds. */
export const ChunkType = {
  /** CBOR: what the image is of (ImageInfo). First. */
  INFO: 'INFO',
  /** CBOR: kinds of objects (graph.ts). */
  KINDS: 'KIND',
  /** CBOR: a piece of the records (graph.ts). */
  OBJECTS: 'OBJS',
  /** Which frames of memory exist: pairs of u32, frame number and references. */
  FRAMES: 'FRAM',
  /** Contents of frames: u32 count, their numbers as u32, then 4096 bytes each. Frames in no such chunk are zero. */
  PAGES: 'PAGE',
  /** CBOR: number of chunks before, CRC-32 of all their CRCs. Last. */
  END: 'END ',
} as const;
export type ChunkType = (typeof ChunkType)[keyof typeof ChunkType];

export const ChunkFlag = { DEFLATED: 1 } as const;

/** Chunks are not longer than this, stored or not: what a reader must be ready to hold. */
export const MAX_CHUNK_BYTES = 16 * 1024 * 1024;

export interface ChunkHead {
  readonly type: string;
  readonly index: number;
  readonly flags: number;
  readonly storedBytes: number;
  readonly bytes: number;
}

export function encodeHeader(id: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.set(id, 12);
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28);
  return header;
}

export function encodeChunkHead(head: ChunkHead): Buffer {
  const out = Buffer.alloc(CHUNK_HEAD_BYTES);
  out.write(head.type, 0, 4, 'latin1');
  out.writeUInt32LE(head.index, 4);
  out.writeUInt32LE(head.flags, 8);
  out.writeUInt32LE(head.storedBytes, 12);
  out.writeUInt32LE(head.bytes, 16);
  return out;
}

/** CRC-32 of a chunk; `head` is CHUNK_HEAD_BYTES long, its CRC does not count. */
export function chunkCrc(id: Uint8Array, head: Uint8Array, stored: Uint8Array): number {
  return runningCrcs(id, head, stored, []).at(-1)!;
}

/** CRC-32 of a chunk up to each of the places in its stored bytes, rising, and up to its end. */
export function runningCrcs(id: Uint8Array, head: Uint8Array, stored: Uint8Array, cuts: readonly number[]): number[] {
  let crc = crc32(head.subarray(0, CRC_AT), crc32(id));
  return [...cuts, stored.length].map((end, index) => (crc = crc32(stored.subarray(cuts[index - 1] ?? 0, end), crc)));
}

export function storeCrc(head: Buffer, crc: number): void {
  head.writeUInt32LE(crc, CRC_AT);
}

export function readCrc(head: Buffer): number {
  return head.readUInt32LE(CRC_AT);
}

export function decodeChunkHead(head: Buffer): ChunkHead {
  return {
    type: head.toString('latin1', 0, 4), index: head.readUInt32LE(4), flags: head.readUInt32LE(8),
    storedBytes: head.readUInt32LE(12), bytes: head.readUInt32LE(16),
  };
}

/** CRC-32 over the CRCs of all chunks, in order. */
export function addToDigest(digest: number, crc: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc);
  return crc32(bytes, digest);
}
