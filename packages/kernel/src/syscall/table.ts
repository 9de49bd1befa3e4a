/** All system call rows. */
import type { SyscallRow } from './row.js';
import { rows as aio } from './rows/aio.js';
import { rows as creds } from './rows/creds.js';
import { rows as descriptor } from './rows/descriptor.js';
import { rows as epoll } from './rows/epoll.js';
import { rows as eventfd } from './rows/eventfd.js';
import { rows as exec } from './rows/exec.js';
import { rows as fileAttribute } from './rows/file-attribute.js';
import { rows as fileDirectory } from './rows/file-directory.js';
import { rows as fileIo } from './rows/file-io.js';
import { rows as fileMount } from './rows/file-mount.js';
import { rows as fileName } from './rows/file-name.js';
import { rows as fileHandle } from './rows/file-handle.js';
import { rows as fileOpen } from './rows/file-open.js';
import { rows as fileStat } from './rows/file-stat.js';
import { rows as fileXattr } from './rows/file-xattr.js';
import { rows as futex } from './rows/futex.js';
import { rows as fanotify } from './rows/fanotify.js';
import { rows as inotify } from './rows/inotify.js';
import { rows as ioctl } from './rows/ioctl.js';
import { rows as kcmp } from './rows/kcmp.js';
import { rows as limits } from './rows/limits.js';
import { rows as lock } from './rows/lock.js';
import { rows as memory } from './rows/memory.js';
import { rows as memoryPolicy } from './rows/memory-policy.js';
import { rows as memoryProcess } from './rows/memory-process.js';
import { rows as mountApi } from './rows/mount-api.js';
import { rows as mqueue } from './rows/mqueue.js';
import { rows as msg } from './rows/msg.js';
import { rows as namespace } from './rows/namespace.js';
import { rows as pipe } from './rows/pipe.js';
import { rows as poll } from './rows/poll.js';
import { rows as prctl } from './rows/prctl.js';
import { rows as priority } from './rows/priority.js';
import { rows as process } from './rows/process.js';
import { rows as ptrace } from './rows/ptrace.js';
import { rows as rseq } from './rows/rseq.js';
import { rows as sched } from './rows/sched.js';
import { rows as seccomp } from './rows/seccomp.js';
import { rows as sem } from './rows/sem.js';
import { rows as session } from './rows/session.js';
import { rows as shm } from './rows/shm.js';
import { rows as signal } from './rows/signal.js';
import { rows as signalfd } from './rows/signalfd.js';
import { rows as socket } from './rows/socket.js';
import { rows as socketMessage } from './rows/socket-message.js';
import { rows as socketOption } from './rows/socket-option.js';
import { rows as splice } from './rows/splice.js';
import { rows as syslog } from './rows/syslog.js';
import { rows as system } from './rows/system.js';
import { rows as time } from './rows/time.js';
import { rows as timer } from './rows/timer.js';
import { rows as timerfd } from './rows/timerfd.js';
import { rows as wait } from './rows/wait.js';

const FILES: readonly (readonly SyscallRow[])[] = [
  aio, creds, descriptor, epoll, eventfd, exec, fileAttribute, fileDirectory, fileIo, fileMount, fileName, fileHandle, fileOpen, fileStat, fileXattr, futex,
  fanotify, inotify, ioctl, kcmp, limits, lock, memory, memoryPolicy, memoryProcess, mountApi, mqueue, msg, namespace, pipe, poll, prctl, priority, process, ptrace, rseq, sched, seccomp, sem, session, shm,
  signal, signalfd, socket, socketMessage,
  socketOption, splice, syslog, system, time, timer, timerfd, wait,
];

export const SYSCALL_ROWS: readonly SyscallRow[] = FILES.flat().sort((a, b) => a.nr - b.nr);
