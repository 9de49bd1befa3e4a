// Threads that touch, discard, protect and unmap pages between each other's, move the break, and fork meanwhile: fresh
// pages are zeros, and everybody keeps what they wrote.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
#define THREADS 4
#define STRIPES (THREADS + 1)
#define PAGES (STRIPES * 96)
#define RW (PROT_READ | PROT_WRITE)
static char *arena;
static volatile int wrong;
static volatile int running;
static int rounds = 4000;

struct page { char *at; long value; };

static unsigned next(unsigned *random) { return (*random = *random * 1664525 + 1013904223) >> 8; }

static int is_fresh(char *page, long except) {
  for (long i = 0; i < P / 8; i++) if (i != except && ((long *)page)[i] != 0) return 0;
  return 1;
}

/* The first access of a fresh page is a write, so that the rest of the page was zeroed for it. */
static void put(struct page *page, long value, unsigned slot) {
  long *words = (long *)page->at;
  if (page->value == 0) {
    words[slot] = value;
    if (!is_fresh(page->at, slot)) __sync_fetch_and_add(&wrong, 1);
    words[slot] = 0;
  } else if (words[1] != page->value) __sync_fetch_and_add(&wrong, 1);
  words[1] = page->value = value;
}

static void step(struct page *page, unsigned random, long value) {
  switch (random % 16) {
    case 0: madvise(page->at, P, MADV_DONTNEED); page->value = 0; break;
    case 1: munmap(page->at, P);
      if (mmap(page->at, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page->at) __sync_fetch_and_add(&wrong, 1);
      page->value = 0;
      break;
    case 2: mprotect(page->at, P, PROT_READ);
      if (((volatile long *)page->at)[1] != page->value) __sync_fetch_and_add(&wrong, 1);
      mprotect(page->at, P, RW);
      break;
    case 3: mprotect(page->at, P, PROT_NONE); mprotect(page->at, P, RW); break;
    case 4: if (((volatile long *)page->at)[1] != page->value) __sync_fetch_and_add(&wrong, 1); break;
    default: put(page, value, 2 + random % 500);
  }
}

static void *stripe(void *argument) {
  long id = (long)argument;
  struct page pages[PAGES / STRIPES];
  unsigned random = id * 7919 + 17;
  for (int i = 0; i < PAGES / STRIPES; i++) pages[i] = (struct page){ arena + ((long)i * STRIPES + id) * P, 0 };
  for (int round = 1; round <= rounds; round++) {
    unsigned r = next(&random);
    step(&pages[(r >> 4) % (PAGES / STRIPES)], r, id * 1000000 + round);
  }
  for (int i = 0; i < PAGES / STRIPES; i++) if (((long *)pages[i].at)[1] != pages[i].value) __sync_fetch_and_add(&wrong, 1);
  __sync_fetch_and_sub(&running, 1);
  return 0;
}

/* Nobody else moves the break. */
static void *heap(void *argument) {
  unsigned random = 99;
  for (int round = 0; round < rounds / 26; round++) {
    long bytes = 4000 + next(&random) % 300000;
    char *p = sbrk(0);
    for (int part = 0; part < 4; part++) {
      char *q = sbrk(bytes);
      if (q != p + part * bytes) __sync_fetch_and_add(&wrong, 1);
      for (long i = part ? 0 : P; i < bytes; i += 1000) if (q[i]) { __sync_fetch_and_add(&wrong, 1); break; }
      memset(q, round + 1, bytes);
    }
    for (long i = 0; i < 4 * bytes; i += 997) if (p[i] != (char)(round + 1)) { __sync_fetch_and_add(&wrong, 1); break; }
    memset(p, 0, P);
    if (sbrk(-4 * bytes) != p + 4 * bytes || sbrk(0) != p) __sync_fetch_and_add(&wrong, 1);
  }
  __sync_fetch_and_sub(&running, 1);
  return argument;
}

/* The child has what the parent had; both go on writing. */
static void fork_once(long round) {
  char *own = arena + (long)THREADS * P;
  for (long i = 0; i < PAGES / STRIPES; i++) *(long *)(own + i * STRIPES * P + 8) = round + i;
  pid_t pid = fork();
  if (pid == 0) {
    int bad = 0;
    for (long i = 0; i < PAGES / STRIPES; i++) {
      long *word = (long *)(own + i * STRIPES * P + 8);
      if (*word != round + i) bad = 1;
      *word = -1;
    }
    char *fresh = mmap(0, 40 * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 40; i++) { fresh[i * P + 100] = 1; if (!is_fresh(fresh + i * P, 12)) bad = 1; }
    _exit(bad);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status) __sync_fetch_and_add(&wrong, 1);
  for (long i = 0; i < PAGES / STRIPES; i++) if (*(long *)(own + i * STRIPES * P + 8) != round + i) __sync_fetch_and_add(&wrong, 1);
  for (long i = 0; i < PAGES / STRIPES; i++) madvise(own + i * STRIPES * P, P, MADV_DONTNEED);
}

int main(int argc, char **argv) {
  if (argc > 1) rounds = atoi(argv[1]);
  pthread_t threads[THREADS + 1];
  arena = mmap(0, PAGES * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  running = THREADS + 1;
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, stripe, (void *)i);
  pthread_create(&threads[THREADS], 0, heap, 0);
  for (long round = 1; running > 0; round++) fork_once(round * 1000);
  for (int i = 0; i <= THREADS; i++) pthread_join(threads[i], 0);
  printf("wrong %d\n", wrong);
  return wrong != 0;
}
