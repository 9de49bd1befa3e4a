/** Sinks and sources of images: Node streams, files, memory. */
import { once } from 'node:events';
import { fstatSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { ImageSource } from './image-reader.js';
import type { ImageSink } from './image-writer.js';

/** Waits for the stream when it is full. Rejects with the stream's error. */
export function streamSink(stream: Writable): ImageSink {
  let failure: Error | undefined;
  stream.once('error', (error) => (failure = error));
  return {
    async write(bytes) {
      if (failure !== undefined) throw failure;
      // The stream may keep the bytes longer than this call.
      if (!stream.write(Buffer.from(bytes))) await once(stream, 'drain');
    },
  };
}

export function fileSink(file: FileHandle): ImageSink {
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
    },
  };
}

/** Keeps what is written. */
export class MemorySink implements ImageSink {
  private readonly _parts: Uint8Array[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    this._parts.push(Uint8Array.from(bytes));
  }

  get bytes(): Buffer {
    return Buffer.concat(this._parts);
  }
}

export function bytesSource(bytes: Uint8Array): ImageSource {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return {
    async read(count) {
      const part = all.subarray(at, at + count);
      at += part.length;
      return part;
    },
    again(offBytes, target) {
      const part = all.subarray(offBytes, offBytes + target.length);
      target.set(part);
      return part.length === target.length;
    },
  };
}

export function fileSource(file: FileHandle): ImageSource {
  let buffer = Buffer.alloc(0);
  return {
    async read(count) {
      if (buffer.length < count) buffer = Buffer.allocUnsafeSlow(count);
      let done = 0;
      while (done < count) {
        const { bytesRead } = await file.read(buffer, done, count - done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer.subarray(0, done);
    },
    // A pipe with a name is no place to come back to.
    ...(fstatSync(file.fd).isFile() ? { again: (offBytes: number, target: Uint8Array) => readAgain(file, offBytes, target) } : {}),
  };
}

function readAgain(file: FileHandle, offBytes: number, target: Uint8Array): boolean {
  try {
    let done = 0;
    for (let count = 1; done < target.length && count > 0; done += count) count = readSync(file.fd, target, done, target.length - done, offBytes + done);
    return done === target.length;
  } catch {
    return false;
  }
}

export function streamSource(stream: Readable): ImageSource {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const waiting: Buffer[] = [];
  let available = 0;
  return {
    async read(count) {
      while (available < count) {
        const { value, done } = await chunks.next();
        if (done === true) break;
        const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        waiting.push(bytes);
        available += bytes.length;
      }
      const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
      const part = all.subarray(0, count);
      waiting.length = 0;
      available = all.length - part.length;
      if (available > 0) waiting.push(all.subarray(part.length));
      return part;
    },
  };
}
