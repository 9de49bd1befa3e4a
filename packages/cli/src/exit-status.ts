/** Exit statuses of the troupe command (the guest's own, or those of `docker run` and `env`). */
import { ConfigError } from '@troupe/abi';
import { ExecError, ImageError } from '@troupe/kernel';

/** Our own failure: bad option, bad image, host error. */
export const STATUS_TROUPE_ERROR = 125;
/** The program exists and cannot be run. */
export const STATUS_CANNOT_INVOKE = 126;
export const STATUS_NOT_FOUND = 127;
/** `troupe parallel`, as GNU parallel: everything that is not the failure of jobs. */
export const STATUS_PARALLEL_ERROR = 255;

const ENOENT = 2;
const ENOTDIR = 20;

export function statusOfError(error: unknown): number {
  if (error instanceof ExecError) return error.errno === ENOENT || error.errno === ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_INVOKE;
  return STATUS_TROUPE_ERROR;
}

/** One line for the user; unexpected errors keep their stack. */
export function messageOfError(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ImageError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
