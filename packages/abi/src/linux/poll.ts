/** Readiness masks (poll(2), epoll_ctl(2)); POLL* and EPOLL* share their values. */
export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLNVAL = 0x020;
export const EPOLLRDNORM = 0x040;
export const EPOLLRDBAND = 0x080;
export const EPOLLWRNORM = 0x100;
export const EPOLLWRBAND = 0x200;
export const EPOLLMSG = 0x400;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLLWAKEUP = 1 << 29;
export const EPOLLONESHOT = 1 << 30;
export const EPOLLET = 1 << 31;

export const POLLIN = EPOLLIN;
export const POLLPRI = EPOLLPRI;
export const POLLOUT = EPOLLOUT;
export const POLLERR = EPOLLERR;
export const POLLHUP = EPOLLHUP;
export const POLLNVAL = EPOLLNVAL;
export const POLLRDNORM = EPOLLRDNORM;
export const POLLRDBAND = EPOLLRDBAND;
export const POLLWRNORM = EPOLLWRNORM;
export const POLLWRBAND = EPOLLWRBAND;
export const POLLRDHUP = EPOLLRDHUP;

/** Ready to read and write without waiting: regular files and directories. */
export const ALWAYS_READY = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
