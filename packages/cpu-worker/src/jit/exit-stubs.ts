import type { Label } from '../ir/node.js';
import type { SlotSet } from './slots.js';

/** Common ends of a region: store the dirty slots, set rip from the local `pc`, return. */
export interface ExitStub {
  readonly label: Label;
  /** RegionExit value. */
  readonly exit: number;
  readonly dirty: SlotSet;
}

/**
 * The stubs of a region, one for each exit and set of dirty slots. Their blocks are put around the
 * whole body once that is complete, the first one innermost, so that depths are known at once.
 */
export class ExitStubs {
  readonly stubs: ExitStub[] = [];
  readonly #byKey = new Map<string, ExitStub>();
  readonly #depth = new Map<Label, number>();

  label(exit: number, dirty: SlotSet): Label {
    const key = `${exit} ${dirty.low} ${dirty.high}`;
    let stub = this.#byKey.get(key);
    if (!stub) {
      stub = { label: { name: `exit ${this.stubs.length}` }, exit, dirty };
      this.#depth.set(stub.label, this.stubs.length);
      this.#byKey.set(key, stub);
      this.stubs.push(stub);
    }
    return stub.label;
  }

  depth(label: Label): number | undefined {
    return this.#depth.get(label);
  }
}
