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

/** The files a process was started with as descriptors 0, 1 and 2; `pipes`: those that were asked for as 'pipe'. */
export interface StandardFiles {
  readonly files: readonly [stdin: FileDescription, stdout: FileDescription, stderr: FileDescription];
  readonly pipes: { readonly stdin: HostStream | null; readonly stdout: HostStream | null; readonly stderr: HostStream | null };
}

/** Makes descriptors 0, 1 and 2 of an empty table. */
export function installStdio(options: StdioOptions, fds: FdTable): StandardFiles {
  const { stdin = 'ignore', stdout = 'inherit', stderr = 'inherit' } = options;
  const files = [inputFile(stdin), outputFile(stdout, 1), outputFile(stderr, 2)] as const;
  for (const file of files) fds.install(file, false, files.length);
  const pipeOf = (mode: StdioMode | FileDescription, file: FileDescription): HostStream | null => (mode === 'pipe' ? (file as HostStream) : null);
  return { files, pipes: { stdin: pipeOf(stdin, files[0]), stdout: pipeOf(stdout, files[1]), stderr: pipeOf(stderr, files[2]) } };
}

/** Streams of the library for the pipes. `kick` wakes the kernel after input. */
export function streamsOf({ pipes: { stdin, stdout, stderr } }: StandardFiles, kick: () => void): StdioStreams {
  return { stdin: stdin && inputStream(stdin, kick), stdout: stdout && outputStream(stdout), stderr: stderr && outputStream(stderr) };
}

function inputFile(mode: StdioMode | FileDescription): FileDescription {
  if (typeof mode === 'object') return mode;
  const file = new HostStream({ flags: O_RDONLY });
  if (mode !== 'pipe') file.end();
  return file;
}

function outputFile(mode: StdioMode | FileDescription, hostFd: number): FileDescription {
  if (typeof mode === 'object') return mode;
  if (mode === 'pipe') return new HostStream({ flags: O_WRONLY });
  return new HostStream({ flags: O_WRONLY, output: mode === 'inherit' ? hostFd : 'discard' });
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

/** A host stream of what the guest writes; ends when the guest has closed the file. */
function outputStream(file: HostStream): Readable {
  const stream = new Readable({ read: () => undefined });
  file.onOutput = (bytes) => void stream.push(Buffer.from(bytes));
  file.onClosed = () => void stream.push(null);
  return stream;
}
