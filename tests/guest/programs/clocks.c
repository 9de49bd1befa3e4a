// Clocks advance, sleeps last, timers fire.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <poll.h>
#include <stdint.h>
static long long now(clockid_t c) { struct timespec t; clock_gettime(c, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static volatile int fired;
static void on(int s) { (void)s; fired++; }
int main(void) {
  long long a = now(CLOCK_MONOTONIC), last = a; int back = 0;
  for (int i = 0; i < 20000; i++) { long long b = now(CLOCK_MONOTONIC); if (b < last) back++; last = b; }
  printf("backwards %d\n", back);
  struct timespec t = {0, 30000000}; nanosleep(&t, 0); long long d = now(CLOCK_MONOTONIC) - last;
  printf("slept %d\n", d >= 30000000 && d < 2000000000);
  struct timeval tv; gettimeofday(&tv, 0); long long r = now(CLOCK_REALTIME);
  printf("agree %d time %d\n", r / 1000000000 - tv.tv_sec <= 1, time(0) - tv.tv_sec <= 1);
  int fd = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec its = {{0, 5000000}, {0, 5000000}}; timerfd_settime(fd, 0, &its, 0);
  uint64_t n, total = 0; for (int i = 0; i < 3; i++) { read(fd, &n, 8); total += n; } printf("timerfd %d\n", total >= 3);
  struct pollfd p = {fd, POLLIN, 0}; its.it_interval.tv_nsec = its.it_value.tv_nsec = 0; timerfd_settime(fd, 0, &its, 0); printf("poll timeout %d\n", poll(&p, 1, 20));
  timer_t id; struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}; signal(SIGUSR1, on); timer_create(CLOCK_MONOTONIC, &ev, &id);
  struct itimerspec one = {{0, 0}, {0, 10000000}}; timer_settime(id, 0, &one, 0); while (!fired) pause(); printf("timer %d\n", fired);
  long long c0 = now(CLOCK_PROCESS_CPUTIME_ID); volatile double x = 1; for (int i = 0; i < 3000000; i++) x = x * 1.0000001 + 1e-9; usleep(1000); printf("cpu %d\n", now(CLOCK_PROCESS_CPUTIME_ID) > c0);
  struct itimerval prof = {{0, 0}, {0, 20000}}; signal(SIGVTALRM, on); fired = 0; setitimer(ITIMER_VIRTUAL, &prof, 0); while (!fired) x += 1; printf("virtual %d\n", fired);
  return 0;
}
