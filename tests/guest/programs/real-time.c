// A thread of the highest priority that always runs: the others get what real-time tasks leave (sched(7), sched_rt_runtime_us).
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;
static void *always(void *unused) {
  struct sched_param top = {.sched_priority = 50}, low = {.sched_priority = 1};
  while (!stop) pthread_setschedparam(pthread_self(), SCHED_FIFO, &low), sched_yield(), pthread_setschedparam(pthread_self(), SCHED_FIFO, &top);
  return unused;
}

int main(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], 0, always, 0);
  struct timespec nap = {0, 20000000};
  nanosleep(&nap, 0);
  stop = 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
  puts("all ended");
  return 0;
}
