/* Memory-order litmus tests for x86-TSO: litmus [rounds] [name…]
   Two or four threads run the bodies of a test on fresh variables, round by round; after each batch the outcomes are
   counted. Prints for each test its rounds, how often the outcome that TSO forbids was seen (must be 0), how often the
   one that only store buffers explain (may be anything), and all outcomes. Status 1: a forbidden outcome.
   Names and outcomes: Sewell et al., "x86-TSO" (CACM 2010); Intel SDM Vol. 3A 8.2.3; n5, n6: Owens et al. 2009. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, LINE = 64, MAX_OUTCOMES = 64 };
/* Registers a..d are the outcome, then the final x and y. */
struct slot { int x; char p0[LINE - 4]; int y; char p1[LINE - 4]; int r[4]; char p2[LINE - 16]; };
static struct slot slots[SLOTS] __attribute__((aligned(4096)));

#define BODY(name, code) static void name(struct slot *s) { asm volatile(code : : "r"(&s->x), "r"(&s->y), "r"(s->r) : "eax", "ecx", "edx", "memory", "cc"); }
/* %0 = &x, %1 = &y, %2 = registers of the outcome. */
#define X "(%0)"
#define Y "(%1)"
#define KEEP(reg, n) "movl %%" reg ", 4*" #n "(%2)\n"
BODY(sb0, "movl $1," X "\n movl " Y ",%%eax\n" KEEP("eax", 0))
BODY(sb1, "movl $1," Y "\n movl " X ",%%eax\n" KEEP("eax", 1))
BODY(sbm0, "movl $1," X "\n mfence\n movl " Y ",%%eax\n" KEEP("eax", 0))
BODY(sbm1, "movl $1," Y "\n mfence\n movl " X ",%%eax\n" KEEP("eax", 1))
BODY(sbl0, "movl $1," X "\n lock orl $0,8(%2)\n movl " Y ",%%eax\n" KEEP("eax", 0))
BODY(sbl1, "movl $1," Y "\n lock orl $0,12(%2)\n movl " X ",%%eax\n" KEEP("eax", 1))
BODY(sbx0, "movl $1,%%ecx\n xchgl %%ecx," X "\n movl " Y ",%%eax\n" KEEP("eax", 0))
BODY(sbx1, "movl $1,%%ecx\n xchgl %%ecx," Y "\n movl " X ",%%eax\n" KEEP("eax", 1))
BODY(mp0, "movl $1," X "\n movl $1," Y "\n")
BODY(mp1, "movl " Y ",%%eax\n movl " X ",%%ecx\n" KEEP("eax", 0) KEEP("ecx", 1))
BODY(lb0, "movl " X ",%%eax\n movl $1," Y "\n" KEEP("eax", 0))
BODY(lb1, "movl " Y ",%%eax\n movl $1," X "\n" KEEP("eax", 1))
BODY(iriw0, "movl $1," X "\n")
BODY(iriw1, "movl $1," Y "\n")
BODY(iriw2, "movl " X ",%%eax\n movl " Y ",%%ecx\n" KEEP("eax", 0) KEEP("ecx", 1))
BODY(iriw3, "movl " Y ",%%eax\n movl " X ",%%ecx\n" KEEP("eax", 2) KEEP("ecx", 3))
BODY(n50, "movl $1," X "\n movl " X ",%%eax\n" KEEP("eax", 0))
BODY(n51, "movl $2," X "\n movl " X ",%%eax\n" KEEP("eax", 1))
BODY(n60, "movl $1," X "\n movl " X ",%%eax\n movl " Y ",%%ecx\n" KEEP("eax", 0) KEEP("ecx", 1))
BODY(n61, "movl $1," Y "\n movl $2," X "\n")
BODY(r0, "movl $1," X "\n movl $1," Y "\n")
BODY(r1, "movl $2," Y "\n movl " X ",%%eax\n" KEEP("eax", 0))
BODY(rm1, "movl $2," Y "\n mfence\n movl " X ",%%eax\n" KEEP("eax", 0))
BODY(s0, "movl $2," X "\n movl $1," Y "\n")
BODY(s1, "movl " Y ",%%eax\n movl $1," X "\n" KEEP("eax", 0))
BODY(w0, "movl $1," X "\n movl $2," Y "\n")
BODY(w1, "movl $1," Y "\n movl $2," X "\n")
BODY(rr1, "movl " X ",%%eax\n movl " X ",%%ecx\n" KEEP("eax", 0) KEEP("ecx", 1))
/* Message passing of a 16-byte value and of bytes that rep movsb copies before the flag is set. */
BODY(mpv0, "movl $1,%%eax\n movd %%eax,%%xmm0\n pshufd $0,%%xmm0,%%xmm0\n movups %%xmm0," X "\n movl $1," Y "\n")
BODY(mpr0, "movl $1," X "\n lock addl $1," Y "\n")

/* ANY matches every value. */
enum { ANY = -1 };
struct pattern { int a, b, c, d, x, y; };
struct test { const char *name; int threads; void (*body[4])(struct slot *); struct pattern forbidden, weak; };
#define A ANY
static const struct test TESTS[] = {
  { "SB", 2, { sb0, sb1 }, { -2 }, { 0, 0, A, A, A, A } },
  { "SB+mfence", 2, { sbm0, sbm1 }, { 0, 0, A, A, A, A }, { -2 } },
  { "SB+lock", 2, { sbl0, sbl1 }, { 0, 0, A, A, A, A }, { -2 } },
  { "SB+xchg", 2, { sbx0, sbx1 }, { 0, 0, A, A, A, A }, { -2 } },
  { "MP", 2, { mp0, mp1 }, { 1, 0, A, A, A, A }, { -2 } },
  { "MP+movups", 2, { mpv0, mp1 }, { 1, 0, A, A, A, A }, { -2 } },
  { "MP+lock", 2, { mpr0, mp1 }, { 1, 0, A, A, A, A }, { -2 } },
  { "LB", 2, { lb0, lb1 }, { 1, 1, A, A, A, A }, { -2 } },
  { "IRIW", 4, { iriw0, iriw1, iriw2, iriw3 }, { 1, 0, 1, 0, A, A }, { -2 } },
  { "n5", 2, { n50, n51 }, { 2, 1, A, A, A, A }, { -2 } },
  { "n6", 2, { n60, n61 }, { -2 }, { 1, 0, A, A, 1, A } },
  { "R", 2, { r0, r1 }, { -2 }, { 0, A, A, A, A, 2 } },
  { "R+mfence", 2, { r0, rm1 }, { 0, A, A, A, A, 2 }, { -2 } },
  { "S", 2, { s0, s1 }, { 1, A, A, A, 2, A }, { -2 } },
  { "2+2W", 2, { w0, w1 }, { A, A, A, A, 1, 1 }, { -2 } },
  { "CoRR", 2, { iriw0, rr1 }, { 1, 0, A, A, A, A }, { -2 } },
};

static int matches(const struct pattern *p, const int *o) {
  const int *want = &p->a;
  for (int i = 0; i < 6; i++) if (want[i] != ANY && want[i] != o[i]) return 0;
  return 1;
}

struct count { int outcome[6]; long times; };
static struct count counts[MAX_OUTCOMES];
static int outcomes;

static void record(const struct slot *s) {
  int o[6] = { s->r[0], s->r[1], s->r[2], s->r[3], s->x, s->y };
  int i = 0;
  while (i < outcomes && memcmp(counts[i].outcome, o, sizeof o)) i++;
  if (i == outcomes) { if (outcomes == MAX_OUTCOMES) { puts("too many outcomes"); exit(2); } memcpy(counts[outcomes++].outcome, o, sizeof o); }
  counts[i].times++;
}

static const struct test *test;
static long batches;
static int cpus;
/* How far each thread is: a meeting is over when all have come as far. */
static struct { volatile long at; char pad[LINE - 8]; } progress[4];

static void pause_or_yield(long *spins) { if (++*spins % 2000 == 0) sched_yield(); else asm volatile("pause"); }

static void meet(int me, int threads, long at) {
  long spins = 0;
  progress[me].at = at;
  for (int t = 0; t < threads; t++) while (progress[t].at < at) pause_or_yield(&spins);
}

static void pin(int cpu) { cpu_set_t set; CPU_ZERO(&set); CPU_SET(cpu, &set); sched_setaffinity(0, sizeof set, &set); }

static void *run(void *arg) {
  int me = (int)(long)arg, threads = test->threads;
  void (*body)(struct slot *) = test->body[me];
  long at = 0;
  unsigned random = 77 + me;
  for (long batch = 0; batch < batches; batch++) {
    /* Who shares a core with whom, and which core runs which body, changes from batch to batch. */
    if (batch % 64 == 0) pin((int)((me + batch / 64 * (threads > 2 ? me / 2 + 1 : 1)) % cpus));
    /* Pairs meet before every round; four threads would wait for the scheduler there, they run through the batch freely. */
    meet(me, threads, ++at);
    for (int i = 0; i < SLOTS; i++) {
      if (threads <= cpus) meet(me, threads, ++at);
      random = random * 1103515245 + 12345;
      for (unsigned wait = random >> 27; wait > 0; wait--) asm volatile("");
      body(&slots[i]);
    }
    meet(me, threads, ++at);
    if (me == 0) { for (int i = 0; i < SLOTS; i++) record(&slots[i]); memset(slots, 0, sizeof slots); }
  }
  return 0;
}

static long report(void) {
  long forbidden = 0, weak = 0;
  for (int i = 0; i < outcomes; i++) {
    if (matches(&test->forbidden, counts[i].outcome)) forbidden += counts[i].times;
    if (matches(&test->weak, counts[i].outcome)) weak += counts[i].times;
  }
  printf("%-10s rounds %ld forbidden %ld weak %ld  ", test->name, batches * SLOTS, forbidden, weak);
  for (int i = 0; i < outcomes; i++) {
    for (int r = 0; r < 6; r++) printf("%s%d", r == 0 ? " " : r == 4 ? "/" : "", counts[i].outcome[r]);
    printf(":%ld", counts[i].times);
  }
  puts("");
  fflush(stdout);
  return forbidden;
}

static long measure(void) {
  pthread_t thread[4];
  memset(slots, 0, sizeof slots);
  memset(progress, 0, sizeof progress);
  memset(counts, 0, sizeof counts);
  outcomes = 0;
  for (long t = 0; t < test->threads; t++) pthread_create(&thread[t], 0, run, (void *)t);
  for (int t = 0; t < test->threads; t++) pthread_join(thread[t], 0);
  return report();
}

static int wanted(const char *name, int argc, char **argv) {
  for (int i = 2; i < argc; i++) if (!strcmp(argv[i], name)) return 1;
  return argc <= 2;
}

int main(int argc, char **argv) {
  cpu_set_t set;
  long rounds = argc > 1 ? atol(argv[1]) : 100000, forbidden = 0;
  sched_getaffinity(0, sizeof set, &set);
  cpus = CPU_COUNT(&set);
  batches = (rounds + SLOTS - 1) / SLOTS;
  for (unsigned i = 0; i < sizeof TESTS / sizeof *TESTS; i++) {
    if (!wanted(TESTS[i].name, argc, argv)) continue;
    test = &TESTS[i];
    forbidden += measure();
  }
  return forbidden > 0;
}
