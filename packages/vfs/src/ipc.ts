/** Descriptors that wait and talk: everything the kernel needs of pipes, locks, epoll, sockets and terminals. */
export * from './eventfd.js';
export * from './epoll/epoll.js';
export * from './lock/flock.js';
export * from './lock/inode-locks.js';
export * from './lock/range-locks.js';
export * from './pipe/pipe.js';
export * from './pipe/pipe-file.js';
export * from './signalfd.js';
export * from './timerfd.js';
