// Calls about processes, ids, limits, memory and time that the C library no longer makes, and rarely made ones.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %ld %s\n", #call, r_ < 0 ? -1 : r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define CALL(name, ...) TRY(syscall(SYS_##name, ##__VA_ARGS__))
#define IN_CHILD(body) do { pid_t pid_ = syscall(SYS_fork); if (pid_ == 0) { body; _exit(0); } int st_; waitpid(pid_, &st_, 0); SAY("child %x\n", st_); } while (0)

static char shared[4096];
static volatile int handled;
static void on_signal(int signo, siginfo_t *info, void *context) { handled = signo * 1000 + info->si_value.sival_int; }

static void ids(void) {
  unsigned r, e, s, list[64];
  syscall(SYS_getresuid, &r, &e, &s);
  SAY("uids %d\n", r == getuid() && e == geteuid() && s == e);
  syscall(SYS_getresgid, &r, &e, &s);
  SAY("gids %d\n", r == getgid() && e == getegid() && s == e);
  SAY("groups %d\n", syscall(SYS_getgroups, 0, NULL) == syscall(SYS_getgroups, 64, list));
  IN_CHILD({
    CALL(setresgid, 7, 8, 9);
    CALL(setregid, 8, 9);
    CALL(setfsgid, 7);
    TRY(syscall(SYS_setfsgid, -1));
    CALL(setresuid, 1, 2, 3);
    CALL(setreuid, 2, 3);
    CALL(setreuid, 5, 5);
    CALL(setfsuid, 2);
    CALL(setfsuid, 1000);
    CALL(setfsuid, -1);
    syscall(SYS_getresuid, &r, &e, &s);
    SAY("%u %u %u\n", r, e, s);
  });
  unsigned header[2] = {0x20080522, 0}, data[6], bad[2] = {1, 0};
  CALL(capget, header, data);
  CALL(capget, bad, data);
  SAY("version %x\n", bad[0]);
  SAY("personality %lx\n", syscall(SYS_personality, 0xffffffff));
  IN_CHILD({ CALL(unshare, CLONE_NEWUTS); CALL(setdomainname, "troupe.test", 11); char name[65]; getdomainname(name, 65); SAY("%s\n", name); });
  CALL(setdomainname, "x", -1);
  CALL(setdomainname, "x", 65);
}

static void limits(void) {
  struct rlimit limit, low = {64, 128}, crossed = {9, 8};
  CALL(getrlimit, RLIMIT_NOFILE, &limit);
  CALL(getrlimit, 99, &limit);
  IN_CHILD({ CALL(setrlimit, RLIMIT_NOFILE, &low); CALL(getrlimit, RLIMIT_NOFILE, &limit); SAY("%lu %lu\n", limit.rlim_cur, limit.rlim_max); CALL(setrlimit, RLIMIT_NOFILE, &crossed); CALL(dup2, 1, 64); });
  struct rusage usage;
  CALL(getrusage, RUSAGE_SELF, &usage);
  CALL(getrusage, RUSAGE_CHILDREN, &usage);
  CALL(getrusage, 5, &usage);
  struct sysinfo info;
  CALL(sysinfo, &info);
  SAY("memory %d\n", info.totalram > 0 && info.mem_unit > 0 && info.procs > 0);
  struct sched_param param = {0};
  CALL(sched_setparam, 0, &param);
  param.sched_priority = 1;
  CALL(sched_setparam, 0, &param);
  CALL(sched_get_priority_max, SCHED_FIFO);
  CALL(sched_get_priority_min, SCHED_FIFO);
  CALL(sched_get_priority_max, SCHED_OTHER);
  CALL(sched_get_priority_max, 77);
  CALL(syslog, 99, NULL, 0);
  CALL(syslog, 3, NULL, -1);
}

static void memory(void) {
  char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char resident[4];
  pages[0] = pages[4096] = 1;
  CALL(mincore, pages, 2 * 4096, resident);
  SAY("%d %d\n", resident[0] & 1, resident[1] & 1);
  CALL(mincore, pages + 1, 4096, resident);
  CALL(mlock, pages, 4096);
  CALL(mlock2, pages + 4096, 4096, 1);
  CALL(mlock2, pages, 4096, 8);
  CALL(munlock, pages, 8192);
  CALL(mlockall, 0);
  CALL(mlockall, MCL_FUTURE);
  CALL(munlockall);
  CALL(pkey_mprotect, pages, 4096, PROT_READ, -1);
  CALL(pkey_mprotect, pages, 4096, PROT_READ, 99);
  munmap(pages + 3 * 4096, 4096);
  CALL(mlock, pages, 4 * 4096);
  CALL(membarrier, 1 << 20, 0);
  CALL(membarrier, 1, 0);
  CALL(membarrier, 8, 0);
  CALL(membarrier, 16, 0);
  CALL(membarrier, 8, 0);
}

static void other_processes(void) {
  strcpy(shared, "of the parent");
  int ready[2], go[2], status;
  pipe(ready);
  pipe(go);
  int kept = open("/dev/null", O_RDONLY);
  pid_t child = fork();
  if (child == 0) {
    strcpy(shared, "of the child");
    write(ready[1], "", 1);
    char byte;
    read(go[0], &byte, 1);
    SAY("child has: %s\n", shared);
    _exit(0);
  }
  char byte, copy[32] = "";
  read(ready[0], &byte, 1);
  struct iovec ours = {copy, 12}, theirs = {shared, 12}, nowhere = {(void *)8, 12};
  CALL(process_vm_readv, child, &ours, 1, &theirs, 1, 0);
  SAY("%s\n", copy);
  CALL(process_vm_readv, child, &ours, 1, &nowhere, 1, 0);
  CALL(process_vm_readv, 0x3fffff, &ours, 1, &theirs, 1, 0);
  CALL(process_vm_readv, child, &ours, 1, &theirs, 1, 9);
  memcpy(copy, "from outside", 12);
  CALL(process_vm_writev, child, &ours, 1, &theirs, 1, 0);
  int pidfd = syscall(SYS_pidfd_open, child, 0), taken = syscall(SYS_pidfd_getfd, pidfd, kept, 0);
  SAY("taken %d\n", taken >= 0);
  CALL(pidfd_getfd, pidfd, 999, 0);
  CALL(pidfd_getfd, pidfd, kept, 1);
  write(go[1], "", 1);
  waitpid(child, &status, 0);
  char *argv[] = {"true", NULL}, *envp[] = {NULL};
  IN_CHILD({ int fd = open("/bin/true", O_PATH); syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH); SAY("no execveat\n"); });
  CALL(execveat, AT_FDCWD, "missing", argv, envp, 0);
  CALL(execveat, AT_FDCWD, "", argv, envp, 0);
  struct robust_list_head *head;
  size_t length = 0;
  CALL(get_robust_list, 0, &head, &length);
  SAY("length %zu\n", length);
  CALL(get_robust_list, 0x3fffff, &head, &length);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  info.si_value.sival_int = 5;
  TRY(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
  SAY("handled %d\n", handled);
  CALL(rt_tgsigqueueinfo, -1, 1, SIGUSR1, &info);
  CALL(restart_syscall);
  struct { unsigned short number; short op, flags; } down = {0, -1, 04000};
  CALL(semop, -1, &down, 1);
}

static void clocks(void) {
  struct timespec short_wait = {0, 1000}, bad = {0, 1000000000}, value, now;
  CALL(nanosleep, &short_wait, NULL);
  CALL(nanosleep, &bad, NULL);
  struct timeval tv, out_of_range = {1, 1000001};
  time_t seconds;
  TRY(syscall(SYS_gettimeofday, &tv, NULL));
  long stored = syscall(SYS_time, &seconds);
  SAY("time %d\n", stored == seconds && seconds - tv.tv_sec <= 1);
  struct tms used;
  SAY("times %d\n", syscall(SYS_times, &used) > 0);
  CALL(clock_getres, CLOCK_MONOTONIC, &value);
  CALL(clock_getres, 99, &value);
  CALL(clock_settime, CLOCK_MONOTONIC, &short_wait);
  CALL(clock_settime, CLOCK_REALTIME, &bad);
  CALL(settimeofday, &out_of_range, NULL);
  struct timex state = {.modes = 0};
  SAY("adjtimex %d\n", syscall(SYS_adjtimex, &state) >= 0);
  SAY("clock_adjtime %d\n", syscall(SYS_clock_adjtime, CLOCK_REALTIME, &state) >= 0);
  CALL(clock_adjtime, 99, &state);
  struct itimerval it;
  CALL(getitimer, ITIMER_REAL, &it);
  CALL(getitimer, 3, &it);
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  int timer;
  CALL(timer_create, CLOCK_MONOTONIC, &event, &timer);
  struct itimerspec setting = {{0, 0}, {100, 0}}, left;
  CALL(timer_settime, timer, 0, &setting, NULL);
  CALL(timer_gettime, timer, &left);
  SAY("left %d\n", left.it_value.tv_sec >= 98);
  CALL(timer_getoverrun, timer);
  CALL(timer_delete, timer);
  CALL(timer_delete, timer);
  CALL(timer_gettime, timer, &left);
  unsigned word = 1;
  struct { uint64_t value, address; uint32_t flags, reserved; } waits[] = {{2, (uintptr_t)&word, 2 | FUTEX_PRIVATE_FLAG, 0}};
  clock_gettime(CLOCK_MONOTONIC, &now);
  CALL(futex_waitv, waits, 1, 0, &now, CLOCK_MONOTONIC);
  waits[0].value = 1;
  CALL(futex_waitv, waits, 1, 0, &now, CLOCK_MONOTONIC);
  CALL(futex_waitv, waits, 0, 0, &now, CLOCK_MONOTONIC);
  CALL(futex_waitv, waits, 1, 1, &now, CLOCK_MONOTONIC);
}

int main(void) {
  ids();
  limits();
  memory();
  other_processes();
  clocks();
  return 0;
}
