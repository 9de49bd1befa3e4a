/** State of the sequential-fault detection of an address space. */
export class FaultHistory {
  /** The page that a sequential next fault would hit, upwards and downwards. */
  nextUp = -1;
  nextDown = -1;
  batchPages = 1;
}
