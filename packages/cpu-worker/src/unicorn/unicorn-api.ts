/** The part of unicorn.js's interface (AlexAltea/unicorn.js, src/unicorn-wrapper.js) that the engine uses, and numbers of unicorn's headers. */

/** Addresses come as halves, as unicorn.js hands them to callbacks. */
export type MemoryFaultHook = (handle: unknown, type: number, addressLow: number, addressHigh: number, size: number) => boolean;
export type InterruptHook = (handle: unknown, number: number) => void;

export interface UnicornMachine {
  reg_read(register: number, bytes: number): Uint8Array;
  reg_write(register: number, bytes: Uint8Array): void;
  mem_map(address: number, bytes: number, permissions: number): void;
  mem_unmap(address: number, bytes: number): void;
  mem_read(address: number, bytes: number): Uint8Array;
  mem_write(address: number, bytes: Uint8Array): void;
  hook_add(type: number, callback: (...args: never[]) => unknown, data?: unknown, begin?: number, end?: number, extra?: number): unknown;
  /** Throws after errors, among them faults that a hook did not mend. */
  emu_start(begin: number, until: number, timeout: number, count: number): void;
  emu_stop(): void;
  /** Native library only: maps a page of the shared memory itself. */
  mem_map_shared?(address: number, linear: number, permissions: number): void;
}

export const Hook = { INTR: 1, INSN: 2, CODE: 4, MEM_INVALID: 1008 } as const;
export const Permission = { READ: 1, WRITE: 2, EXEC: 4 } as const;
/** uc_mem_type: what kind of access failed. */
export const MemoryFault = { WRITE_UNMAPPED: 20, FETCH_UNMAPPED: 21, WRITE_PROT: 22, FETCH_PROT: 24 } as const;
export const INS_SYSCALL = 699;

/** uc_x86_reg. GPR: encoding order. FP: the physical x87 registers. */
export const Register = {
  GPR: [35, 38, 40, 37, 44, 36, 43, 39, 106, 107, 108, 109, 110, 111, 112, 113],
  EFLAGS: 25, RIP: 41, FPSW: 31, FP0: 82, XMM0: 122, FPCW: 246, FPTAG: 247, MXCSR: 249, FS_BASE: 250, GS_BASE: 251,
} as const;
