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
    let chunk = this._chunk(no);
    if (chunk === undefined) {
      if (entry === 0) return;
      chunk = new Uint32Array(CHUNK_PAGES + 1);
      this._chunks.set(no, chunk);
      this._last = chunk;
    }
    const index = page % CHUNK_PAGES;
    const old = chunk[index]!;
    chunk[index] = entry;
    if (old === 0 && entry !== 0) chunk[LIVE]!++;
    else if (old !== 0 && entry === 0 && --chunk[LIVE]! === 0) this._drop(no);
  }

  /** Calls `visit` for each present page of [firstPage, endPage) in order; it may set that page. */
  forEach(firstPage: number, endPage: number, visit: (page: number, entry: number) => void): void {
    const firstNo = Math.floor(firstPage / CHUNK_PAGES);
    const lastNo = Math.floor((endPage - 1) / CHUNK_PAGES);
    if (lastNo - firstNo >= this._chunks.size) {
      const numbers = [...this._chunks.keys()].filter((no) => no >= firstNo && no <= lastNo).sort((a, b) => a - b);
      for (const no of numbers) this._visitChunk(no, firstPage, endPage, visit);
    } else {
      for (let no = firstNo; no <= lastNo; no++) this._visitChunk(no, firstPage, endPage, visit);
    }
  }

  private _visitChunk(no: number, firstPage: number, endPage: number, visit: (page: number, entry: number) => void): void {
    const chunk = this._chunks.get(no);
    if (chunk === undefined) return;
    const base = no * CHUNK_PAGES;
    const from = Math.max(0, firstPage - base);
    const to = Math.min(CHUNK_PAGES, endPage - base);
    for (let i = from; i < to; i++) {
      const entry = chunk[i]!;
      if (entry !== 0) visit(base + i, entry);
    }
  }

  private _chunk(no: number): Uint32Array | undefined {
    if (no === this._lastNo) return this._last;
    this._lastNo = no;
    return (this._last = this._chunks.get(no));
  }

  private _drop(no: number): void {
    this._chunks.delete(no);
    if (this._lastNo === no) this._last = undefined;
  }
}
