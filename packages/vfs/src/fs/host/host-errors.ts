/** Calls of the host's file system with Linux error numbers as results. */
import { Errno } from '@troupe/abi';

/** -errno of an exception of node:fs; anything else is an I/O error. */
export function hostErrno(error: unknown): number {
  const { errno } = error as NodeJS.ErrnoException;
  return typeof errno === 'number' && errno < 0 ? errno : -Errno.EIO;
}

/** Runs a host call; its value, or a negative errno. */
export function attempt<T>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    return hostErrno(error);
  }
}

/** Runs a host call for its effect: 0 or a negative errno. */
export function attemptEffect(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    return hostErrno(error);
  }
}

/** Byte string to what node:fs takes: strings would be encoded as UTF-8, so other bytes go as a Buffer. */
export function hostName(path: string): string | Buffer {
  return /[\x80-\xff]/.test(path) ? Buffer.from(path, 'latin1') : path;
}
