/** Standard streams of processes made through the library. */
import { Readable, Writable } from 'node:stream';
import { O_RDONLY, O_WRONLY } from '@troupe/abi';
import { HostStream, type FileDescription } from '@troupe/vfs';
import type { FdTable } from '../fdtable.js';

/** 'inherit': the host process's own descriptor. 'pipe': a stream of the library. 'ignore': empty. */
export type StdioMode = 'inherit' | 'pipe' | 'ignore';

export interface StdioOptions {
  /** Default 'ignore'; 'inherit' reads as empty: the host's input belongs to the host program. */
  readonly stdin?: StdioMode | FileDescription;
  /** Default 'inherit'. */
  readonly stdout?: StdioMode | FileDescription;
  readonly stderr?: StdioMode | FileDescription;
}

export interface StdioStreams {
  stdin: Writable | null;
  stdout: Readable | null;
  stderr: Readable | null;
}

const STANDARD_FDS = 3;

/** Fills descriptors 0, 1 and 2 of an empty table. `kick` wakes the kernel after input. */
export function installStdio(options: StdioOptions, fds: FdTable, kick: () => void): StdioStreams {
  const streams: StdioStreams = { stdin: null, stdout: null, stderr: null };
  fds.install(inputFile(options.stdin ?? 'ignore', streams, kick), false, STANDARD_FDS);
  fds.install(outputFile(options.stdout ?? 'inherit', 1, (stream) => (streams.stdout = stream)), false, STANDARD_FDS);
  fds.install(outputFile(options.stderr ?? 'inherit', 2, (stream) => (streams.stderr = stream)), false, STANDARD_FDS);
  return streams;
}

function inputFile(mode: StdioMode | FileDescription, streams: StdioStreams, kick: () => void): FileDescription {
  if (typeof mode === 'object') return mode;
  if (mode !== 'pipe') return emptyInput();
  const file = new HostStream({ flags: O_RDONLY });
  streams.stdin = inputStream(file, kick);
  return file;
}

function outputFile(mode: StdioMode | FileDescription, hostFd: number, keep: (stream: Readable) => void): FileDescription {
  if (typeof mode === 'object') return mode;
  if (mode === 'inherit') return new HostStream({ flags: O_WRONLY, hostFd });
  if (mode === 'ignore') return new HostStream({ flags: O_WRONLY, onOutput: () => undefined });
  const { file, stream } = outputStream();
  keep(stream);
  return file;
}

/** A stream of the host program whose bytes the guest reads. */
function inputStream(file: HostStream, kick: () => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      file.push(new Uint8Array(chunk));
      kick();
      done();
    },
    final(done) {
      file.end();
      kick();
      done();
    },
  });
}

/** Descriptor file and host stream for what the guest writes. */
function outputStream(): { readonly file: HostStream; readonly stream: Readable } {
  const stream = new Readable({ read: () => undefined });
  const file = new ClosingStream({ flags: O_WRONLY, onOutput: (bytes) => void stream.push(Buffer.from(bytes)) });
  file.onClosed = () => void stream.push(null);
  return { file, stream };
}

class ClosingStream extends HostStream {
  onClosed: () => void = () => undefined;

  protected override release(): void {
    this.onClosed();
  }
}

function emptyInput(): HostStream {
  const file = new HostStream({ flags: O_RDONLY });
  file.end();
  return file;
}
