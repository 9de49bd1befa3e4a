/** unicorn.js's interface on top of the native library (Debian: libunicorn2), through koffi. */
import type { UnicornMachine } from './unicorn-api.js';

const ARCH_X86 = 4;
const MODE_64 = 8;
const HOOK_INTR = 1;
const HOOK_INSN = 2;
const HOOK_CODE = 4;

type NativeFunction = (...args: unknown[]) => number;

/** What is used of the npm package koffi. */
export interface Koffi {
  load(path: string): { func(prototype: string): NativeFunction; symbol(name: string, type: string): unknown };
  proto(prototype: string): unknown;
  pointer(type: unknown): unknown;
  register(callback: (...args: never[]) => unknown, type: unknown): unknown;
  address(buffer: Uint8Array): bigint;
}

export function createNativeMachine(koffi: Koffi, path: string, memory: Uint8Array): UnicornMachine {
  const library = koffi.load(path);
  const call = (name: string, parameters: string): NativeFunction => {
    const fn = library.func(`int ${name}(${parameters})`);
    return (...args) => {
      const status = fn(...args);
      if (status !== 0) throw new Error(`${name}: unicorn error ${status}`);
      return status;
    };
  };
  const out: unknown[] = [null];
  call('uc_open', 'int arch, int mode, _Out_ void **uc')(ARCH_X86, MODE_64, out);
  const uc = out[0];
  const base = koffi.address(memory);
  const regRead = call('uc_reg_read', 'void *uc, int reg, _Out_ uint8_t *value');
  const regWrite = call('uc_reg_write', 'void *uc, int reg, uint8_t *value');
  const memMap = call('uc_mem_map', 'void *uc, uint64_t address, size_t size, uint32_t perms');
  const memMapPtr = call('uc_mem_map_ptr', 'void *uc, uint64_t address, size_t size, uint32_t perms, uint64_t pointer');
  const memUnmap = call('uc_mem_unmap', 'void *uc, uint64_t address, size_t size');
  const memRead = call('uc_mem_read', 'void *uc, uint64_t address, _Out_ uint8_t *bytes, size_t size');
  const memWrite = call('uc_mem_write', 'void *uc, uint64_t address, uint8_t *bytes, size_t size');
  const start = call('uc_emu_start', 'void *uc, uint64_t begin, uint64_t until, uint64_t timeout, size_t count');
  const stop = call('uc_emu_stop', 'void *uc');
  const hook = call('uc_hook_add', 'void *uc, _Out_ size_t *hook, int type, void *callback, void *data, uint64_t begin, uint64_t end, ...');
  const memType = koffi.pointer(koffi.proto('bool UnicornMemoryHook(void *uc, int type, uint64_t address, int size, int64_t value, void *data)'));
  const intType = koffi.pointer(koffi.proto('void UnicornInterruptHook(void *uc, uint32_t number, void *data)'));
  const insnType = koffi.pointer(koffi.proto('void UnicornInsnHook(void *uc, void *data)'));
  /** Does nothing: a hook on every instruction makes unicorn keep rip and flags exact (it is a function without side effects). */
  const nothing = koffi.load('libc.so.6').symbol('abs', 'int');

  function callbackOf(type: number, callback: (...args: never[]) => unknown): unknown {
    const user = callback as (...args: unknown[]) => unknown;
    if (type === HOOK_CODE) return nothing;
    if (type === HOOK_INTR) return koffi.register((_uc: unknown, number: number) => void user(uc, number), intType);
    if (type === HOOK_INSN) return koffi.register(() => void user(uc), insnType);
    return koffi.register((_uc: unknown, kind: number, address: number | bigint, size: number) => {
      const at = BigInt.asUintN(64, BigInt(address));
      return user(uc, kind, Number(at & 0xffffffffn), Number(at >> 32n), size) === true;
    }, memType);
  }

  return {
    reg_read(register, bytes) {
      const value = new Uint8Array(16);
      regRead(uc, register, value);
      return value.subarray(0, bytes);
    },
    reg_write: (register, bytes) => void regWrite(uc, register, bytes),
    mem_map: (address, bytes, permissions) => void memMap(uc, address, bytes, permissions),
    mem_unmap: (address, bytes) => void memUnmap(uc, address, bytes),
    mem_read(address, bytes) {
      const value = new Uint8Array(bytes);
      memRead(uc, address, value, bytes);
      return value;
    },
    mem_write: (address, bytes) => void memWrite(uc, address, bytes, bytes.length),
    hook_add: (type, callback, _data, begin = 1, end = 0, extra = 0) => hook(uc, [0], type, callbackOf(type, callback), null, begin, end, 'int', extra),
    emu_start: (begin, until, timeout, count) => void start(uc, begin, until, timeout, count),
    emu_stop: () => void stop(uc),
    mem_map_shared: (address, linear, permissions) => void memMapPtr(uc, address, 4096, permissions, base + BigInt(linear)),
  };
}
