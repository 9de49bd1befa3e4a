/**
 * The vDSO and its parameter page in memory: made once per kernel, mapped into every program.
 *
 * Owns:  the parameter page (writer: `updateVdsoTime` on the kernel thread, a sequence lock), KernelHeader.vdsoParams.
 */
import { Errno, ErrnoError, KERNEL_HEADER, KernelHeader, PAGE_SIZE, type SharedMemory } from '@troupe/abi';
import { MapFlag, Prot } from '@troupe/abi/linux/mman.js';
import type { Timekeeper } from '@troupe/time';
import type { Mappable, PageMapper } from '@troupe/vfs';
import { VDSO_BASE } from '../mm/layout.js';
import type { MappedFile } from '../mm/mappable.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { MemorySystem } from '../mm/memory-system.js';
import { VmFlag } from '../mm/vma.js';
import { buildVdso } from './vdso.js';

const TSC_OFFSET = (KERNEL_HEADER + KernelHeader.off.tscOffsetNs) / 8;

/** A page of the kernel's own that programs may map; it lives as long as the kernel. */
export class KernelPage implements Mappable, MappedFile {
  readonly mappers = new Set<PageMapper>();
  readonly sizeBytes = PAGE_SIZE;
  readonly path = '';
  readonly dev = 0;
  readonly ino = 0;

  constructor(readonly frame: number) {}

  get pages(): Mappable {
    return this;
  }

  getPage(index: number): number {
    return index === 0 ? this.frame : -Errno.ENXIO;
  }

  peekPage(index: number): number {
    return index === 0 ? this.frame : 0;
  }

  incRef(): void {}
  decRef(): void {}

  sync(): number {
    return 0;
  }
}

export interface VdsoPages {
  readonly params: KernelPage;
  readonly image: KernelPage;
}

function vdsoPages(system: MemorySystem): VdsoPages {
  if (system.vdso !== null) return system.vdso;
  const params = system.frames.alloc();
  const image = system.frames.alloc();
  if (params === 0 || image === 0) throw new ErrnoError(Errno.ENOMEM);
  system.shared.u8.set(buildVdso(), image);
  system.shared.u32[(KERNEL_HEADER + KernelHeader.off.vdsoParams) >> 2] = params;
  return (system.vdso = { params: new KernelPage(params), image: new KernelPage(image) });
}

/** Maps vvar and vDSO; returns the address of the vDSO (AT_SYSINFO_EHDR). */
export function mapVdso(mm: MemoryManager): number {
  const { params, image } = vdsoPages(mm.system);
  const flags = MapFlag.PRIVATE | MapFlag.FIXED;
  const base = { lengthBytes: PAGE_SIZE, flags, vmFlags: VmFlag.SPECIAL };
  mm.mmap({ ...base, addr: VDSO_BASE, prot: Prot.READ, maxProt: Prot.READ, file: params, name: '[vvar]' });
  mm.mmap({ ...base, addr: VDSO_BASE + PAGE_SIZE, prot: Prot.READ | Prot.EXEC, file: image, name: '[vdso]' });
  return VDSO_BASE + PAGE_SIZE;
}

/** Lines the vDSO up with the kernel's clocks now. Cores read rdtsc as host monotonic ns + KernelHeader.tscOffsetNs. */
export function syncVdsoTime(system: MemorySystem, timekeeper: Timekeeper): void {
  if (!timekeeper.isSteady) return disableVdsoTime(system);
  const tscNs = process.hrtime.bigint() + system.shared.i64[TSC_OFFSET]!;
  updateVdsoTime(system, tscNs, BigInt(Math.round(timekeeper.monotonicNs())), timekeeper.realtimeNs());
}

/**
 * Tells programs how to turn rdtsc ticks (ns) into clock readings: at one instant the counter stood at
 * `tscNs`, the clocks at `monotonicNs` and `realtimeNs`. Call it at start and when a clock is set.
 */
export function updateVdsoTime(system: MemorySystem, tscNs: bigint, monotonicNs: bigint, realtimeNs: bigint): void {
  writeParams(system, 1, monotonicNs - tscNs, realtimeNs - tscNs);
}

/** Clocks stand still or jump: programs use the system call until updateVdsoTime is called. */
export function disableVdsoTime(system: MemorySystem): void {
  writeParams(system, 0, 0n, 0n);
}

function writeParams(system: MemorySystem, usable: number, monotonicOffsetNs: bigint, realtimeOffsetNs: bigint): void {
  const { frame } = vdsoPages(system).params;
  const { i32, i64 }: SharedMemory = system.shared;
  Atomics.add(i32, frame >> 2, 1);
  i32[(frame >> 2) + 1] = usable;
  i64[frame / 8 + 1] = monotonicOffsetNs;
  i64[frame / 8 + 2] = realtimeOffsetNs;
  Atomics.add(i32, frame >> 2, 1);
}
