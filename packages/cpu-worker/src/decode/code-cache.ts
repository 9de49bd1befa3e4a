import { CODE_PAGE, CODE_PAGE_BYTES, CODE_PAGE_OPS, OP_BYTES } from '../interp/op-record.js';
import { coreBlockAddr, CoreBlock, headerWord } from '@troupe/abi/layout/header.js';
import { MAX_CORES, MAX_FRAMES } from '@troupe/abi/layout/memory-map.js';
import type { FramePool } from '@troupe/abi/shared/frames.js';
import type { SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { lockWord, unlockWord } from '@troupe/abi/shared/spin-lock.js';

/**
 * Decoded code, shared by all cores and keyed by frame.
 *
 *   Owns:    KernelHeader.codeMap (u32 per frame: address of its code page), the code pages;
 *            KernelHeader.execVersion (with the flat tables)
 *   Borrows: CoreBlock.epoch, inGuest (read), to know when a retired page is out of use
 *   Order:   a code page's words change under its own lock; an index entry is stored after the ops it
 *            names; the map changes under codeLock.
 *
 * An exec-table entry for a page is 0 (not executable: #PF), `frame | 1` (executable, not decoded
 * yet) or the address of the frame's code page. The kernel writes 0 and `frame | 1`; cores replace
 * `frame | 1` by CAS.
 */
export const CODE_CHUNK_BYTES = 16384;

const CODE_LOCK = headerWord('codeLock');
const CODE_MAP = headerWord('codeMap');
const GENERATION = headerWord('codeEpoch');
const EXEC_VERSION = headerWord('execVersion');

interface Retired {
  readonly page: number;
  /** Epoch of each core that was in guest code then. */
  readonly epochs: Map<number, number>;
}

export class CodeCache {
  readonly #retired: Retired[] = [];
  /** Code pages made by this thread. */
  created = 0;

  constructor(
    readonly shared: SharedMemory,
    readonly frames: FramePool,
  ) {}

  #mapWord(frame: number): number {
    const { i32 } = this.shared;
    let map = Atomics.load(i32, CODE_MAP);
    if (map === 0) {
      lockWord(i32, CODE_LOCK);
      map = Atomics.load(i32, CODE_MAP);
      if (map === 0) {
        map = this.frames.allocChunk(MAX_FRAMES * 4) | 0;
        Atomics.store(i32, CODE_MAP, map);
      }
      unlockWord(i32, CODE_LOCK);
    }
    return (map >>> 2) + (frame >>> 12);
  }

  /** Code page of a frame, made when there is none; 0 = out of memory. */
  pageOf(frame: number): number {
    const { i32 } = this.shared;
    const word = this.#mapWord(frame);
    let page = Atomics.load(i32, word) >>> 0;
    if (page !== 0) return page;
    lockWord(i32, CODE_LOCK);
    page = Atomics.load(i32, word) >>> 0;
    if (page === 0) {
      page = this.#create(frame);
      Atomics.store(i32, word, page | 0);
    }
    unlockWord(i32, CODE_LOCK);
    return page;
  }

  #create(frame: number): number {
    const page = this.frames.allocChunk(CODE_PAGE_BYTES, true);
    if (page === 0) return 0;
    this.created++;
    const { u32 } = this.shared;
    const at = page >>> 2;
    u32[at + CODE_PAGE.frame / 4] = frame;
    u32[at + CODE_PAGE.generation / 4] = Atomics.add(this.shared.i32, GENERATION, 1) + 1;
    u32[at + CODE_PAGE.cursor / 4] = page + CODE_PAGE_OPS;
    u32[at + CODE_PAGE.limit / 4] = page + CODE_PAGE_BYTES;
    return page;
  }

  lock(page: number): void {
    lockWord(this.shared.i32, (page + CODE_PAGE.lock) >>> 2);
  }

  unlock(page: number): void {
    unlockWord(this.shared.i32, (page + CODE_PAGE.lock) >>> 2);
  }

  /** Room for further ops; false = out of memory. Precondition: page locked. */
  addRoom(page: number): boolean {
    const { u32 } = this.shared;
    const at = page >>> 2;
    const chunk = this.frames.allocChunk(CODE_CHUNK_BYTES);
    if (chunk === 0) return false;
    u32[chunk >>> 2] = u32[at + CODE_PAGE.chunk / 4]!;
    u32[at + CODE_PAGE.chunk / 4] = chunk;
    u32[at + CODE_PAGE.cursor / 4] = chunk + OP_BYTES;
    u32[at + CODE_PAGE.limit / 4] = chunk + CODE_CHUNK_BYTES;
    return true;
  }

  /** True when the frame has decoded code: then no address space may have a write entry for it. */
  hasCode(frame: number): boolean {
    return Atomics.load(this.shared.i32, CODE_MAP) !== 0 && Atomics.load(this.shared.i32, this.#mapWord(frame)) !== 0;
  }

  /**
   * Drops the decoded code of a frame whose bytes change or that is freed.
   * Preconditions: no exec entry refers to its code page any more. Cores may still run its ops
   * until their next safepoint; its memory is reused after that.
   */
  invalidateFrame(frame: number): void {
    const { i32 } = this.shared;
    if (Atomics.load(i32, CODE_MAP) === 0) return;
    const page = Atomics.exchange(i32, this.#mapWord(frame), 0) >>> 0;
    if (page === 0) return;
    Atomics.store(i32, (page + CODE_PAGE.generation) >>> 2, 0);
    Atomics.add(i32, EXEC_VERSION, 1);
    this.#retired.push({ page, epochs: this.#coresInGuest() });
    this.reclaim();
  }

  #coresInGuest(): Map<number, number> {
    const epochs = new Map<number, number>();
    for (let core = 0; core < MAX_CORES; core++) {
      const at = coreBlockAddr(core) >>> 2;
      if (Atomics.load(this.shared.i32, at + CoreBlock.off.inGuest / 4) !== 0) epochs.set(core, Atomics.load(this.shared.i32, at + CoreBlock.off.epoch / 4));
    }
    return epochs;
  }

  /** Frees retired pages that no core can be in. */
  reclaim(): void {
    for (let i = this.#retired.length - 1; i >= 0; i--) {
      const { page, epochs } = this.#retired[i]!;
      for (const [core, epoch] of epochs) {
        const at = coreBlockAddr(core) >>> 2;
        const left = Atomics.load(this.shared.i32, at + CoreBlock.off.inGuest / 4) === 0 || Atomics.load(this.shared.i32, at + CoreBlock.off.epoch / 4) !== epoch;
        if (left) epochs.delete(core);
      }
      if (epochs.size > 0) continue;
      this.#retired.splice(i, 1);
      this.#free(page);
    }
  }

  #free(page: number): void {
    const { u32 } = this.shared;
    let chunk = u32[(page + CODE_PAGE.chunk) >>> 2]!;
    while (chunk !== 0) {
      const next = u32[chunk >>> 2]!;
      this.frames.freeChunk(chunk, CODE_CHUNK_BYTES);
      chunk = next;
    }
    this.frames.freeChunk(page, CODE_PAGE_BYTES);
  }
}
