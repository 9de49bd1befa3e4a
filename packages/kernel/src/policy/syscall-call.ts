/** A system call as a policy hook sees it: who makes it, and its arguments as its row describes them. */
import { ErrnoError, Reg } from '@troupe/abi';
import type { ArgSpec, SyscallRow } from '../syscall/row.js';
import { formatCall, symbolic } from '../syscall/strace.js';
import type { Task } from '../task/task.js';

/** Numbers; bigint for 64-bit values; text of paths and strings, strings of argv, bytes of buffers the call reads: null at a bad address. */
export type ArgValue = number | bigint | string | readonly string[] | Uint8Array | null;

const MAX_TEXT_BYTES = 4096;
const MAX_STRINGS = 4096;
const POINTER_BYTES = 8;
/** Below rsp: memory that programs leave alone, and do not use (SysV ABI 3.2.2). */
const RED_ZONE_BYTES = 128;

const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

export class SyscallCall {
  private _scratchBytes = RED_ZONE_BYTES;

  constructor(
    readonly task: Task,
    readonly row: SyscallRow,
    /** Arguments as the handler gets them; changed ones are written back by the hooks. */
    readonly values: (number | bigint)[],
  ) {}

  get name(): string {
    return this.row.name;
  }

  /** Process and thread ids, as the root PID namespace has them. */
  get pid(): number {
    return this.task.group.tgid;
  }

  get tid(): number {
    return this.task.tid;
  }

  /** Name of the thread (comm). */
  get command(): string {
    return utf8(this.task.name);
  }

  /** Every argument by its name in the row (docs/syscalls.md). Reads guest memory. */
  get args(): Readonly<Record<string, ArgValue>> {
    return Object.fromEntries(this.row.args.map(({ name }) => [name, this.arg(name)]));
  }

  arg(name: string): ArgValue {
    const index = this._index(name);
    const spec = this.row.args[index]!;
    const value = this.values[index]!;
    if (typeof value === 'bigint') return value;
    return orNull(() => this._decoded(spec, value));
  }

  /** The argument as a number: of pointers the address. */
  number(name: string): number {
    return Number(this.values[this._index(name)]!);
  }

  /** Bits or choice by name, as strace prints them: `O_WRONLY|O_CREAT`. */
  symbols(name: string): string {
    return symbolic(this.number(name), this.row.args[this._index(name)]!.symbols ?? []);
  }

  /** Bytes of guest memory, or null at a bad address. */
  read(addr: number, sizeBytes: number): Uint8Array | null {
    return orNull(() => this.task.mm.copyIn(addr, sizeBytes));
  }

  /** Changes an argument for this call; the registers stay as the program set them. Text goes to paths and strings. */
  set(name: string, value: number | bigint | string): void {
    const index = this._index(name);
    const spec = this.row.args[index]!;
    const isText = spec.kind === 'path' || spec.kind === 'str';
    if (typeof value === 'string' && !isText) throw new TypeError(`${this.name}: ${name} is no string`);
    this.values[index] = typeof value === 'string' ? this._placeText(value) : spec.kind === 'u64' ? BigInt(value) : Number(value);
  }

  /** As strace prints it. */
  toString(): string {
    return formatCall(this.task, this.row, this.values, undefined).replace(/ = \?$/, '');
  }

  private _index(name: string): number {
    const index = this.row.args.findIndex((arg) => arg.name === name);
    if (index < 0) throw new TypeError(`${this.name} has no argument ${name}`);
    return index;
  }

  private _decoded(spec: ArgSpec, value: number): ArgValue {
    switch (spec.kind) {
      case 'path':
      case 'str':
        return value === 0 ? null : utf8(this.task.mm.copyInString(value, MAX_TEXT_BYTES));
      case 'strv':
        return this._strings(value);
      case 'in':
        return value === 0 ? null : this.task.mm.copyIn(value, typeof spec.size === 'number' ? spec.size : this.number(spec.size!));
      default:
        return value;
    }
  }

  private _strings(at: number): string[] {
    const strings: string[] = [];
    for (let pointerAt = at; at !== 0 && strings.length < MAX_STRINGS; pointerAt += POINTER_BYTES) {
      const pointer = this.task.mm.readUlong(pointerAt);
      if (pointer === 0) break;
      strings.push(utf8(this.task.mm.copyInString(pointer, MAX_TEXT_BYTES)));
    }
    return strings;
  }

  /** Below the stack and its red zone. */
  private _placeText(text: string): number {
    const bytes = Buffer.from(`${text}\0`, 'utf8');
    this._scratchBytes += bytes.length;
    const at = Number(this.task.getReg(Reg.RSP)) - this._scratchBytes;
    this.task.mm.copyOut(at, bytes);
    return at;
  }
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ErrnoError) return null;
    throw error;
  }
}
