/** Number of watches and marks in the whole kernel; the hot paths only look further when it is not 0. */
export const watchCount = { value: 0 };
