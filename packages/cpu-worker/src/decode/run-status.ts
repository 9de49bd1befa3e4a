/** What the decoder (assembly/decoder) answers to a run, when it is not the number of new ops. */
export const RunStatus = {
  /** Was decoded before. */
  DONE: 0,
  /** An instruction runs into the next page: call again with its code page. */
  NEEDS_NEXT: -1,
  /** The code page has no room: call `placeRun` when it has. */
  NEEDS_ROOM: -2,
  /** An instruction runs into a page that cannot be executed. */
  FETCH_FAULT: -3,
} as const;
