/**
 * The seven kinds of failure. Errno and Restart are numbers (returned, never thrown on hot paths);
 * GuestFault is a plain value; the other four are exceptions of the host program.
 */

/** An exception a guest instruction raised; becomes siginfo and a signal. `code` is the page-fault error code. */
export interface GuestFault {
  readonly vector: number;
  readonly code: number;
  readonly addr: number;
}

/** Something Troupe does not provide: counted, named at exit; the guest sees ENOSYS or SIGILL. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
  constructor(readonly what: string, readonly where: string) {
    super(`${what} is not supported (${where})`);
  }
}

/** Wrong configuration or input from the user: exit status 125. `path` says where in the input. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(message: string, readonly path: string) {
    super(`${path}: ${message}`);
  }
}

/** The host refused something. */
export class HostError extends Error {
  override readonly name = 'HostError';
  constructor(message: string, override readonly cause: unknown) {
    super(message);
  }
}

/** A broken promise of our own code. Stop, dump, fail. */
export class Invariant extends Error {
  override readonly name = 'Invariant';
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Invariant(message);
}

/**
 * Thrown by cold paths of system calls (copyIn of a bad pointer, argument checks deep inside);
 * the dispatcher turns it into -errno. Hot paths return negative numbers instead.
 */
export class ErrnoError extends Error {
  override readonly name = 'ErrnoError';
  constructor(readonly errno: number, message = '') {
    super(message);
  }
}
