export * from './clock.js';
export * from './setting.js';
export * from './timekeeper.js';
export * from './timer.js';
export * from './timer-queue.js';
export * from './virtual-time.js';
