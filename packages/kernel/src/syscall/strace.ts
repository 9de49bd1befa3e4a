/**
 * Prints system calls as strace(1) does, from the rows' argument specifications.
 */
import { errnoName, O_ACCMODE, O_CREAT, O_TMPFILE_BIT, signalName } from '@troupe/abi';
import type { Task } from '../task/task.js';
import type { ArgSpec, SyscallResult, SyscallRow } from './row.js';

const MAX_STRING = 32;
const AT_FDCWD = -100;

const ESCAPES: Record<number, string> = { 0: '\\0', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' };

/** A C string literal of the bytes, cut after 32 as strace does by default. */
export function quoteBytes(bytes: Uint8Array, maxBytes = MAX_STRING): string {
  let out = '"';
  const shown = Math.min(bytes.length, maxBytes);
  for (let i = 0; i < shown; i++) {
    const byte = bytes[i]!;
    out += ESCAPES[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`);
  }
  return `${out}"${bytes.length > shown ? '...' : ''}`;
}

/** Names of set bits joined by `|`, the unnamed rest in hex. */
export function symbolic(value: number, symbols: readonly (readonly [string, number])[]): string {
  const names: string[] = [];
  let rest = value >>> 0;
  for (const [name, bits] of symbols) {
    const match = bits === 0 ? value === 0 || (name === 'O_RDONLY' && (value & O_ACCMODE) === 0) : (rest & bits) >>> 0 === bits >>> 0;
    if (!match) continue;
    names.push(name);
    rest = (rest & ~bits) >>> 0;
  }
  if (rest !== 0 || names.length === 0) names.push(rest === 0 ? '0' : `0x${rest.toString(16)}`);
  return names.join('|');
}

function hex(value: number): string {
  return value === 0 ? 'NULL' : `0x${value.toString(16)}`;
}

function readString(task: Task, addr: number): string {
  if (addr === 0) return 'NULL';
  try {
    return quoteBytes(Buffer.from(task.mm.copyInString(addr, 4096), 'latin1'), 4096);
  } catch {
    return hex(addr);
  }
}

function readBuffer(task: Task, addr: number, sizeBytes: number): string {
  if (addr === 0) return 'NULL';
  if (sizeBytes <= 0) return '""';
  try {
    const bytes = task.mm.copyIn(addr, Math.min(sizeBytes, MAX_STRING + 1));
    const text = quoteBytes(bytes);
    return sizeBytes > bytes.length && !text.endsWith('...') ? `${text}...` : text;
  } catch {
    return hex(addr);
  }
}

type Values = readonly (number | bigint)[];

function bufferSize(row: SyscallRow, spec: ArgSpec, values: Values, result: number): number {
  if (typeof spec.size === 'number') return -1;
  if (spec.size === 'return' || spec.kind === 'out') return result;
  const index = row.args.findIndex((arg) => arg.name === spec.size);
  return index < 0 ? -1 : Number(values[index]);
}

function formatArg(task: Task, row: SyscallRow, spec: ArgSpec, value: number | bigint, values: Values, result: number): string {
  if (typeof value === 'bigint') return value.toString();
  switch (spec.kind) {
    case 'fd':
      return value === AT_FDCWD ? 'AT_FDCWD' : String(value);
    case 'flags':
      return symbolic(value, spec.symbols ?? []);
    case 'enum':
      return spec.symbols?.find(([, bits]) => bits === value)?.[0] ?? String(value);
    case 'signal':
      return signalName(value);
    case 'mode':
      return `0${value.toString(8)}`;
    case 'addr':
    case 'strv':
    case 'iovecIn':
    case 'iovecOut':
      return hex(value);
    case 'path':
    case 'str':
      return readString(task, value);
    case 'in':
    case 'out':
    case 'inout': {
      const sizeBytes = bufferSize(row, spec, values, result);
      return sizeBytes < 0 || (spec.kind === 'out' && result < 0) ? hex(value) : readBuffer(task, value, sizeBytes);
    }
    default:
      return String(value);
  }
}

function formatResult(result: SyscallResult): string {
  if (result === undefined || typeof result === 'object') return '?';
  const value = Number(result);
  if (value < 0 && value >= -4095) return value <= -512 ? `? ${restartName(-value)}` : `-1 ${errnoName(-value)}`;
  return value > 0xffff_ffff || value < 0 ? `0x${BigInt.asUintN(64, BigInt(result)).toString(16)}` : String(value);
}

function restartName(code: number): string {
  return { 512: 'ERESTARTSYS', 513: 'ERESTARTNOINTR', 514: 'ERESTARTNOHAND', 516: 'ERESTART_RESTARTBLOCK' }[code] ?? errnoName(code);
}

/** open(2) without O_CREAT has no mode. */
function shownArgs(row: SyscallRow, values: Values): number {
  const { length } = row.args;
  const isOpen = row.args[length - 1]?.kind === 'mode' && row.args[length - 2]?.kind === 'flags';
  return isOpen && (Number(values[length - 2]) & (O_CREAT | O_TMPFILE_BIT)) === 0 ? length - 1 : length;
}

/** One line for a finished call: `read(3, "\177ELF"..., 832) = 832`. */
export function formatCall(task: Task, row: SyscallRow, values: Values, result: SyscallResult): string {
  const value = typeof result === 'object' || result === undefined ? -1 : Number(result);
  const args = row.args.slice(0, shownArgs(row, values)).map((spec, index) => formatArg(task, row, spec, values[index]!, values, value));
  return `${row.name}(${args.join(', ')}) = ${formatResult(result)}`;
}
