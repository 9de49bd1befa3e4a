/**
 * One address space: mappings, the frames behind them, and their copy in flat tables.
 *
 * Owns:    vmas, pages, counters, the flat tables while it holds them.
 * Borrows: TCB words tableRead tableWrite tableExec asId of its tasks (written by `activate` while the
 *          kernel owns the TCB; by `loseTables` at any time, then a shootdown follows).
 * Order:   withdraw entries → shootdown → drop frames.
 */
import { CoreCommand, FLAT_TABLE_BYTES, LimitSet, PAGE_SIZE, RunState, TCB, type FramePool } from '@troupe/abi';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { Mappable, PageMapper } from '@troupe/vfs';
import { Flat, LOW_PAGES, type FlatTables } from './flat-tables.js';
import { AddressWindows } from './address-windows.js';
import { FaultHistory } from './fault-history.js';
import type { MappedFile } from './mappable.js';
import type { MemorySystem } from './memory-system.js';
import { PageTable, Pte, pteFrame } from './page-table.js';
import { isRunning, shootdown } from './shootdown.js';
import { VmFlag, type Vma } from './vma.js';
import { VmaSet } from './vma-set.js';

/** CPU time for which an address space keeps its flat tables while others want them. */
const TENURE_NS = 1_000_000;

export abstract class AddressSpace implements PageMapper {
  readonly asId: number;
  readonly vmas = new VmaSet();
  readonly pages = new PageTable();
  /** Flat tables, or null while other address spaces use the pool. */
  tables: FlatTables | null = null;
  /** Word index of the read and write tables in use (of the always-empty set when `tables` is null). */
  protected readWord: number;
  protected writeWord: number;
  /** CPU time of the tasks when the tables were acquired. */
  private _tenureStartNs = 0;
  /** TCBs of the tasks that use this address space. */
  readonly tcbs = new Set<number>();
  /** Resource limits of the process that uses it. */
  limits = new LimitSet();

  /** Resident pages: private anonymous, file, shared memory. */
  rssAnonPages = 0;
  rssFilePages = 0;
  maxRssPages = 0;
  readonly history = new FaultHistory();
  readonly windows = new AddressWindows();
  /** Bytes of private writable mappings (RLIMIT_DATA). */
  dataBytes = 0;

  constructor(readonly system: MemorySystem) {
    this.asId = system.register(this);
    this.readWord = system.tables.empty.readWord;
    this.writeWord = system.tables.empty.writeWord;
  }

  get frames(): FramePool {
    return this.system.frames;
  }

  get u32(): Uint32Array {
    return this.system.shared.u32;
  }

  /** A frame for a private page, in its place if that is free; contents undefined; 0 when memory is exhausted. */
  allocFrame(page: number): number {
    const wanted = this.windows.frameOf(page, this.system.arenas);
    return wanted !== 0 && this.frames.claim(wanted) ? wanted : this.frames.allocUnzeroed();
  }

  // Tasks ---------------------------------------------------------------------------------------

  /** A task starts using this address space. */
  attach(tcb: number): void {
    this.tcbs.add(tcb);
  }

  /** A task stops using it; the last one destroys it. */
  detach(tcb: number): void {
    if (!this.tcbs.delete(tcb)) return;
    if (this.tcbs.size === 0) this.destroy();
  }

  /** Writes the words a core needs into the TCB; called before the task becomes runnable. */
  activate(tcb: number): void {
    const tables = this.tables ?? this.system.tables.empty;
    if (this.tables !== null) this.system.tables.touch(this.tables);
    this._writeTcb(tcb, tables.base);
    this.windows.publish(this, tcb);
  }

  private _writeTcb(tcb: number, base: number): void {
    const { u32 } = this.system.shared;
    u32[(tcb + TCB.off.tableRead) >> 2] = base;
    u32[(tcb + TCB.off.tableWrite) >> 2] = base + FLAT_TABLE_BYTES;
    u32[(tcb + TCB.off.tableExec) >> 2] = base + 2 * FLAT_TABLE_BYTES;
    u32[(tcb + TCB.off.asId) >> 2] = this.asId;
  }

  /** Another address space takes the tables. The caller does the shootdown. */
  loseTables(): void {
    this.windows.forget(this);
    this.tables = null;
    const { empty } = this.system.tables;
    this.readWord = empty.readWord;
    this.writeWord = empty.writeWord;
    for (const tcb of this.tcbs) this._writeTcb(tcb, empty.base);
  }

  /**
   * Flat tables may go to another address space when no task here wants to run, or when the tasks
   * had some time on a core with them; otherwise programs could lose them before they get anywhere.
   */
  get mayLoseTables(): boolean {
    const { i32 } = this.system.shared;
    const hadTurn = this._cpuTimeNs() - this._tenureStartNs >= TENURE_NS;
    for (const tcb of this.tcbs) {
      const state = Atomics.load(i32, (tcb + TCB.off.runState) >> 2);
      if (state === RunState.RUNNING) return false;
      if (!hadTurn && (state === RunState.RUNNABLE || state === RunState.TRAPPED)) return false;
    }
    return !this.isRunning;
  }

  private _cpuTimeNs(): number {
    const { u32 } = this.system.shared;
    let sum = 0;
    for (const tcb of this.tcbs) sum += u32[(tcb + TCB.off.cpuTimeNs) >> 2]! + u32[((tcb + TCB.off.cpuTimeNs) >> 2) + 1]! * 2 ** 32;
    return sum;
  }

  /** The flat tables, acquired if need be; null when there are none to be had now. */
  ownTables(): FlatTables | null {
    if (this.tables !== null) return this.tables;
    const tables = this.system.acquireTables(this);
    if (tables === null) return null;
    this._tenureStartNs = this._cpuTimeNs();
    this.windows.forget(this);
    this.tables = tables;
    this.readWord = tables.readWord;
    this.writeWord = tables.writeWord;
    return tables;
  }

  /** Frees everything. No task may use the address space any more. */
  destroy(): void {
    if (this.tables !== null) {
      shootdown(this.system.shared, this.asId);
      this.system.tables.release(this.tables);
      this.loseTables();
    }
    this.pages.clear((entry) => void this.frames.decRef(pteFrame(entry)));
    this.rssAnonPages = this.rssFilePages = 0;
    this.dropVmas(this.vmas.removeRange(0, Number.MAX_SAFE_INTEGER));
    this.windows.release(this.system.arenas);
    this.system.unregister(this);
  }

  // Translations --------------------------------------------------------------------------------

  /** Takes table entries of [start, end) away and waits for the cores where something was lost. */
  withdraw(start: number, end: number, which: number = Flat.ALL): void {
    const firstPage = start / PAGE_SIZE;
    const endPage = end / PAGE_SIZE;
    const high = endPage > LOW_PAGES;
    if ((which & (Flat.READ | Flat.WRITE)) !== 0 && this.tables !== null) this.windows.shrink(this, firstPage, endPage);
    const lost = firstPage < LOW_PAGES && this.tables !== null && this.tables.clear(firstPage, endPage, which);
    if (lost || high) shootdown(this.system.shared, this.asId, high ? CoreCommand.FLUSH_HIGH : 0);
  }

  /** Unmaps the pages of [start, end): entries, then frames. The mappings stay. */
  zap(start: number, end: number): void {
    this.withdraw(start, end);
    this.pages.forEach(start / PAGE_SIZE, end / PAGE_SIZE, (page, entry) => this.dropPage(page, entry));
  }

  /** Forgets a present page and its frame reference. Precondition: no core has a translation of it. */
  dropPage(page: number, entry: number): void {
    if (entry & Pte.ANON) this.rssAnonPages--;
    else this.rssFilePages--;
    this.pages.set(page, 0);
    this.frames.decRef(pteFrame(entry));
  }

  /** Makes a page present. The frame reference passes to the address space. */
  addPage(page: number, frame: number, flags: number): void {
    this.pages.set(page, (frame | flags) >>> 0);
    if (flags & Pte.ANON) this.countPages(1, 0);
    else this.countPages(0, 1);
  }

  /** So many pages more are present. */
  countPages(anonPages: number, filePages: number): void {
    this.rssAnonPages += anonPages;
    this.rssFilePages += filePages;
    const rss = this.rssAnonPages + this.rssFilePages;
    if (rss > this.maxRssPages) this.maxRssPages = rss;
  }

  /** True when other threads of the address space may be running guest code right now. */
  get isRunning(): boolean {
    return isRunning(this.system.shared, this.asId);
  }

  /** Part of MemorySystem.releaseCode: the frame loses its execute entries here. */
  dropExecEntries(frame: number): void {
    if (this.tables === null) return;
    for (const vma of this.vmas) {
      if ((vma.prot & Prot.EXEC) === 0 || vma.start >= LOW_PAGES * PAGE_SIZE) continue;
      this.pages.forEach(vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, (page, entry) => {
        if (pteFrame(entry) === frame && page < LOW_PAGES) this.tables!.clear(page, page + 1, Flat.EXEC);
      });
    }
  }

  /** Part of MemorySystem.noteCode: shared writable mappings of the frame lose their write entries. */
  dropSharedWriteEntries(frame: number, file: MappedFile): void {
    for (const vma of this.vmas) {
      if (vma.file?.pages !== file.pages || !vma.isShared || (vma.prot & Prot.WRITE) === 0) continue;
      this.pages.forEach(vma.start / PAGE_SIZE, vma.end / PAGE_SIZE, (page, entry) => {
        if (pteFrame(entry) === frame) this.withdraw(page * PAGE_SIZE, (page + 1) * PAGE_SIZE, Flat.WRITE);
      });
    }
  }

  // Mappings ------------------------------------------------------------------------------------

  /** Adds a mapping to a free range; takes over one reference on its file. */
  addVma(vma: Vma): Vma {
    vma.file?.pages.mappers.add(this);
    this.countData(vma, 1);
    return this.vmas.insert(vma);
  }

  /** Unmaps [start, end) entirely. */
  removeRange(start: number, end: number): void {
    if (this.vmas.isFree(start, end)) return;
    this.zap(start, end);
    this.dropVmas(this.vmas.removeRange(start, end));
  }

  dropVmas(pieces: readonly Vma[]): void {
    for (const piece of pieces) {
      this.countData(piece, -1);
      if (piece.file === null) continue;
      this._forgetMapper(piece.file);
      piece.file.decRef();
    }
  }

  private _forgetMapper(file: MappedFile): void {
    for (const vma of this.vmas) if (vma.file !== null && vma.file.pages === file.pages) return;
    file.pages.mappers.delete(this);
  }

  countData(vma: Vma, sign: 1 | -1): void {
    if ((vma.flags & (VmFlag.SHARED | VmFlag.GROWSDOWN)) === 0 && (vma.prot & Prot.WRITE) !== 0) this.dataBytes += sign * vma.sizeBytes;
  }

  /** Pages [first, end) of the file are gone (truncate, hole punching); private copies of them go too. */
  unmapPages(file: Mappable, first: number, end: number): void {
    for (const vma of [...this.vmas]) {
      if (vma.file === null || vma.file.pages !== file) continue;
      const base = vma.fileIndex(vma.start);
      const from = Math.max(vma.start, vma.start + (first - base) * PAGE_SIZE);
      const to = Math.min(vma.end, vma.start + (end - base) * PAGE_SIZE);
      if (from < to) this.zap(from, to);
    }
  }
}
