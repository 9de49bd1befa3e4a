/**
 * Ranks of the actors: while one handles a message it may ask only actors of a lower rank. This takes
 * the place of the lock order of kernel.go (extMu, timerMu, Timer.mu, TaskSet.mu, SignalHandlers.mu,
 * Task.mu). An actor that needs something of an equal or higher rank sends a message, which is
 * handled after the current one.
 */
export const ActorRank = {
  Kernel: 50,
  Timers: 40,
  TaskSet: 30,
  Signals: 20,
  Tasks: 10,
} as const;

export type ActorName = keyof typeof ActorRank;
