/**
 * Guest pages in a unicorn machine: mapped when first touched, as the flat tables say, and looked at
 * again before each run. The native library works on the shared memory itself; unicorn.js has memory
 * of its own, so pages are copied in before and, when writable, out after each run. Pages of 4 GiB and
 * more are mapped when the kernel answers their fault, until CoreCommand.FLUSH_HIGH.
 */
import { CoreBlock, CoreCommand } from '@troupe/abi/layout/header.js';
import { ADDEND_BIAS } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { Permission, type UnicornMachine } from './unicorn-api.js';

const PAGE = 4096;
const PAGES_BELOW_4_GIB = 0x100000;

interface Mapped {
  readonly read: number;
  readonly write: number;
  readonly exec: number;
  readonly linear: number;
  readonly permissions: number;
  /** What was there when code of the page may have been translated. */
  readonly code: Buffer | undefined;
}

export class UnicornPages {
  readonly #mapped = new Map<number, Mapped>();
  #asId = -1;
  #flushHigh = false;
  #tcb = 0;

  /** `block`: the CoreBlock of the core. */
  constructor(readonly machine: UnicornMachine, readonly shared: SharedMemory, readonly block: number) {}

  /** Unmaps what the kernel has changed since the last run, and everything of another address space. */
  begin(tcb: number): void {
    const asId = this.shared.u32[(tcb + TCB.off.asId) >>> 2]!;
    this.#tcb = tcb;
    const command = (this.block + CoreBlock.off.command) >>> 2;
    this.#flushHigh = (Atomics.and(this.shared.i32, command, ~CoreCommand.FLUSH_HIGH) & CoreCommand.FLUSH_HIGH) !== 0;
    for (const [page, mapped] of this.#mapped) {
      if (asId !== this.#asId || !this.#isCurrent(page, mapped)) this.#unmap(page);
      else if (this.machine.mem_map_shared === undefined && mapped.code === undefined) this.machine.mem_write(page * PAGE, this.#bytes(mapped.linear).slice());
    }
    this.#asId = asId;
    this.#takeFill(tcb);
  }

  /** The kernel's answer to a fault above 4 GiB. */
  #takeFill(tcb: number): void {
    const { u32, u64 } = this.shared;
    const page = Number(u64[(tcb + TCB.off.fillPage) / 8]! >> 12n);
    if (page === 0) return;
    u64[(tcb + TCB.off.fillPage) / 8] = 0n;
    const linear = u32[(tcb + TCB.off.fillFrame) >>> 2]!;
    const permissions = u32[(tcb + TCB.off.fillPerms) >>> 2]!;
    if (this.#mapped.has(page)) this.#unmap(page);
    const code = (permissions & Permission.EXEC) !== 0 ? Buffer.from(this.#bytes(linear)) : undefined;
    this.#add(page, { read: 0, write: 0, exec: 0, linear, permissions, code });
  }

  #add(page: number, mapped: Mapped): void {
    const { linear, permissions } = mapped;
    if (this.machine.mem_map_shared !== undefined) this.machine.mem_map_shared(page * PAGE, linear, permissions);
    else {
      this.machine.mem_map(page * PAGE, PAGE, permissions);
      this.machine.mem_write(page * PAGE, this.#bytes(linear).slice());
    }
    this.#mapped.set(page, mapped);
  }

  /** Copies written pages back, unless the machine wrote to the shared memory. */
  end(): void {
    if (this.machine.mem_map_shared !== undefined) return;
    for (const [page, { linear, permissions }] of this.#mapped) {
      if ((permissions & Permission.WRITE) !== 0) this.shared.u8.set(this.machine.mem_read(page * PAGE, PAGE), linear);
    }
  }

  /** Maps the page unless it is mapped or the tables have nothing of the kind; true: mapped now. */
  map(page: number, wanted: number): boolean {
    const now = this.#lookUp(page);
    if (now === undefined || this.#mapped.has(page) || (now.permissions & wanted) === 0) return false;
    this.#add(page, now);
    return true;
  }

  has(page: number, permission: number): boolean {
    return ((this.#mapped.get(page)?.permissions ?? 0) & permission) !== 0;
  }

  #unmap(page: number): void {
    this.machine.mem_unmap(page * PAGE, PAGE);
    this.#mapped.delete(page);
  }

  #bytes(linear: number): Buffer {
    return Buffer.from(this.shared.u8.buffer as ArrayBuffer, linear, PAGE);
  }

  #entry(table: number, page: number): number {
    return this.shared.u32[(this.shared.u32[(this.#tcb + table) >>> 2]! + page * 4) >>> 2]!;
  }

  #isCurrent(page: number, mapped: Mapped): boolean {
    const { off } = TCB;
    if (page >= PAGES_BELOW_4_GIB) return !this.#flushHigh && (mapped.code === undefined || mapped.code.equals(this.#bytes(mapped.linear)));
    const isSame = this.#entry(off.tableRead, page) === mapped.read && this.#entry(off.tableWrite, page) === mapped.write && this.#entry(off.tableExec, page) === mapped.exec;
    return isSame && (mapped.code === undefined || mapped.code.equals(this.#bytes(mapped.linear)));
  }

  #lookUp(page: number): Mapped | undefined {
    if (page >= PAGES_BELOW_4_GIB) return undefined;
    const { off } = TCB;
    const [read, write, exec] = [this.#entry(off.tableRead, page), this.#entry(off.tableWrite, page), this.#entry(off.tableExec, page)];
    const addend = read || write;
    if (addend === 0 && exec === 0) return undefined;
    const linear = addend === 0 ? (exec & ~1) >>> 0 : (page * PAGE + addend + ADDEND_BIAS) >>> 0;
    const permissions = (read ? Permission.READ : 0) | (write ? Permission.WRITE : 0) | (exec ? Permission.EXEC : 0);
    return { read, write, exec, linear, permissions, code: exec ? Buffer.from(this.#bytes(linear)) : undefined };
  }
}
