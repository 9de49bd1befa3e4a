/**
 * How `troupe checkpoint` reaches a running troupe: a local socket in a folder of the user's own, one per process.
 * One request and one answer per connection, each a line of JSON.
 */
import { mkdirSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Server, Socket } from 'node:net';
import { ConfigError } from '@troupe/abi';

export interface CheckpointRequest {
  readonly command: 'checkpoint';
  /** Absolute path on the host. */
  readonly path: string;
  readonly isCompressed: boolean;
  readonly isIncremental: boolean;
  readonly leaveRunning: boolean;
}

export interface CheckpointAnswer {
  /** Absent: it was done. */
  readonly error?: string;
  readonly bytesWritten?: number;
}

const MAX_PATH_BYTES = 107;

/** Made when it is missing. Throws ConfigError when it is not the user's own. */
function controlFolder(): string {
  const uid = process.getuid?.() ?? 0;
  const folder = join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `troupe-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = statSync(folder);
  if (stats.uid !== uid || (stats.mode & 0o077) !== 0) throw new ConfigError('belongs to somebody else, or others may use it', folder);
  return folder;
}

const socketPath = (pid: number): string => join(controlFolder(), `${pid}.sock`);

/** Answers requests until the result is called. Without a place for a socket the program runs, and cannot be reached. */
export function serveControl(handle: (request: CheckpointRequest) => Promise<CheckpointAnswer>): () => void {
  const { createServer } = process.getBuiltinModule('node:net');
  let path: string;
  try {
    path = socketPath(process.pid);
  } catch {
    return () => undefined;
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return () => undefined;
  removeSocket(path);
  const server: Server = createServer((socket) => serve(socket, handle));
  server.on('error', () => undefined);
  server.listen(path);
  server.unref();
  return () => {
    server.close();
    removeSocket(path);
  };
}

function serve(socket: Socket, handle: (request: CheckpointRequest) => Promise<CheckpointAnswer>): void {
  socket.on('error', () => undefined);
  createInterface({ input: socket }).once('line', (line) => {
    void answerTo(line, handle).then((answer) => socket.end(`${JSON.stringify(answer)}\n`));
  });
}

async function answerTo(line: string, handle: (request: CheckpointRequest) => Promise<CheckpointAnswer>): Promise<CheckpointAnswer> {
  try {
    return await handle(checkedRequest(JSON.parse(line)));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function checkedRequest(value: unknown): CheckpointRequest {
  const { command, path, isCompressed, isIncremental, leaveRunning } = (value ?? {}) as Partial<CheckpointRequest>;
  if (command !== 'checkpoint' || typeof path !== 'string' || !path.startsWith('/') || ![isCompressed, isIncremental, leaveRunning].every((flag) => typeof flag === 'boolean')) throw new ConfigError('not a request', 'control socket');
  return { command, path, isCompressed: isCompressed!, isIncremental: isIncremental!, leaveRunning: leaveRunning! };
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // was not there
  }
}

/** Throws ConfigError when no troupe of the user has this pid. */
export async function requestControl(pid: number, request: CheckpointRequest): Promise<CheckpointAnswer> {
  const { createConnection } = process.getBuiltinModule('node:net');
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath(pid));
    socket.once('error', () => reject(new ConfigError('no troupe of yours that could be reached', `--pid ${pid}`)));
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    const lines = createInterface({ input: socket });
    lines.once('line', (line) => resolve(JSON.parse(line) as CheckpointAnswer));
    lines.once('close', () => reject(new ConfigError('ended before it answered', `--pid ${pid}`)));
    lines.on('error', () => undefined);
  });
}
