// CPU time: RLIMIT_CPU's SIGXCPU and SIGKILL, interval and POSIX timers on CPU clocks, clocks of other processes and threads.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %ld %s\n", #call, r_ < 0 ? -1 : r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)

static volatile sig_atomic_t got, value, code;
static void note(int signo, siginfo_t *info, void *context) {
  got++;
  value = info->si_value.sival_int;
  code = info->si_code;
}

static void on(int signo) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(signo, &action, NULL);
  got = 0;
}

static double cpu(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static void burn_until(int count) { while (got < count) ; }

static void limit(void) {
  pid_t child = fork();
  if (child == 0) {
    struct rlimit limit = {1, 2};
    on(SIGXCPU);
    setrlimit(RLIMIT_CPU, &limit);
    burn_until(1);
    SAY("SIGXCPU after a second %d\n", cpu(CLOCK_PROCESS_CPUTIME_ID) > 0.9);
    for (;;) ;
  }
  int status;
  struct rusage usage;
  wait4(child, &status, 0, &usage);
  double used = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  SAY("killed %d after two seconds %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1, used > 1.8);
}

static void interval(int which, int signo, const char *name) {
  struct itimerval setting = {{0, 30000}, {0, 50000}}, off = {0};
  double before = cpu(CLOCK_PROCESS_CPUTIME_ID);
  on(signo);
  TRY(setitimer(which, &setting, NULL));
  burn_until(2);
  SAY("%s used %d\n", name, cpu(CLOCK_PROCESS_CPUTIME_ID) - before > 0.03);
  TRY(setitimer(which, &off, &setting));
  SAY("%s interval %d\n", name, setting.it_interval.tv_usec >= 30000);
}

static void posix(clockid_t clock, const char *name) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  event.sigev_value.sival_int = 77;
  struct itimerspec setting = {{0, 0}, {0, 50000000}};
  timer_t timer;
  on(SIGUSR1);
  TRY(timer_create(clock, &event, &timer));
  TRY(timer_settime(timer, 0, &setting, NULL));
  usleep(100000);
  SAY("%s: nothing while asleep %d\n", name, got);
  burn_until(1);
  SAY("%s: %d %d value %d\n", name, got, code == SI_TIMER, value);
  TRY(timer_gettime(timer, &setting));
  SAY("%s: left %ld %ld\n", name, setting.it_value.tv_sec, setting.it_value.tv_nsec);
  TRY(timer_delete(timer));
}

static volatile int has_burned;
static void *burner(void *unused) {
  double until = cpu(CLOCK_THREAD_CPUTIME_ID) + 0.1;
  while (cpu(CLOCK_THREAD_CPUTIME_ID) < until) ;
  has_burned = 1;
  pause();
  return NULL;
}

static void clocks_of_others(void) {
  clockid_t clock;
  pthread_t thread;
  pthread_create(&thread, NULL, burner, NULL);
  while (!has_burned) usleep(1000);
  SAY("thread clock %d\n", pthread_getcpuclockid(thread, &clock));
  SAY("its time %d, ours is less %d\n", cpu(clock) >= 0.1, cpu(CLOCK_THREAD_CPUTIME_ID) < cpu(CLOCK_PROCESS_CPUTIME_ID));
  TRY(clock_getcpuclockid(0, &clock));
  SAY("process clock %d\n", cpu(clock) > 0.1);
  TRY(clock_getcpuclockid(0x3fffff, &clock) == ESRCH);
  pid_t child = fork();
  if (child == 0) { for (;;) pause(); }
  TRY(clock_getcpuclockid(child, &clock));
  SAY("the child's %d\n", cpu(clock) < 0.1);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  struct timespec now;
  TRY(clock_gettime(clock, &now));
}

int main(void) {
  limit();
  interval(ITIMER_VIRTUAL, SIGVTALRM, "virtual");
  interval(ITIMER_PROF, SIGPROF, "prof");
  posix(CLOCK_PROCESS_CPUTIME_ID, "process");
  posix(CLOCK_THREAD_CPUTIME_ID, "thread");
  clocks_of_others();
  return 0;
}
