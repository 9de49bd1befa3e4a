/**
 * One address space: mappings, the frames behind them, and their copy in flat tables.
 *
 * Owns:    vmas, pages, counters, the flat tables while it holds them (TableHolder).
 * Borrows: pages that cores fill, and the break that they move, while it lets them (FreshPages, HeapReserve).
 * Order:   revoke what cores may fill → withdraw entries → shootdown → drop frames.
 */
import { BLOCK_PAGES, CoreCommand, LimitSet, LOW_PAGES, PAGE_SIZE, type FramePool } from '@troupe/abi';
import { Rlimit } from '@troupe/abi/linux/limits.js';
import { Prot } from '@troupe/abi/linux/mman.js';
import type { Mappable, PageMapper } from '@troupe/vfs';
import { Flat, type FlatTables } from './flat-tables.js';
import { AddressWindows } from './address-windows.js';
import { FaultHistory } from './fault-history.js';
import { heapVma, pageUp } from './heap.js';
import { HotPages } from './hot-pages.js';
import type { MappedFile } from './mappable.js';
import type { MemorySystem } from './memory-system.js';
import { PageTable, Pte, pteFrame } from './page-table.js';
import { shootdown } from './shootdown.js';
import { ProgramBreak } from './program-break.js';
import { TableHolder } from './table-holder.js';
import { VmFlag, type Vma } from './vma.js';
import { VmaSet } from './vma-set.js';

export abstract class AddressSpace extends TableHolder implements PageMapper {
  private readonly _vmas = new VmaSet();
  /** Cores may be moving `end` upwards: see `vmas`. */
  readonly brk = new ProgramBreak();
  readonly pages = new PageTable();
  /** Resource limits of the process that uses it. */
  limits = new LimitSet();

  /** Resident pages that the page table knows: private anonymous, file, shared memory. */
  rssAnonPages = 0;
  rssFilePages = 0;
  maxRssPages = 0;
  readonly history = new FaultHistory();
  readonly hotPages = new HotPages();
  readonly windows = new AddressWindows();
  /** Bytes of private writable mappings (RLIMIT_DATA). */
  dataBytes = 0;

  constructor(system: MemorySystem) {
    super(system);
    system.register(this);
  }

  /** The mappings, the heap as cores have grown it until now. */
  get vmas(): VmaSet {
    if (this.tables !== null) this._followBreak(this.tables.reserve.end);
    return this._vmas;
  }

  private _followBreak(end: number): void {
    if (end <= this.brk.end) return;
    const [from, to] = [pageUp(this.brk.end), pageUp(end)];
    this.brk.end = end;
    if (from < to) this.addVma(heapVma(from, to));
  }

  /** Cores move the break from now on, up to `top`. Precondition: nothing is mapped there, and the limits allow it. */
  giveReserve(top: number): void {
    const tables = this.ownTables();
    const first = pageUp(this.brk.end) / PAGE_SIZE;
    if (tables === null || top >= LOW_PAGES * PAGE_SIZE || first >= top / PAGE_SIZE) return;
    tables.reserve.give(this.brk.end, top);
    shootdown(this.system.shared, this.asId);
    this.grant(tables, first, top / PAGE_SIZE);
  }

  /** Cores may fill pages [first, end), as FlatTables.grant. */
  grant(tables: FlatTables, first: number, end: number): void {
    for (let block = Math.floor(first / BLOCK_PAGES); block * BLOCK_PAGES < end; block++) tables.placeBlock(block, this.windows.baseOf(block, this.system.arenas));
    tables.grant(first, end);
  }

  /** A mapping there would be in the way of cores that move the break, or anywhere, because memory is limited. */
  isInWayOfBreak(start: number, end: number): boolean {
    const reserve = this.tables?.reserve;
    if (reserve === undefined || reserve.end === 0) return false;
    const isLimited = this.limits.soft(Rlimit.AS) !== Infinity || this.limits.soft(Rlimit.DATA) !== Infinity;
    return isLimited || (start < reserve.top && end > this.brk.start);
  }

  /** Only the kernel moves the break from now on. Must precede whatever maps memory there, or limits it. */
  dropReserve(): void {
    const { tables } = this;
    if (tables === null || tables.reserve.end === 0) return;
    const top = tables.reserve.freeze();
    this._followBreak(tables.reserve.end);
    this.revoke(pageUp(this.brk.end) / PAGE_SIZE, top / PAGE_SIZE);
    tables.reserve.clear();
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

  override attach(tcb: number): void {
    super.attach(tcb);
    this.windows.reset(this.u32, tcb);
  }

  override activate(tcb: number): void {
    super.activate(tcb);
    this.windows.publish(this, tcb);
  }

  override ownTables(): FlatTables | null {
    const had = this.tables;
    const tables = super.ownTables();
    if (had === null && tables !== null) this.windows.forget(this);
    return tables;
  }

  override loseTables(): void {
    this.windows.forget(this);
    super.loseTables();
  }

  /** A task stops using it; the last one destroys it. */
  detach(tcb: number): void {
    if (!this.tcbs.delete(tcb)) return;
    if (this.tcbs.size === 0) this.destroy();
  }

  /** Another address space takes the tables: afterwards no core uses them, and the page table knows everything. */
  giveUpTables(): void {
    const { tables } = this;
    this.dropReserve();
    tables?.beginWithdraw();
    this.loseTables();
    shootdown(this.system.shared, this.asId);
    tables?.endWithdraw();
    if (tables !== null) this._takeFilled(tables, 0, LOW_PAGES);
  }

  /** Frees everything. No task may use the address space any more. */
  destroy(): void {
    if (this.tables !== null) {
      const { tables } = this;
      this.dropReserve();
      const unsettled = this._takeUnsettled(0, LOW_PAGES);
      this.giveUpTables();
      this.frames.freeAll(unsettled);
      this.system.tables.release(tables);
    }
    this.pages.clear((entry) => void this.frames.decRef(pteFrame(entry)));
    this.rssAnonPages = this.rssFilePages = 0;
    this.dropVmas(this.vmas.removeRange(0, Number.MAX_SAFE_INTEGER));
    this.windows.release(this.system.arenas);
    this.system.unregister(this);
  }

  // Translations --------------------------------------------------------------------------------

  /**
   * Only the kernel fills pages [firstPage, endPage) from now on, and the page table knows those that cores have filled.
   * Must precede every look at the page table on which a change of these pages depends.
   */
  revoke(firstPage: number, endPage: number): void {
    if (this.tables !== null && firstPage < LOW_PAGES) this._takeFilled(this.tables, firstPage, Math.min(endPage, LOW_PAGES));
  }

  private _takeFilled(tables: FlatTables, firstPage: number, endPage: number): void {
    tables.fresh.revoke(this.asId, firstPage, endPage, (page, frame) => this.addPage(page, frame, Pte.ANON | Pte.WRITABLE));
  }

  /** Page table and mappings know everything. */
  settleAll(): void {
    this.dropReserve();
    this.revoke(0, LOW_PAGES);
  }

  /** The page table knows the pages that cores have filled; they may fill more. For those that only look. */
  settle(): void {
    this.tables?.fresh.settle((page, frame) => this.addPage(page, frame, Pte.ANON | Pte.WRITABLE));
  }

  /** Takes table entries of [start, end) away and waits for the cores where something was lost. */
  withdraw(start: number, end: number, which: number = Flat.ALL): void {
    const firstPage = start / PAGE_SIZE;
    const endPage = end / PAGE_SIZE;
    const high = endPage > LOW_PAGES;
    this.revoke(firstPage, endPage);
    const { tables } = this;
    tables?.beginWithdraw();
    if ((which & (Flat.READ | Flat.WRITE)) !== 0) this.windows.shrink(this, firstPage, endPage);
    const lost = firstPage < LOW_PAGES && tables !== null && tables.clear(firstPage, endPage, which);
    if (lost || high) shootdown(this.system.shared, this.asId, high ? CoreCommand.FLUSH_HIGH : 0);
    tables?.endWithdraw();
  }

  /** Unmaps the pages of [start, end): entries, then frames. The mappings stay. */
  zap(start: number, end: number): void {
    const unsettled = this._takeUnsettled(start / PAGE_SIZE, end / PAGE_SIZE);
    this.withdraw(start, end);
    this.pages.forEach(start / PAGE_SIZE, end / PAGE_SIZE, (page, entry) => this.dropPage(page, entry));
    this.frames.freeAll(unsettled);
  }

  /** Frames that cores have put into the pages and the page table does not know, so that nobody else has them; from then on nobody does. Part of zap. */
  private _takeUnsettled(firstPage: number, endPage: number): number[] {
    const frames: number[] = [];
    if (this.tables === null || firstPage >= LOW_PAGES) return frames;
    this.maxRssPages = this.peakRssPages;
    this.tables.fresh.revoke(this.asId, firstPage, Math.min(endPage, LOW_PAGES), (_page, frame) => frames.push(frame));
    return frames;
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
    this.maxRssPages = this.peakRssPages;
  }

  get rssPages(): number {
    return this.rssAnonPages + this.rssFilePages + (this.tables?.fresh.unsettledPages ?? 0);
  }

  get peakRssPages(): number {
    return Math.max(this.maxRssPages, this.rssPages);
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
    return this._vmas.insert(vma);
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
