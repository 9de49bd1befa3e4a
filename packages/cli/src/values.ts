/** Parsing of option values; every mistake is a ConfigError that names the option. */
import { ConfigError, Errno, type ErrnoName } from '@troupe/abi';
import type { KernelOptions } from '@troupe/kernel';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `512M`, `2g`, `65536`. */
export function parseSizeBytes(text: string, option: string): number {
  const match = /^(\d+)([kmg]?)i?b?$/i.exec(text);
  if (!match) throw new ConfigError(`'${text}' is not a size (examples: 512M, 2G)`, option);
  return Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
}

export function parseCount(text: string, option: string, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max) throw new ConfigError(`'${text}' is not a number from 1 to ${max}`, option);
  return value;
}

export interface Volume {
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
}

/** `host`, `virtual`, `frozen`, `x60`. */
export function parseTime(text: string): NonNullable<KernelOptions['time']> {
  if (text === 'host' || text === 'virtual' || text === 'frozen') return text;
  const rate = /^x(\d+(?:\.\d+)?)$/.exec(text)?.[1];
  if (rate === undefined) throw new ConfigError(`'${text}' is none of host, virtual, frozen, xN (example: x60)`, '--time');
  return { rate: Number(rate), jumpsWhenIdle: false };
}

/** `HOST:GUEST[:ro|:rw]`. */
export function parseVolume(text: string): Volume {
  const [hostPath, guestPath, mode, ...rest] = text.split(':');
  if (!hostPath || !guestPath || rest.length > 0) throw new ConfigError(`'${text}' is not HOST:GUEST[:ro]`, '--volume');
  if (!guestPath.startsWith('/')) throw new ConfigError(`guest path '${guestPath}' is not absolute`, '--volume');
  if (mode !== undefined && mode !== 'ro' && mode !== 'rw') throw new ConfigError(`'${mode}' is neither ro nor rw`, '--volume');
  return { hostPath, guestPath, readOnly: mode === 'ro' };
}

/** `K=V`, or `K` for the host's value. Returns undefined when the host has none. */
export function parseEnv(text: string, hostEnv: NodeJS.ProcessEnv): string | undefined {
  const at = text.indexOf('=');
  if (at === 0) throw new ConfigError(`'${text}' has no name`, '--env');
  if (at > 0) return text;
  const value = hostEnv[text];
  return value === undefined ? undefined : `${text}=${value}`;
}

/** `UID[:GID]`. */
export function parseUser(text: string): { readonly uid: number; readonly gid: number } {
  const match = /^(\d+)(?::(\d+))?$/.exec(text);
  if (!match) throw new ConfigError(`'${text}' is not UID[:GID]`, '--user');
  return { uid: Number(match[1]), gid: Number(match[2] ?? match[1]) };
}

/** A system call or %group that --deny makes fail. */
export interface DeniedCall {
  readonly name: string;
  readonly errno: ErrnoName;
}

/** `connect,ptrace=EACCES,%net`. */
export function parseDenied(text: string): DeniedCall[] {
  return text.split(',').map((item) => {
    const [name, errno = 'EPERM', ...rest] = item.split('=');
    if (!name || rest.length > 0) throw new ConfigError(`'${item}' is not NAME[=ERRNO]`, '--deny');
    if (!Object.hasOwn(Errno, errno)) throw new ConfigError(`'${errno}' is no errno`, '--deny');
    return { name, errno: errno as ErrnoName };
  });
}
