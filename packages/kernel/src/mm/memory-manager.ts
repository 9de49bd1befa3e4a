/**
 * MemoryManager: the address space of a process as the rest of the kernel sees it.
 *
 * Owns:    everything in AddressSpace, the program break, what /proc tells about the program image.
 * Accepts: calls on the kernel thread only.
 * Order:   see AddressSpace (withdraw → shootdown → drop) and MemorySystem (code and write entries).
 * Saved as: MemoryManager 1 (mappings, page table; flat tables are a cache).
 */
import { FutexTable } from '../futex.js';
import { LOW_PAGES, PAGE_SIZE, PfCode, TCB } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { IoContext } from '../file/async-io.js';
import { adviseMemory, lockMemory, residentPages, syncMemory } from './advice.js';
import { Access, FaultError, faultIn } from './fault.js';
import { copyAddressSpace } from './fork.js';
import { GuestAccess } from './guest-access.js';
import { mapMemory, moveBreak, protectMemory, unmapMemory, type MapRequest } from './mapping.js';
import { mapsText, memoryUsage, smapsText, statmText, type MemoryUsage } from './maps-text.js';
import { Pte } from './page-table.js';
import { ProgramImage } from './program-image.js';
import { remapMemory, type RemapRequest } from './remap.js';

/** Signal that answers a page fault: number, si_code, si_addr. */
export interface FaultSignal {
  readonly signal: number;
  readonly code: number;
  readonly addr: number;
}

const SIGBUS = 7;
const SIGKILL = 9;
const SIGSEGV = 11;
const SI_KERNEL = 0x80;
const SIGNAL_OF_FAULT: Readonly<Record<number, readonly [signal: number, code: number]>> = {
  [FaultError.MAPERR]: [SIGSEGV, 1],
  [FaultError.ACCERR]: [SIGSEGV, 2],
  [FaultError.BUS]: [SIGBUS, 2],
  [FaultError.OOM]: [SIGKILL, SI_KERNEL],
};

export class MemoryManager extends GuestAccess {
  /** What execve learnt about the program: ranges for /proc/pid/stat, cmdline, environ, auxv. */
  readonly image = new ProgramImage();
  /** Asynchronous I/O, by the address that io_setup(2) gave. */
  readonly ioContexts = new Map<number, IoContext>();
  /** Waiters of private futexes, by address; owned by the futex manager. */
  readonly futexes = new FutexTable();
  /** mlockall(MCL_FUTURE). */
  locksFuture = false;
  /** Kinds of private barriers registered for (membarrier(2) REGISTER_*). */
  barriers = 0;
  /** PR_SET_THP_DISABLE: kept, there are no huge pages. */
  hasNoHugePages = false;

  /**
   * Answers a page fault of guest code. `tcb`, when given, gets the translation of addresses above
   * 4 GiB (fillPage: address of the page, fillFrame, fillPerms: Prot bits).
   */
  handleFault(addr: number, pfCode: number, tcb = 0): 'ok' | FaultSignal {
    const access = pfCode & PfCode.FETCH ? Access.EXEC : pfCode & PfCode.WRITE ? Access.WRITE : Access.READ;
    const frame = faultIn(this, addr, access);
    if (frame > 0) {
      if (tcb !== 0 && addr >= LOW_PAGES * PAGE_SIZE) this._fillHigh(tcb, addr, frame, access);
      return 'ok';
    }
    const [signal, code] = SIGNAL_OF_FAULT[frame]!;
    return { signal, code, addr };
  }

  private _fillHigh(tcb: number, addr: number, frame: number, access: number): void {
    const { u32, u64 } = this.system.shared;
    const page = Math.floor(addr / PAGE_SIZE);
    const entry = this.pages.get(page);
    const vma = this.vmas.find(addr)!;
    let perms: number = Prot.READ;
    if (access === Access.EXEC) {
      // Once: the withdrawal empties the cores' caches, and an instruction may need two such pages at a time.
      if (vma.prot & Prot.WRITE && !this.system.codeFrames.has(frame)) this.withdraw(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
      this.system.noteCode(frame, vma.file);
      perms |= Prot.EXEC;
    } else if (entry & Pte.WRITABLE && vma.prot & Prot.WRITE && !this.system.codeFrames.has(frame)) {
      perms |= Prot.WRITE;
    }
    u64[(tcb + TCB.off.fillPage) / 8] = BigInt(page * PAGE_SIZE);
    u32[(tcb + TCB.off.fillFrame) >> 2] = frame;
    u32[(tcb + TCB.off.fillPerms) >> 2] = perms;
  }

  /**
   * The page had been touched when a fault that becomes a signal hit it (PfCode.PRESENT). Pages of
   * PROT_NONE mappings count as absent. An instruction fetch finds the page present: the kernel reads
   * the instruction before it decides.
   */
  isPresent(addr: number, isFetch: boolean): boolean {
    const prot = this.vmas.find(addr)?.prot ?? Prot.NONE;
    if (prot === Prot.NONE) return false;
    const page = Math.floor(addr / PAGE_SIZE);
    return isFetch || this.pages.get(page) !== 0 || (page < LOW_PAGES && this.tables?.hasRead(page) === true);
  }

  /** Maps; the address or -errno. */
  mmap(request: MapRequest): number {
    return mapMemory(this, request);
  }

  munmap(addr: number, lengthBytes: number): number {
    return unmapMemory(this, addr, lengthBytes);
  }

  mprotect(addr: number, lengthBytes: number, prot: number): number {
    return protectMemory(this, addr, lengthBytes, prot);
  }

  mremap(request: RemapRequest): number {
    return remapMemory(this, request);
  }

  /** Moves the program break; the resulting break. */
  setBreak(wanted: number): number {
    return moveBreak(this, wanted);
  }

  madvise(addr: number, lengthBytes: number, advice: number): number {
    return adviseMemory(this, addr, lengthBytes, advice);
  }

  msync(addr: number, lengthBytes: number, flags: number): number {
    return syncMemory(this, addr, lengthBytes, flags);
  }

  mincore(addr: number, lengthBytes: number): Uint8Array | number {
    return residentPages(this, addr, lengthBytes);
  }

  mlock(addr: number, lengthBytes: number, faultsIn = true): number {
    return lockMemory(this, addr, lengthBytes, true, faultsIn);
  }

  munlock(addr: number, lengthBytes: number): number {
    return lockMemory(this, addr, lengthBytes, false, false);
  }

  /**
   * Key of a futex word that address spaces may share: its linear address. 0 when the word is in
   * private memory (or not mapped), where the guest address is the key.
   */
  sharedWordKey(addr: number): number {
    return this.vmas.find(addr)?.isShared ? this.wordAddr(addr, false) : 0;
  }

  /** A copy-on-write duplicate (fork(2)); no task is attached yet. */
  fork(): MemoryManager {
    this.dropReserve();
    const child = new MemoryManager(this.system);
    child.limits = this.limits;
    child.hasNoHugePages = this.hasNoHugePages;
    child.barriers = this.barriers;
    child.brk.copyFrom(this.brk);
    child.image.copyFrom(this.image);
    copyAddressSpace(this, child);
    return child;
  }

  mapsText(): string {
    return mapsText(this);
  }

  smapsText(): string {
    return smapsText(this);
  }

  statmText(): string {
    return statmText(this);
  }

  usage(): MemoryUsage {
    return memoryUsage(this);
  }
}
