// Threads that map, protect, move and unmap while others run and the process forks.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
#define RW (PROT_READ | PROT_WRITE)
static volatile int wrong;
static int counter;
static int *shared;

static void *churn(void *argument) {
  long id = (long)argument;
  unsigned random = id * 7919 + 1;
  for (int round = 0; round < 400; round++) {
    random = random * 1664525 + 1013904223;
    int pages = 1 + (random >> 20) % 12;
    long mark = id * 1000003 + round;
    char *p = mmap(0, pages * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) { wrong++; continue; }
    for (int i = 0; i < pages; i++) { if (p[i * P]) wrong++; *(long *)(p + i * P + 8) = mark; }
    for (int i = 0; i < pages; i++) if (*(long *)(p + i * P + 8) != mark) wrong++;
    if (random & 64) mprotect(p, P, PROT_READ);
    else if (random & 128) {
      char *q = mremap(p, pages * P, (pages + 3) * P, MREMAP_MAYMOVE);
      if (q == MAP_FAILED) wrong++;
      else { p = q; pages += 3; if (*(long *)(p + 8) != mark) wrong++; }
    }
    munmap(p, pages * P);
  }
  return 0;
}

static void *count(void *argument) {
  for (int i = 0; i < 20000; i++) { __sync_fetch_and_add(&counter, 1); __sync_fetch_and_add(shared, 1); }
  return argument;
}

int main(void) {
  pthread_t threads[4];
  shared = mmap(0, P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], 0, churn, (void *)i);
  for (int child = 0; child < 6; child++) {
    if (fork() == 0) {
      char *m = malloc(300000);
      int sum = 0;
      memset(m, child, 300000);
      for (int i = 0; i < 300000; i += 1000) sum += m[i];
      for (int i = 0; i < 1000; i++) __sync_fetch_and_add(shared, 1);
      _exit(sum == child * 300 ? 0 : 1);
    }
  }
  for (int child = 0; child < 6; child++) { int status; wait(&status); if (status) wrong++; }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, count, 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  printf("wrong %d counter %d shared %d\n", wrong, counter, *shared);
  return 0;
}
