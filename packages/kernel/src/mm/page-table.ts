/**
 * The truth about which frame stands behind a guest page. The flat tables that cores read are a
 * cache of this (see flat-tables.ts).
 *
 * An entry is `frame | Pte flags`; 0 = not present. Chunks of 1024 entries, allocated on demand.
 */
export const Pte = {
  /** May be written as it is, if the mapping allows writing. Otherwise a write faults first (copy-on-write, dirty tracking). */
  WRITABLE: 1,
  /** Private anonymous memory (also: private copy of a file page). */
  ANON: 2,
  FRAME_MASK: 0xffff_f000,
} as const;

const CHUNK_PAGES = 1024;
/** Chunks of address spaces that are gone, all zero, for new ones: V8 makes and frees large arrays slowly. */
const spareChunks: Uint32Array[] = [];
const MAX_SPARE_CHUNKS = 512;
/** Extra slot of each chunk: number of present entries. */
const LIVE = CHUNK_PAGES;

export function pteFrame(entry: number): number {
  return (entry & Pte.FRAME_MASK) >>> 0;
}

export class PageTable {
  private readonly _chunks = new Map<number, Uint32Array>();
  private _lastNo = -1;
  private _last: Uint32Array | undefined;

  get(page: number): number {
    const chunk = this._chunk(Math.floor(page / CHUNK_PAGES));
    return chunk === undefined ? 0 : chunk[page % CHUNK_PAGES]!;
  }

  set(page: number, entry: number): void {
    const no = Math.floor(page / CHUNK_PAGES);
    const chunk = this._chunk(no) ?? (entry === 0 ? undefined : this._make(no));
    if (chunk === undefined) return;
    const index = page % CHUNK_PAGES;
    const old = chunk[index]!;
    chunk[index] = entry;
    if (old === 0 && entry !== 0) chunk[LIVE]!++;
    else if (old !== 0 && entry === 0 && --chunk[LIVE]! === 0) this._drop(no);
  }

  /** Calls `visit` for each present page of [firstPage, endPage) in order; it may set that page. */
  forEach(firstPage: number, endPage: number, visit: (page: number, entry: number) => void): void {
    this._forEachChunk(firstPage, endPage, (chunk, base, from, to) => {
      for (let i = from; i < to; i++) {
        const entry = chunk[i]!;
        if (entry !== 0) visit(base + i, entry);
      }
    });
  }

  /**
   * Copies the present entries of [firstPage, endPage) to `other`, which has none of these pages; in both tables they may
   * not be written as they are. `visit` gets each.
   */
  shareWith(other: PageTable, firstPage: number, endPage: number, visit: (entry: number) => void): void {
    this._forEachChunk(firstPage, endPage, (chunk, base, from, to) => {
      let target: Uint32Array | undefined;
      for (let i = from; i < to; i++) {
        const entry = chunk[i]!;
        if (entry === 0) continue;
        const shared = (entry & ~Pte.WRITABLE) >>> 0;
        target ??= other._chunk(base / CHUNK_PAGES) ?? other._make(base / CHUNK_PAGES);
        chunk[i] = target[i] = shared;
        target[LIVE]!++;
        visit(shared);
      }
    });
  }

  /** Forgets all pages; `visit` gets the entry of each. */
  clear(visit: (entry: number) => void): void {
    for (const chunk of this._chunks.values()) {
      for (let i = 0; i < CHUNK_PAGES; i++) if (chunk[i] !== 0) visit(chunk[i]!);
      if (spareChunks.length < MAX_SPARE_CHUNKS) spareChunks.push(chunk.fill(0));
    }
    this._chunks.clear();
    this._last = undefined;
  }

  private _forEachChunk(firstPage: number, endPage: number, visit: (chunk: Uint32Array, base: number, from: number, to: number) => void): void {
    const firstNo = Math.floor(firstPage / CHUNK_PAGES);
    const lastNo = Math.floor((endPage - 1) / CHUNK_PAGES);
    const visitNo = (no: number): void => {
      const chunk = this._chunks.get(no);
      const base = no * CHUNK_PAGES;
      if (chunk !== undefined) visit(chunk, base, Math.max(0, firstPage - base), Math.min(CHUNK_PAGES, endPage - base));
    };
    if (lastNo - firstNo >= this._chunks.size) [...this._chunks.keys()].filter((no) => no >= firstNo && no <= lastNo).sort((a, b) => a - b).forEach(visitNo);
    else for (let no = firstNo; no <= lastNo; no++) visitNo(no);
  }

  private _chunk(no: number): Uint32Array | undefined {
    if (no === this._lastNo) return this._last;
    this._lastNo = no;
    return (this._last = this._chunks.get(no));
  }

  private _make(no: number): Uint32Array {
    const chunk = spareChunks.pop() ?? new Uint32Array(CHUNK_PAGES + 1);
    this._chunks.set(no, chunk);
    this._lastNo = no;
    return (this._last = chunk);
  }

  private _drop(no: number): void {
    this._chunks.delete(no);
    if (this._lastNo === no) this._last = undefined;
  }
}
