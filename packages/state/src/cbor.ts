/** CBOR as images use it: plain arrays and maps, byte strings for bytes. */
// The package's main entry looks for a native addon.
import { Decoder, Encoder } from 'cbor-x/encode';
import { ImageError } from './image-error.js';

const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** A copy: the encoder reuses its buffer. */
export function encodeCbor(value: unknown): Buffer {
  return Buffer.from(encoder.encode(value));
}

/** Byte strings of the result are parts of `bytes`. Throws ImageError 'damaged'; `where` names what was read. */
export function decodeCbor(bytes: Buffer, where: string): unknown {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new ImageError('damaged', (error as Error).message, where);
  }
}
