// Affinity that is honoured, policies and priorities, nice values, I/O priorities, kcmp, memory policies.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)

static int on_cpu(int cpu) {
  for (int i = 0; i < 200; i++) { for (volatile int n = 0; n < 20000; n++); if (sched_getcpu() != cpu) return 0; if (i % 20 == 0) sched_yield(); }
  return 1;
}

static void *pinned(void *arg) { return (void *)(long)on_cpu((long)arg); }

/** Field 39 of /proc/pid/stat: where it ran last. */
static int processor_of(pid_t pid) {
  char path[64], text[1024] = "";
  sprintf(path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY), field = 0, cpu = -1;
  read(fd, text, sizeof text - 1);
  close(fd);
  for (char *word = strtok(strrchr(text, ')'), " "); word; word = strtok(0, " ")) if (field++ == 37) cpu = atoi(word);
  return cpu;
}

static void affinity(void) {
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  int stays = 1, threads = 1, moved = 1;
  for (int cpu = 0; cpu < 64; cpu++) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one); CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one)) stays = -1;
    stays &= on_cpu(cpu);
    pthread_t other[2];
    for (int i = 0; i < 2; i++) pthread_create(other + i, 0, pinned, (void *)(long)cpu);
    void *result;
    for (int i = 0; i < 2; i++) { pthread_join(other[i], &result); threads &= (long)result; }
    pid_t pid = fork();
    if (pid == 0) _exit(!on_cpu(cpu));
    int status;
    waitpid(pid, &status, 0);
    stays &= status == 0;
  }
  sched_setaffinity(0, sizeof all, &all);
  pid_t spinner = fork();
  if (spinner == 0) for (;;) ;
  for (int cpu = 0; cpu < 64; cpu++) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one); CPU_SET(cpu, &one);
    sched_setaffinity(spinner, sizeof one, &one);
    int at_cpu = -1;
    for (int tries = 0; at_cpu != cpu && tries < 100; tries++) { usleep(30000); at_cpu = processor_of(spinner); }
    moved &= at_cpu == cpu;
  }
  kill(spinner, SIGKILL);
  waitpid(spinner, 0, 0);
  SAY("stays %d threads %d moved %d\n", stays, threads, moved);
  CPU_ZERO(&one);
  TRY(sched_setaffinity(0, sizeof one, &one));
  TRY(sched_setaffinity(999999, sizeof all, &all));
}

static void policies(void) {
  struct sched_param p = {5};
  struct timespec t;
  TRY(sched_setscheduler(0, SCHED_FIFO, &p));
  SAY("policy %d\n", sched_getscheduler(0));
  sched_getparam(0, &p);
  SAY("priority %d\n", p.sched_priority);
  pid_t pid = fork();
  if (pid == 0) _exit(sched_getscheduler(0));
  int status;
  waitpid(pid, &status, 0);
  SAY("child %d\n", WEXITSTATUS(status));
  TRY(sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p));
  sched_rr_get_interval(0, &t);
  SAY("policy %x interval %ld\n", sched_getscheduler(0), t.tv_nsec);
  pid = fork();
  if (pid == 0) _exit(sched_getscheduler(0));
  waitpid(pid, &status, 0);
  SAY("child %d\n", WEXITSTATUS(status));
  p.sched_priority = 0;
  TRY(sched_setscheduler(0, SCHED_RR, &p));
  TRY(sched_setscheduler(0, 77, &p));
  TRY(sched_setscheduler(0, SCHED_BATCH, &p));
  p.sched_priority = 1;
  TRY(sched_setscheduler(0, SCHED_OTHER, &p));
  p.sched_priority = 0;
  TRY(sched_setscheduler(0, SCHED_OTHER, &p));
  struct { unsigned size, policy; unsigned long long flags; int nice; unsigned priority; unsigned long long more[3]; } attr = {48, SCHED_BATCH, 1, 3};
  TRY(syscall(SYS_sched_setattr, 0, &attr, 0));
  memset(&attr, 0, sizeof attr);
  syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0);
  SAY("attr policy %u flags %llu nice %d\n", attr.policy, attr.flags, attr.nice);
  attr.policy = SCHED_OTHER; attr.flags = 0; attr.nice = 0;
  TRY(syscall(SYS_sched_setattr, 0, &attr, 0));
  attr.size = 20;
  TRY(syscall(SYS_sched_setattr, 0, &attr, 0));
  SAY("size %u\n", attr.size);
}


/** Two spinners on one core: a nice one gets far less of it. */
static void nice_values(void) {
  TRY(setpriority(PRIO_PROCESS, 0, 30));
  SAY("nice %d\n", getpriority(PRIO_PROCESS, 0));
  TRY(setpriority(PRIO_PROCESS, 0, -30));
  SAY("nice %d\n", getpriority(PRIO_PROCESS, 0));
  TRY(setpriority(PRIO_PROCESS, 0, 0));
  TRY(setpriority(9, 0, 0));
  TRY(getpriority(PRIO_PROCESS, 999999));
  cpu_set_t one, all;
  sched_getaffinity(0, sizeof all, &all);
  int first = 0;
  while (!CPU_ISSET(first, &all)) first++;
  CPU_ZERO(&one); CPU_SET(first, &one);
  sched_setaffinity(0, sizeof one, &one);
  pid_t pids[2];
  for (int i = 0; i < 2; i++) {
    pids[i] = fork();
    if (pids[i] == 0) { if (i) nice(19); for (;;) ; }
  }
  usleep(400000);
  long used[2];
  for (int i = 0; i < 2; i++) {
    struct rusage usage;
    kill(pids[i], SIGKILL);
    wait4(pids[i], 0, 0, &usage);
    used[i] = usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000;
  }
  sched_setaffinity(0, sizeof all, &all);
  SAY("the nice one gets less %d\n", used[1] * 2 < used[0]);
}

static void others(void) {
  TRY(syscall(SYS_ioprio_get, 1, 0));
  TRY(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
  SAY("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
  TRY(syscall(SYS_ioprio_set, 1, 0, 3));
  TRY(syscall(SYS_ioprio_set, 1, 0, 5 << 13));
  TRY(syscall(SYS_ioprio_set, 7, 0, 3 << 13));
  int a = dup(1), b = open("/dev/null", O_RDONLY), me = getpid();
  SAY("kcmp same file %ld other %d\n", syscall(SYS_kcmp, me, me, 0, 1, a), syscall(SYS_kcmp, me, me, 0, 1, b) > 0);
  int forth = syscall(SYS_kcmp, me, me, 0, 1, b), back = syscall(SYS_kcmp, me, me, 0, b, 1);
  SAY("order is consistent %d\n", forth + back == 3);
  pid_t pid = fork();
  if (pid == 0) { pause(); _exit(0); }
  SAY("child: memory %d files %d file %ld\n", syscall(SYS_kcmp, me, pid, 1, 0, 0) > 0, syscall(SYS_kcmp, me, pid, 2, 0, 0) > 0, syscall(SYS_kcmp, me, pid, 0, 1, 1));
  kill(pid, SIGKILL);
  waitpid(pid, 0, 0);
  TRY(syscall(SYS_kcmp, me, 999999, 0, 0, 0));
  TRY(syscall(SYS_kcmp, me, me, 99, 0, 0));
  TRY(syscall(SYS_kcmp, me, me, 0, 1, 500));
  int mode = -1;
  unsigned long nodes[16] = {0};
  TRY(syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0));
  SAY("policy %d\n", mode);
  nodes[0] = 1;
  TRY(syscall(SYS_set_mempolicy, 2, nodes, 1024));
  nodes[0] = 0;
  syscall(SYS_get_mempolicy, &mode, nodes, 1024, 0, 0);
  SAY("policy %d nodes %lx\n", mode, nodes[0]);
  TRY(syscall(SYS_set_mempolicy, 0, nodes, 1024));
  TRY(syscall(SYS_set_mempolicy, 0, 0, 0));
  TRY(syscall(SYS_set_mempolicy, 9, 0, 0));
  nodes[0] = 2;
  TRY(syscall(SYS_set_mempolicy, 2, nodes, 1024));
  TRY(syscall(SYS_mbind, 0x1000, 4096, 0, 0, 0, 0));
  TRY(syscall(SYS_mbind, 0x1001, 4096, 0, 0, 0, 0));
}

int main(void) {
  alarm(40);
  affinity();
  policies();
  nice_values();
  others();
  return 0;
}
