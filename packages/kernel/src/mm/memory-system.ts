/**
 * What all address spaces of one kernel share: frames, flat tables, the zero frame, and the
 * knowledge which frames hold code that may have been decoded.
 *
 * Owns:   the flat table pool, the list of address spaces, the watched-frame bits of code.
 * Order:  a frame with an execute entry anywhere has no write entry anywhere. `releaseCode` takes the
 *         execute entries away (and waits for the cores) before a write entry may be made.
 */
import { fenceAllCores } from './shootdown.js';
import { FlatTablePool, type FlatTables } from './flat-tables.js';
import { FrameArenas } from './frame-arenas.js';
import { FrameBits } from './frame-bits.js';
import type { FramePool, SharedMemory } from '@troupe/abi';
import { CoreCommand, PAGE_SIZE } from '@troupe/abi';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { AddressSpace } from './address-space.js';
import type { VdsoPages } from '../elf/vdso-mapping.js';
import type { MappedFile } from './mappable.js';

export interface MemorySystemOptions {
  /** Flat table sets; more than cores. */
  readonly maxTableSets?: number;
  /** Bytes that private mappings may ask for at most (obvious overcommits are refused). */
  readonly limitBytes?: number;
  /** A frame of zeros that exists already (memory that came with an image). */
  readonly zeroFrame?: number;
}

export class MemorySystem {
  readonly shared: SharedMemory;
  readonly tables: FlatTablePool;
  readonly arenas: FrameArenas;
  readonly spaces = new Map<number, AddressSpace>();
  readonly limitBytes: number;
  /** A frame of zeros, mapped read-only where private anonymous memory was only read. */
  readonly zeroFrame: number;
  /** Frames that have or had an execute entry: their decoded code must go before they are written or freed. */
  readonly codeFrames = new FrameBits();
  /** Pages of the vDSO, once there are some; owned by elf/vdso-mapping.ts. */
  vdso: VdsoPages | null = null;
  private readonly _codeCache: CodeCache;
  /** Drops decoded code of a frame; replaceable for tests. */
  onCodeWrite: (frame: number) => void = (frame) => this._codeCache.invalidateFrame(frame);
  /** A fault could not give its address space flat tables: the task will fault again. */
  onTablesDenied: () => void = () => undefined;
  private _nextAsId = 1;

  constructor(readonly frames: FramePool, options: MemorySystemOptions = {}) {
    this.shared = frames.shared;
    this.arenas = new FrameArenas(frames);
    this._codeCache = new CodeCache(frames.shared, frames);
    this.limitBytes = options.limitBytes ?? frames.limitFrames * PAGE_SIZE;
    this.tables = new FlatTablePool(frames, options.maxTableSets ?? 48);
    this.zeroFrame = options.zeroFrame ?? frames.alloc();
    frames.onFree = (frame) => this._onFrameFreed(frame);
    frames.onWrite = (frame) => this.releaseCode(frame);
  }

  nextAsId(): number {
    return this._nextAsId++;
  }

  register(space: AddressSpace): void {
    this.spaces.set(space.asId, space);
  }

  unregister(space: AddressSpace): void {
    this.spaces.delete(space.asId);
  }

  /**
   * Gives the space an empty set of flat tables, taking it from another one if need be. Null when
   * every set belongs to a space that wants to run and has not had its turn yet: the caller's tasks
   * then fault again when they come round in the run queue, after those.
   */
  acquireTables(asId: number): FlatTables | null {
    const tables = this.tables.acquire((candidate) => this.spaces.get(candidate.ownerAsId)?.mayLoseTables ?? true);
    if (tables === null) return null;
    if (tables.ownerAsId !== 0) this._takeFrom(tables);
    tables.ownerAsId = asId;
    this.tables.touch(tables);
    return tables;
  }

  private _takeFrom(tables: FlatTables): void {
    this.spaces.get(tables.ownerAsId)?.giveUpTables();
    tables.reset();
  }

  /**
   * Makes sure no decoded code of the frame is in use any more: execute entries go everywhere, cores
   * leave the code, the code cache forgets it. Afterwards the frame may be written.
   */
  releaseCode(frame: number): void {
    if (!this.codeFrames.has(frame)) return;
    this.dropExecEntries(frame);
    this.forgetCode(frame);
  }

  /** First half of releaseCode. */
  dropExecEntries(frame: number): void {
    for (const space of this.spaces.values()) space.dropExecEntries(frame);
  }

  /** Second half of releaseCode. Precondition: no flat table has an execute entry of the frame. */
  forgetCode(frame: number): void {
    this.codeFrames.delete(frame);
    fenceAllCores(this.shared, CoreCommand.FLUSH_HIGH);
    this.onCodeWrite(frame);
  }

  /**
   * The frame gets an execute entry: takes write entries away. Private frames have none elsewhere;
   * `file` names the object that others may have mapped for writing.
   */
  noteCode(frame: number, file: MappedFile | null): void {
    if (this.codeFrames.has(frame)) return;
    this.codeFrames.add(frame);
    if (file === null) return;
    for (const mapper of file.pages.mappers) if (mapper instanceof AddressSpace) mapper.dropSharedWriteEntries(frame, file);
  }

  private _onFrameFreed(frame: number): void {
    if (!this.codeFrames.has(frame)) return;
    this.codeFrames.delete(frame);
    this.onCodeWrite(frame);
  }
}
