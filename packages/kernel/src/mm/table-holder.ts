/**
 * An address space as the owner of a set of flat tables: gets one, tells its tasks, loses it.
 *
 * Owns:    `tables`.
 * Borrows: TCB words tableRead tableWrite tableExec freshMap asId of its tasks (written by `activate` while the
 *          kernel owns the TCB; by `loseTables` at any time, then a shootdown follows).
 */
import { FLAT_SET, RunState, TCB } from '@troupe/abi';
import type { FlatTables } from './flat-tables.js';
import type { MemorySystem } from './memory-system.js';
import { isRunning } from './shootdown.js';

/** CPU time for which an address space keeps its flat tables while others want them. */
const TENURE_NS = 1_000_000;

export abstract class TableHolder {
  readonly asId: number;
  /** Flat tables, or null while other address spaces use the pool. */
  tables: FlatTables | null = null;
  /** Word index of the read and write tables in use (of the always-empty set when `tables` is null). */
  protected readWord: number;
  protected writeWord: number;
  /** CPU time of the tasks when the tables were acquired. */
  private _tenureStartNs = 0;
  /** TCBs of the tasks that use this address space. */
  readonly tcbs = new Set<number>();

  constructor(readonly system: MemorySystem) {
    this.asId = system.nextAsId();
    this.readWord = system.tables.empty.readWord;
    this.writeWord = system.tables.empty.writeWord;
  }

  /** A task starts using this address space. */
  attach(tcb: number): void {
    this.tcbs.add(tcb);
  }

  /** Writes the words a core needs into the TCB; called before the task becomes runnable. */
  activate(tcb: number): void {
    const tables = this.tables ?? this.system.tables.empty;
    if (this.tables !== null) this.system.tables.touch(this.tables);
    this._writeTcb(tcb, tables.base);
  }

  private _writeTcb(tcb: number, base: number): void {
    const { u32 } = this.system.shared;
    u32[(tcb + TCB.off.tableRead) >> 2] = base + FLAT_SET.read;
    u32[(tcb + TCB.off.tableWrite) >> 2] = base + FLAT_SET.write;
    u32[(tcb + TCB.off.tableExec) >> 2] = base + FLAT_SET.exec;
    u32[(tcb + TCB.off.freshMap) >> 2] = base + FLAT_SET.fresh;
    u32[(tcb + TCB.off.asId) >> 2] = this.asId;
  }

  /** From now on tasks find empty tables. The caller does the shootdown. */
  loseTables(): void {
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
    const tables = this.system.acquireTables(this.asId);
    if (tables === null) return null;
    this._tenureStartNs = this._cpuTimeNs();
    this.tables = tables;
    this.readWord = tables.readWord;
    this.writeWord = tables.writeWord;
    return tables;
  }

  /** True when other threads of the address space may be running guest code right now. */
  get isRunning(): boolean {
    return isRunning(this.system.shared, this.asId);
  }
}
