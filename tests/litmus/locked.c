/* Locked instructions of every size against plain stores to the same bytes: locked [rounds] [name…]
   One thread stores counters to its bytes and looks whether each store lasts; the other changes the bytes beside them with
   a locked instruction that covers both. On a processor no store is ever lost (SDM Vol. 3A 8.1.2: the lock holds against
   all other accesses). Prints for each test how many stores were lost and how many locked operations; status 1: some lost. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char *area; /* two pages */
static volatile int stop;
static volatile long locked_ops;
static long rounds;

struct test { const char *name; int offset; int bytes; void (*locked)(char *at); };

/* Locked adds of 1 to bits above the bytes of the other thread; `at` is where the plain stores go. */
static void add8(char *at) { asm volatile("lock addq %1, (%0)" : : "r"(at), "r"(1ull << 32) : "memory", "cc"); }
static void add4(char *at) { asm volatile("lock addl %1, (%0)" : : "r"(at), "r"(1 << 16) : "memory", "cc"); }
static void add2(char *at) { asm volatile("lock addw %1, (%0)" : : "r"(at), "r"((short)(1 << 8)) : "memory", "cc"); }
static void xadd8(char *at) { uint64_t v = 1ull << 32; asm volatile("lock xaddq %0, (%1)" : "+r"(v) : "r"(at) : "memory", "cc"); }
static void cas8(char *at) {
  uint64_t old = *(volatile uint64_t *)at, now;
  do now = old + (1ull << 32); while (!({ char ok; asm volatile("lock cmpxchgq %3, (%2)\n sete %1" : "+a"(old), "=q"(ok) : "r"(at), "r"(now) : "memory", "cc"); ok; }));
}
/* Changes the high half only: what it stores to the low half is what it compared with. */
static void cas16(char *at) {
  uint64_t low = ((volatile uint64_t *)at)[0], high = ((volatile uint64_t *)at)[1];
  char ok;
  do asm volatile("lock cmpxchg16b (%3)\n sete %2" : "+a"(low), "+d"(high), "=q"(ok) : "r"(at), "b"(low), "c"(high + 1) : "memory", "cc"); while (!ok);
}
/* The same with the halves changed over. */
static void cas16high(char *at) {
  uint64_t low = ((volatile uint64_t *)(at - 8))[0], high = ((volatile uint64_t *)(at - 8))[1];
  char ok;
  do asm volatile("lock cmpxchg16b (%3)\n sete %2" : "+a"(low), "+d"(high), "=q"(ok) : "r"(at - 8), "b"(low + 1), "c"(high) : "memory", "cc"); while (!ok);
}

static const struct test TESTS[] = {
  { "aligned-8", 64, 4, add8 },
  { "within-8", 65, 1, add4 },
  { "across-8", 64 + 6, 2, add4 },
  { "across-8-add", 64 + 4, 4, add8 },
  { "across-line", 128 - 3, 2, add4 },
  { "across-line-xadd", 128 - 4, 4, xadd8 },
  { "across-line-cas", 128 - 4, 4, cas8 },
  { "across-page", 4096 - 1, 1, add2 },
  { "across-page-add", 4096 - 4, 4, add8 },
  { "cmpxchg16b-low", 256, 8, cas16 },
  { "cmpxchg16b-high", 264, 8, cas16high },
};

static const struct test *test;
static char *place;

static void *lock_loop(void *arg) {
  while (!stop) { test->locked(place); locked_ops++; }
  return 0;
}

static uint64_t load(void) {
  switch (test->bytes) {
    case 1: return *(volatile uint8_t *)place;
    case 2: return *(volatile uint16_t *)place;
    case 4: return *(volatile uint32_t *)place;
    default: return *(volatile uint64_t *)place;
  }
}

static void store(uint64_t value) {
  switch (test->bytes) {
    case 1: *(volatile uint8_t *)place = value; break;
    case 2: *(volatile uint16_t *)place = value; break;
    case 4: *(volatile uint32_t *)place = value; break;
    default: *(volatile uint64_t *)place = value;
  }
}

static long store_loop(void) {
  uint64_t mask = test->bytes == 8 ? ~0ull : (1ull << 8 * test->bytes) - 1;
  long lost = 0;
  for (long i = 1; i <= rounds; i++) {
    store(i);
    for (int look = 0; look < 4; look++) if (load() != (i & mask)) { lost++; break; }
  }
  return lost;
}

int main(int argc, char **argv) {
  long all = 0;
  rounds = argc > 1 ? atol(argv[1]) : 100000;
  area = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (unsigned i = 0; i < sizeof TESTS / sizeof *TESTS; i++) {
    int is_wanted = argc <= 2;
    for (int a = 2; a < argc; a++) is_wanted |= !strcmp(argv[a], TESTS[i].name);
    if (!is_wanted) continue;
    pthread_t thread;
    test = &TESTS[i];
    place = area + test->offset;
    memset(area, 0, 8192);
    stop = 0;
    locked_ops = 0;
    pthread_create(&thread, 0, lock_loop, 0);
    while (locked_ops == 0) sched_yield();
    long lost = store_loop();
    stop = 1;
    pthread_join(thread, 0);
    printf("%-17s stores %ld lost %ld locked %ld\n", test->name, rounds, lost, locked_ops);
    fflush(stdout);
    all += lost;
  }
  return all > 0;
}
