/** Setting the realtime clock (clock_settime(2)): what follows it hears of it. */
import { syncVdsoTime } from '../elf/vdso-mapping.js';
import type { Kernel } from '../kernel.js';

export function setRealtime(kernel: Kernel, ns: number): void {
  kernel.timekeeper.setRealtimeNs(BigInt(ns));
  syncVdsoTime(kernel.memory, kernel.timekeeper);
}
