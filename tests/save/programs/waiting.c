/* Waits in one way, chosen by name, says so, and prints what came of it. What ends the wait comes later than any image. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/futex.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/shm.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LATER_MS = 700 };
static void nap(int ms) { struct timespec t = {ms / 1000, ms % 1000 * 1000000L}; while (nanosleep(&t, &t) < 0) {} }
static void waiting(void) { puts("waiting"); fflush(stdout); }
static pid_t later(void (*act)(int), int arg) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { nap(LATER_MS); act(arg); _exit(7); }
  return pid;
}
static void reap(void) { int status; while (wait(&status) > 0) printf("child %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)); }
static void put(int fd) { if (write(fd, "hello", 5) != 5) _exit(8); }
static void drain(int fd) { static char bytes[65536]; read(fd, bytes, sizeof bytes); }
static void nothing(int unused) {}
static volatile sig_atomic_t handled;
static void on_signal(int signo) { handled = signo; }
static void on_slow(int signo) { waiting(); nap(LATER_MS); handled = signo; }
static void kill_parent(int signo) { kill(getppid(), signo); }

static void do_nanosleep(void) { waiting(); nap(LATER_MS); }
static void do_pipe_read(void) {
  int p[2]; char b[9] = ""; pipe(p); later(put, p[1]); waiting(); printf("%zd %s\n", read(p[0], b, 8), b);
}
static void do_pipe_write(void) {
  static char full[65536]; int p[2]; pipe(p); write(p[1], full, sizeof full); later(drain, p[0]); waiting(); printf("%zd\n", write(p[1], "x", 1));
}
static void do_wait4(void) { later(nothing, 0); waiting(); }
static void do_vfork(void) {
  waiting();
  pid_t pid = vfork();
  if (pid == 0) { nap(LATER_MS); _exit(5); }
}
static int *word;
static void wake(int unused) { *word = 1; syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0); }
static void do_futex_shared(void) {
  word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); later(wake, 0); waiting();
  printf("%ld %d\n", syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0), *word);
}
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int flag;
static void *signaller(void *arg) { nap(LATER_MS); pthread_mutex_lock(&mutex); flag = 1; pthread_cond_signal(&cond); pthread_mutex_unlock(&mutex); return arg; }
static void do_cond(void) {
  pthread_t t; pthread_create(&t, 0, signaller, (void *)3); waiting(); pthread_mutex_lock(&mutex);
  while (!flag) pthread_cond_wait(&cond, &mutex);
  pthread_mutex_unlock(&mutex); void *r; pthread_join(t, &r); printf("%ld\n", (long)r);
}
static void do_poll(void) { int p[2]; pipe(p); later(put, p[1]); struct pollfd f = {p[0], POLLIN, 0}; waiting(); printf("%d", poll(&f, 1, 60000)); printf(" %d\n", f.revents); }
static void do_poll_timeout(void) { waiting(); printf("%d\n", poll(0, 0, LATER_MS)); }
static void do_select(void) { int p[2]; pipe(p); later(put, p[1]); fd_set s; FD_ZERO(&s); FD_SET(p[0], &s); waiting(); printf("%d\n", select(p[0] + 1, &s, 0, 0, 0)); }
static void do_epoll(void) {
  int p[2], e = epoll_create1(0); pipe(p); struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 42}}, got; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev);
  later(put, p[1]); waiting(); printf("%d", epoll_wait(e, &got, 1, -1)); printf(" %d\n", (int)got.data.u64);
}
static void do_sigsuspend(void) {
  sigset_t none, usr; sigemptyset(&none); sigemptyset(&usr); sigaddset(&usr, SIGUSR1); sigprocmask(SIG_BLOCK, &usr, 0); signal(SIGUSR1, on_signal);
  later(kill_parent, SIGUSR1); waiting(); printf("%d %d", sigsuspend(&none), errno == EINTR); printf(" %d\n", handled);
}
static void do_pause_alarm(void) { signal(SIGALRM, on_signal); alarm(1); waiting(); pause(); printf("%d\n", handled); }
static void do_itimer(void) {
  signal(SIGALRM, on_signal); struct itimerval v = {{0, 300000}, {0, 700000}}; setitimer(ITIMER_REAL, &v, 0); waiting();
  for (int n = 0; n < 3; n++) pause();
  struct itimerval off = {{0, 0}, {0, 0}}; setitimer(ITIMER_REAL, &off, 0); printf("%d\n", handled);
}
static void do_handler(void) { signal(SIGUSR1, on_slow); raise(SIGUSR1); printf("%d\n", handled); }
static void do_sigwait(void) {
  sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigprocmask(SIG_BLOCK, &s, 0); later(kill_parent, SIGUSR2); siginfo_t i; waiting();
  printf("%d", sigwaitinfo(&s, &i)); printf(" %d\n", i.si_code);
}
static void do_flock(void) {
  char name[] = "/tmp/lockXXXXXX"; int fd = mkstemp(name); int p[2]; pipe(p);
  pid_t pid = fork();
  if (pid == 0) { int own = open(name, O_RDWR); flock(own, LOCK_EX); put(p[1]); nap(LATER_MS); _exit(3); }
  char b[5]; read(p[0], b, 5); waiting(); printf("%d\n", flock(fd, LOCK_EX)); unlink(name);
}
static void do_fcntl_lock(void) {
  char name[] = "/tmp/lockXXXXXX"; int fd = mkstemp(name); int p[2]; pipe(p); struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
  pid_t pid = fork();
  if (pid == 0) { fcntl(fd, F_SETLKW, &l); put(p[1]); nap(LATER_MS); _exit(4); }
  char b[5]; read(p[0], b, 5); waiting(); printf("%d\n", fcntl(fd, F_SETLKW, &l)); unlink(name);
}
static void do_eventfd(void) { int fd = eventfd(0, 0); fflush(stdout); if (fork() == 0) { uint64_t v = 9; nap(LATER_MS); write(fd, &v, 8); _exit(0); } uint64_t v = 0; waiting(); read(fd, &v, 8); printf("%d\n", (int)v); }
static struct timespec soon(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); t.tv_nsec += LATER_MS * 1000000L; t.tv_sec += t.tv_nsec / 1000000000; t.tv_nsec %= 1000000000; return t; }
static void do_realtime(void) {
  struct itimerspec t = {{0, 0}, soon()}; int fd = timerfd_create(CLOCK_REALTIME, 0); timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, 0); waiting();
  printf("%d\n", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t.it_value, 0));
  uint64_t n; ssize_t r; while ((r = read(fd, &n, 8)) < 0 && errno == ECANCELED) timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, 0);
  printf("%zd %d\n", r, (int)n);
}
static void do_timerfd(void) {
  int fd = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec t = {{0, 200000000}, {0, 700000000}}; timerfd_settime(fd, 0, &t, 0); waiting();
  uint64_t n = 0, sum = 0; while (sum < 3) { read(fd, &n, 8); sum += n; } printf("%d\n", sum >= 3);
}
static void do_signalfd(void) {
  sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, 0); int fd = signalfd(-1, &s, 0); later(kill_parent, SIGUSR1);
  struct signalfd_siginfo i; waiting(); read(fd, &i, sizeof i); printf("%d\n", i.ssi_signo);
}
static void do_socket(void) {
  int s[2]; char b[9] = ""; socketpair(AF_UNIX, SOCK_STREAM, 0, s); later(put, s[1]); waiting(); printf("%zd", recv(s[0], b, 8, 0)); printf(" %s\n", b);
}
static void do_accept(void) {
  struct sockaddr_un a = {AF_UNIX, "\0troupe-save"}; socklen_t n = sizeof(sa_family_t) + 12; int l = socket(AF_UNIX, SOCK_STREAM, 0); bind(l, (struct sockaddr *)&a, n); listen(l, 1);
  fflush(stdout);
  if (fork() == 0) { nap(LATER_MS); int c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (struct sockaddr *)&a, n); put(c); _exit(0); }
  char b[9] = ""; waiting(); int c = accept(l, 0, 0); printf("%zd %s\n", read(c, b, 8), b);
}
static void do_msgrcv(void) {
  struct { long type; char text[8]; } m = {1, "hi"}; int q = msgget(IPC_PRIVATE, 0600); fflush(stdout);
  if (fork() == 0) { nap(LATER_MS); msgsnd(q, &m, 8, 0); _exit(0); }
  m.text[0] = 0; waiting(); printf("%zd %s\n", msgrcv(q, &m, 8, 0, 0), m.text); msgctl(q, IPC_RMID, 0);
}
static void do_semop(void) {
  int s = semget(IPC_PRIVATE, 1, 0600); fflush(stdout);
  if (fork() == 0) { struct sembuf up = {0, 1, 0}; nap(LATER_MS); semop(s, &up, 1); _exit(0); }
  struct sembuf down = {0, -1, SEM_UNDO}; waiting(); printf("%d\n", semop(s, &down, 1)); semctl(s, 0, IPC_RMID);
}
static void do_mqueue(void) {
  struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 8}; mqd_t q = mq_open("/troupe-save", O_RDWR | O_CREAT, 0600, &a); mq_unlink("/troupe-save"); fflush(stdout);
  if (fork() == 0) { nap(LATER_MS); mq_send(q, "mq", 3, 1); _exit(0); }
  char b[8]; waiting(); printf("%zd", mq_receive(q, b, 8, 0)); printf(" %s\n", b);
}
static pthread_mutex_t told = PTHREAD_MUTEX_INITIALIZER;
static void by_thread(union sigval value) { printf("thread %d\n", value.sival_int); pthread_mutex_unlock(&told); }
static void send_one(int q) { mq_send(q, "x", 1, 0); }
static void do_mq_thread(void) {
  struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8}; mqd_t q = mq_open("/troupe-thread", O_CREAT | O_RDWR, 0600, &attr); mq_unlink("/troupe-thread");
  struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = by_thread, .sigev_value.sival_int = 5};
  pthread_mutex_lock(&told); mq_notify(q, &ev); later(send_one, q); waiting(); pthread_mutex_lock(&told);
}
static void do_fifo(void) {
  char name[] = "/tmp/fifoXXXXXX"; mkdtemp(name); strcat(name, ""); char path[64]; snprintf(path, 64, "%s/f", name); mkfifo(path, 0600); fflush(stdout);
  if (fork() == 0) { nap(LATER_MS); put(open(path, O_WRONLY)); _exit(0); }
  char b[9] = ""; waiting(); int fd = open(path, O_RDONLY); printf("%zd %s\n", read(fd, b, 8), b); unlink(path); rmdir(name);
}
static void do_inotify(void) {
  char name[] = "/tmp/dirXXXXXX"; mkdtemp(name); int fd = inotify_init(); inotify_add_watch(fd, name, IN_CREATE); char path[64]; snprintf(path, 64, "%s/new", name); fflush(stdout);
  if (fork() == 0) { nap(LATER_MS); close(open(path, O_CREAT | O_WRONLY, 0600)); _exit(0); }
  char b[512]; waiting(); read(fd, b, sizeof b); printf("%s\n", ((struct inotify_event *)b)->name); unlink(path); rmdir(name);
}
static void do_directory_notify(void) {
  char name[] = "/tmp/dirXXXXXX"; mkdtemp(name); int fd = open(name, O_RDONLY); char path[64]; snprintf(path, 64, "%s/new", name); fflush(stdout);
  sigset_t usr1; sigemptyset(&usr1); sigaddset(&usr1, SIGUSR1); sigprocmask(SIG_BLOCK, &usr1, 0);
  fcntl(fd, F_SETSIG, SIGUSR1), fcntl(fd, F_NOTIFY, DN_CREATE);
  if (fork() == 0) { nap(LATER_MS); close(open(path, O_CREAT | O_WRONLY, 0600)); _exit(0); }
  siginfo_t i; waiting(); sigwaitinfo(&usr1, &i); printf("%d %d\n", i.si_code, i.si_fd == fd); unlink(path); rmdir(name);
}
static void do_fanotify(void) {
  char name[] = "/tmp/dirXXXXXX"; char path[64]; if (geteuid() != 0) { waiting(); return; }
  mkdtemp(name); snprintf(path, 64, "%s/file", name); close(open(path, O_CREAT | O_WRONLY, 0600)); fflush(stdout);
  int fd = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY); fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE_WRITE, AT_FDCWD, path); fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, name);
  pid_t pid = fork(); if (pid == 0) { for (int i = 0; i < 3; i++) { int f = open(path, O_WRONLY); printf("%s\n", f < 0 ? strerrorname_np(errno) : "opened"); fflush(stdout); close(f); } _exit(0); }
  struct fanotify_event_metadata m; read(fd, &m, sizeof m); waiting(); nap(LATER_MS);
  for (int i = 0; i < 3; i++) {
    struct fanotify_response r = {m.fd, i == 1 ? FAN_DENY : FAN_ALLOW}; printf("asked %llx %d\n", (unsigned long long)m.mask, m.pid == pid); fflush(stdout); write(fd, &r, sizeof r); close(m.fd);
    do { struct pollfd p = {fd, POLLIN, 0}; if (poll(&p, 1, 200) == 0) break; read(fd, &m, sizeof m); if (!(m.mask & FAN_OPEN_PERM)) close(m.fd); } while (!(m.mask & FAN_OPEN_PERM));
  }
  unlink(path); rmdir(name);
}
static int netlink(int protocol, int groups) { struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups}; int fd = socket(AF_NETLINK, SOCK_DGRAM, protocol); bind(fd, (void *)&a, sizeof a); return fd; }
static void do_process_events(void) {
  struct { struct nlmsghdr n; struct cn_msg m; int op; } __attribute__((packed)) ask = {{sizeof ask, NLMSG_DONE}, {{CN_IDX_PROC, CN_VAL_PROC}, 0, 0, sizeof(int), 0}, PROC_CN_MCAST_LISTEN};
  if (geteuid() != 0) { waiting(); return; }
  int fd = netlink(NETLINK_CONNECTOR, CN_IDX_PROC); send(fd, &ask, sizeof ask, 0); fflush(stdout);
  pid_t pid = fork(); if (pid == 0) { nap(LATER_MS); _exit(9); }
  char b[512]; waiting();
  for (;;) { recv(fd, b, sizeof b, 0); struct proc_event *e = (void *)(b + sizeof ask.n + sizeof ask.m); if (e->what == PROC_EVENT_EXIT && e->event_data.exit.process_pid == pid) { printf("%x\n", e->event_data.exit.exit_code); return; } }
}
static void do_task_stats(void) {
  struct { struct nlmsghdr n; struct genlmsghdr g; struct nlattr a; char data[16]; } ask = {{40, GENL_ID_CTRL, NLM_F_REQUEST}, {CTRL_CMD_GETFAMILY, 1}, {14, CTRL_ATTR_FAMILY_NAME}, "TASKSTATS"};
  if (geteuid() != 0) { waiting(); return; }
  char b[2048]; int fd = netlink(NETLINK_GENERIC, 0); ask.n.nlmsg_len = 36; send(fd, &ask, 36, 0); recv(fd, b, sizeof b, 0);
  ask.n.nlmsg_type = *(unsigned short *)(b + 40), ask.n.nlmsg_len = 28, ask.g.cmd = TASKSTATS_CMD_GET, ask.a = (struct nlattr){6, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK}, strcpy(ask.data, "0"); send(fd, &ask, 28, 0); fflush(stdout);
  cpu_set_t first; CPU_ZERO(&first); CPU_SET(0, &first);
  pid_t pid = fork(); if (pid == 0) { sched_setaffinity(0, sizeof first, &first); nap(LATER_MS); _exit(7); }
  waiting();
  do recv(fd, b, sizeof b, 0); while (*(int *)(b + 28) != pid);
  printf("%x\n", ((struct taskstats *)(b + 36))->ac_exitcode);
}
static void do_stopped(void) {
  fflush(stdout);
  pid_t pid = fork(); if (pid == 0) { raise(SIGSTOP); _exit(6); }
  int status; waitpid(pid, &status, WUNTRACED); printf("stopped %d\n", WSTOPSIG(status)); waiting(); nap(LATER_MS); kill(pid, SIGCONT);
}
static void do_zombie(void) { fflush(stdout); if (fork() == 0) _exit(9); nap(100); waiting(); nap(LATER_MS); }
static void do_traced(void) {
  fflush(stdout);
  pid_t pid = fork(); if (pid == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); _exit(11); }
  int status; waitpid(pid, &status, 0); waiting(); nap(LATER_MS); printf("%d\n", WSTOPSIG(status)); ptrace(PTRACE_CONT, pid, 0, 0);
}
static void do_traced_call(void) {
  fflush(stdout);
  pid_t pid = fork(); if (pid == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); nap(LATER_MS); _exit(12); }
  int status, stops = 0; waitpid(pid, &status, 0); ptrace(PTRACE_SYSCALL, pid, 0, 0); waiting();
  while (waitpid(pid, &status, 0) > 0 && WIFSTOPPED(status)) { stops++; ptrace(PTRACE_SYSCALL, pid, 0, 0); }
  printf("%d %d\n", stops >= 3, WEXITSTATUS(status));
}
static void put_line(int fd) { if (write(fd, "hello\n", 6) != 6) _exit(8); }
static void do_terminal(void) {
  int m = posix_openpt(O_RDWR | O_NOCTTY); grantpt(m); unlockpt(m); int s = open(ptsname(m), O_RDWR | O_NOCTTY); later(put_line, m);
  char b[32] = ""; waiting(); printf("%zd %s", read(s, b, 31), b); write(s, "out\n", 4); nap(100); printf("%d\n", read(m, b, 31) > 4);
}
static void on_timer(int signo) { handled++; }
/* One of everything that a process can hold, used after the image was made. */
static void do_everything(void) {
  char dir[] = "/tmp/allXXXXXX", path[64], b[64] = ""; mkdtemp(dir); snprintf(path, 64, "%s/gone", dir);
  int gone = open(path, O_CREAT | O_RDWR, 0600); write(gone, "deleted", 7); unlink(path);
  int there = open(dir, O_RDONLY | O_DIRECTORY), place = open(dir, O_PATH);
  int mem = memfd_create("m", MFD_ALLOW_SEALING); ftruncate(mem, 8192); char *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0); strcpy(map + 4090, "across");
  int shm = shmget(IPC_PRIVATE, 4096, 0600); char *seg = shmat(shm, 0, 0); strcpy(seg, "segment"); shmctl(shm, IPC_RMID, 0);
  int msg = msgget(IPC_PRIVATE, 0600); struct { long type; char text[8]; } m = {3, "queued"}; msgsnd(msg, &m, 8, 0);
  int pair[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  char control[CMSG_SPACE(sizeof(int))] = ""; struct iovec iov = {"fd", 2};
  struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&h); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int)); memcpy(CMSG_DATA(c), &gone, sizeof(int));
  sendmsg(pair[0], &h, 0);
  int ev = eventfd(3, 0), ep = epoll_create1(0), ep2 = epoll_create1(0); struct epoll_event e = {EPOLLIN, {.u64 = 7}}; epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e); epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &e);
  struct sigaction sa = {.sa_handler = on_timer, .sa_flags = SA_ONSTACK}; sigaction(SIGRTMIN, &sa, 0);
  stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536}; sigaltstack(&alt, 0);
  timer_t t; struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN}; timer_create(CLOCK_MONOTONIC, &se, &t); struct itimerspec it = {{0, 0}, {0, 300000000}}; timer_settime(t, 0, &it, 0);
  timer_t ct; timer_create(CLOCK_PROCESS_CPUTIME_ID, &se, &ct);
  int maps = open("/proc/self/maps", O_RDONLY), procdir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), selfmem = open("/proc/self/mem", O_RDWR), zero = open("/dev/zero", O_RDONLY), ns = open("/proc/self/ns/uts", O_RDONLY);
  char *priv = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, mem, 4096); priv[0] = 'P';
  int fl = open(dir, O_RDONLY); flock(fl, LOCK_SH);
  sigset_t blocked; sigemptyset(&blocked); sigaddset(&blocked, SIGUSR2); sigprocmask(SIG_BLOCK, &blocked, 0); raise(SIGUSR2);
  umask(027); chdir(dir); lseek(maps, 0, SEEK_SET); read(maps, b, 4);
  fflush(stdout);
  pid_t child = fork(); if (child == 0) { pause(); _exit(0); }
  int pidfd = syscall(SYS_pidfd_open, child, 0);
  waiting(); nap(LATER_MS);
  memset(b, 0, 64); printf("%zd %s\n", pread(gone, b, 63, 0), b);
  printf("%d %d\n", fchdir(there), openat(place, "none", O_RDONLY) == -1 && errno == ENOENT);
  printf("%s %s %c\n", map + 4090, seg, priv[0]);
  m.text[0] = 0; printf("%zd %s\n", msgrcv(msg, &m, 8, 3, IPC_NOWAIT), m.text); msgctl(msg, IPC_RMID, 0);
  memset(b, 0, 64); iov.iov_base = b; iov.iov_len = 63; h.msg_controllen = sizeof control; printf("%zd %s", recvmsg(pair[1], &h, 0), b);
  int passed; memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(int)); memset(b, 0, 64); printf(" %zd %s\n", pread(passed, b, 63, 0), b);
  struct epoll_event got[2]; printf("%d", epoll_wait(ep2, got, 2, 0)); printf(" %d\n", (int)got[0].data.u64); uint64_t v; read(ev, &v, 8); printf("%d", epoll_wait(ep2, got, 2, 0)); printf(" %d\n", (int)v);
  printf("timers %d\n", handled);
  printf("%zd %zd %zd\n", read(maps, b, 8), read(selfmem, b, 0), read(zero, b, 8)); struct stat st; printf("%d %d\n", fstat(ns, &st), fstat(procdir, &st));
  sigset_t pending; sigpending(&pending); printf("pending %d mask %o\n", sigismember(&pending, SIGUSR2), umask(0)); stack_t old; sigaltstack(0, &old); printf("%d\n", old.ss_size == 65536);
  printf("%ld\n", syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, 0, 0)); printf("%s\n", getcwd(b, 64) && strcmp(b, dir) == 0 ? "there" : "lost");
  chdir("/"); rmdir(dir);
}
static void do_computing(void) { waiting(); uint32_t x = 1; for (long n = 0; n < 60000000; n++) x = x * 1664525u + 1013904223u + (x >> 16); printf("%u\n", x); }
static void do_floating(void) { waiting(); double x = 0.5; long double y = 1; for (long n = 0; n < 4000000; n++) { x = 3.7 * x * (1 - x); y = y / 3 + x; } printf("%.17g %.17Lg\n", x, y); }

static const struct { const char *name; void (*run)(void); } kinds[] = {
#define KIND(name) {#name, do_##name}
  KIND(nanosleep), KIND(pipe_read), KIND(pipe_write), KIND(wait4), KIND(vfork), KIND(futex_shared), KIND(cond), KIND(poll), KIND(poll_timeout), KIND(select), KIND(epoll),
  KIND(sigsuspend), KIND(pause_alarm), KIND(itimer), KIND(handler), KIND(sigwait), KIND(flock), KIND(fcntl_lock), KIND(eventfd), KIND(timerfd), KIND(realtime), KIND(signalfd), KIND(socket),
  KIND(accept), KIND(msgrcv), KIND(semop), KIND(mqueue), KIND(mq_thread), KIND(fifo), KIND(inotify), KIND(directory_notify), KIND(fanotify), KIND(process_events), KIND(task_stats), KIND(stopped), KIND(zombie), KIND(traced), KIND(traced_call), KIND(terminal), KIND(everything), KIND(computing), KIND(floating),
};

int main(int argc, char **argv) {
  for (unsigned n = 0; n < sizeof kinds / sizeof *kinds; n++) {
    if (argc < 2) puts(kinds[n].name);
    else if (strcmp(argv[1], kinds[n].name) == 0) { kinds[n].run(); reap(); return 0; }
  }
  return argc < 2 ? 0 : 2;
}
