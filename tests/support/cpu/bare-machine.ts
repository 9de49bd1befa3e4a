import { createMemory, FramePool, viewMemory, type SharedMemory } from '@troupe/abi';
import { coreBlockAddr, CoreBlock, headerWord } from '@troupe/abi/layout/header.js';
import { ADDEND_BIAS, FLAT_TABLE_BYTES, PAGE_SIZE } from '@troupe/abi/layout/memory-map.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import { createInterpEngineSync, type Engine, type EngineHost } from '@troupe/cpu-worker/interp/engine.js';

/** One core, one task and one address space without a kernel: the test maps pages and looks at traps. */
export class BareMachine {
  readonly shared: SharedMemory;
  readonly frames: FramePool;
  readonly engine: Engine;
  readonly tcb: number;
  readonly #tables: Record<'r' | 'w' | 'x', number>;

  constructor(options: Omit<EngineHost, 'frames'> = {}) {
    const memory = createMemory();
    this.shared = viewMemory(memory);
    this.frames = FramePool.initialise(this.shared, 512 * 1024 * 1024);
    this.engine = createInterpEngineSync(memory, 0, { frames: this.frames, ...options });
    this.tcb = this.frames.alloc();
    this.#tables = { r: this.#table('tableRead'), w: this.#table('tableWrite'), x: this.#table('tableExec') };
    this.shared.u32[(this.tcb + TCB.off.mxcsr) >> 2] = 0x1f80;
    this.shared.u32[(this.tcb + TCB.off.flagsRest) >> 2] = 0x202;
    this.shared.u16[(this.tcb + TCB.off.fcw) >> 1] = 0x37f;
  }

  #table(field: 'tableRead' | 'tableWrite' | 'tableExec'): number {
    const table = this.frames.allocChunk(FLAT_TABLE_BYTES);
    this.shared.u32[(this.tcb + TCB.off[field]) >> 2] = table;
    return table;
  }

  /** Maps a fresh frame (or `frame`) at page address `va` with permissions out of `rwx`. */
  map(va: number, permissions: string, frame = this.frames.alloc()): number {
    const page = va / PAGE_SIZE;
    const entry = (frame - va - ADDEND_BIAS) | 0;
    this.shared.i32[(this.#tables.r >> 2) + page] = permissions.includes('r') ? entry : 0;
    this.shared.i32[(this.#tables.w >> 2) + page] = permissions.includes('w') ? entry : 0;
    this.shared.i32[(this.#tables.x >> 2) + page] = permissions.includes('x') ? frame | 1 : 0;
    Atomics.add(this.shared.i32, headerWord('execVersion'), 1);
    return frame;
  }

  /** Answers a fault above 4 GiB, as the kernel does. */
  fillHigh(va: bigint, frame: number, permissions: number): void {
    this.shared.u64[(this.tcb + TCB.off.fillPage) / 8] = va & ~0xfffn;
    this.shared.u32[(this.tcb + TCB.off.fillFrame) >> 2] = frame;
    this.shared.u32[(this.tcb + TCB.off.fillPerms) >> 2] = permissions;
  }

  /** Writes bytes into frame memory. */
  poke(frame: number, offset: number, bytes: readonly number[]): void {
    this.shared.u8.set(bytes, frame + offset);
  }

  gpr(number: number): bigint {
    return this.shared.u64[(this.tcb + TCB.off.gpr) / 8 + number]!;
  }

  setGpr(number: number, value: bigint | number): void {
    this.shared.u64[(this.tcb + TCB.off.gpr) / 8 + number] = BigInt.asUintN(64, BigInt(value));
  }

  get rip(): bigint {
    return this.shared.u64[(this.tcb + TCB.off.rip) / 8]!;
  }

  set rip(value: bigint | number) {
    this.shared.u64[(this.tcb + TCB.off.rip) / 8] = BigInt(value);
  }

  field(name: 'trapVector' | 'trapErrorCode' | 'trapLenBytes'): number {
    return this.shared.u32[(this.tcb + TCB.off[name]) >> 2]!;
  }

  get trapAddr(): bigint {
    return this.shared.u64[(this.tcb + TCB.off.trapAddr) / 8]!;
  }

  get instructions(): bigint {
    return this.shared.u64[(this.tcb + TCB.off.instructions) / 8]!;
  }

  /** Sets a bit of the core's command word, as another thread would. */
  command(bit: number): void {
    Atomics.or(this.shared.i32, (coreBlockAddr(0) + CoreBlock.off.command) >> 2, bit);
  }

  /** Runs to a trap. */
  run(budgetBranches = 1_000_000): number {
    return this.engine.run(this.tcb, budgetBranches);
  }
}
