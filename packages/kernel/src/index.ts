export { byteString, Kernel, type KernelOptions, type ProcessOptions } from './api/kernel.js';
export { Process, type SignalName } from './api/process.js';
export type { StdioMode, StdioOptions } from './api/stdio.js';
export { Kernel as KernelCore } from './kernel.js';
export { ExecError } from './task/create-process.js';
export { SYSCALL_ROWS } from './syscall/table.js';
export { HostConsole } from './ipc/host-console.js';
