/** What images hold of time: one row per class (packages/state schema.ts). */
import { KEPT, plainClasses, savedClass, type SavedClass } from '@troupe/state';
import { HostTimeSource, ManualTimeSource } from './clock.js';
import { Timekeeper } from './timekeeper.js';
import { Timer } from './timer.js';
import { VirtualTimeSource } from './virtual-time.js';

export const TIME_CLASSES: readonly SavedClass[] = [
  ...plainClasses('time', { Timer }),
  savedClass({ type: HostTimeSource, name: 'time.HostTimeSource', notSaved: { _offsetNs: () => 0n }, afterLoad: (source) => void Object.assign(source, new HostTimeSource()) }),
  savedClass({ type: ManualTimeSource, name: 'time.ManualTimeSource' }),
  savedClass({
    type: VirtualTimeSource, name: 'time.VirtualTimeSource', afterLoad: (source) => source.settle(),
    refuse: (source) => {
      source.advance(0n);
      return null;
    },
  }),
  // Saved while it stands still: resumeUpdates makes the rest from what the source says then.
  savedClass({ type: Timekeeper, name: 'time.Timekeeper', notSaved: { _bootNs: KEPT, monotonicClock: KEPT, realtimeClock: KEPT } }),
];
