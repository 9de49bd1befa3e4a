import { WINDOW_SLACK_BYTES } from '@troupe/abi/layout/memory-windows.js';
import { TCB } from '@troupe/abi/layout/tcb.js';
import type { LateConstant } from '../ir/node.js';
import type { AddressShape } from './translated-pages.js';

/**
 * What one look finds out about an address is good for those near it: accesses by the same registers whose constants
 * differ by no more than WINDOW_SLACK_BYTES are in the window when the first one is. Where that is not, all of them must be
 * in one page, or in two whose frames lie in order; how much that is is known when all code that may use the run has been built.
 */
export class RunSpan {
  /** Bytes covered, counted from the first address. */
  #low = 0;
  #high: number;
  #isWritten: boolean;

  constructor(bytes: number, forWrite: boolean) {
    this.#high = bytes;
    this.#isWritten = forWrite;
  }

  include(distance: number, bytes: number, forWrite: boolean): void {
    this.#low = Math.min(this.#low, distance);
    this.#high = Math.max(this.#high, distance + bytes);
    this.#isWritten ||= forWrite;
  }

  /** Distance from the first address to the lowest one. */
  readonly low: LateConstant = this.#late(() => this.#low);
  /** Distance to the last byte. */
  readonly last: LateConstant = this.#late(() => this.#high - 1);
  /** Offset in the TCB of the table that maps all of them. */
  readonly table: LateConstant = this.#late(() => (this.#isWritten ? TCB.off.tableWrite : TCB.off.tableRead));

  #late(value: () => number): LateConstant {
    return { get value() { return value(); } };
  }
}

/** Addresses near one that has been looked at. */
export interface WindowRun {
  /** Registers of the address, as in AddressShape; its constant. */
  readonly key: string;
  readonly slots: readonly number[];
  readonly displacement: bigint;
  /** Local, i32: linear address of the first address, less ADDEND_BIAS and WINDOW_SLACK_BYTES. */
  readonly local: number;
  readonly span: RunSpan;
}

/** How far an address is from the run's first; undefined: it is not one of those. */
export function distanceIn(run: WindowRun, { key, displacement }: AddressShape, bytes: number): number | undefined {
  if (run.key !== key) return undefined;
  const distance = Number(displacement - run.displacement);
  return distance >= -WINDOW_SLACK_BYTES && distance + bytes <= WINDOW_SLACK_BYTES ? distance : undefined;
}
