// Small callees, which translated code copies to their calls: loops, flags and results that live across a return,
// a return address that the callee changes, faults and signals in the callee; structures across page ends.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))

NOINLINE static uint64_t mix(uint64_t v, uint64_t k) { return (v ^ (v >> 29)) * (k | 1); }
NOINLINE static uint64_t twice(uint64_t v) { return mix(mix(v, 3), v) + 1; }
NOINLINE static unsigned length(const char *s) { unsigned n = 0; while (*s++) n++; return n; }
NOINLINE static int sign(int64_t v) { if (v < 0) return -1; return v > 0; }
NOINLINE static uint64_t steps(uint64_t v) { return v < 2 ? v : steps(v - 1) + (v & 3); }

// Carry and zero come back in the flags; the callee in the middle goes on 3 bytes behind its call.
__asm__(
  ".text\n"
  "add_with_carry: add %rsi, %rdi; ret\n"
  "go_on_behind: addq $3, (%rsp); ret\n"
  ".globl carries\n"
  "carries: xor %eax, %eax\n"
  "1: call add_with_carry\n"
  "   adc $0, %eax\n"
  "   call go_on_behind\n"
  "   .byte 0x83, 0xc0, 0x64\n"  // add $100, %eax: never run
  "   dec %rdx\n"
  "   jnz 1b\n"
  "   ret\n");
uint64_t carries(uint64_t value, uint64_t step, uint64_t times);

struct record { uint64_t a; uint32_t b; uint16_t c; uint8_t d; uint8_t e; uint64_t f[4]; };
NOINLINE static void touch(struct record *r) {
  r->a = r->a * 31 + r->b;
  r->b ^= (uint32_t)r->a + r->c;
  r->c += r->d;
  r->d = (uint8_t)(r->c >> 3);
  r->e++;
  r->f[r->b & 3] += r->f[3] + r->e;
  r->f[0] ^= r->a;
}
NOINLINE static uint64_t sum(const struct record *r) { return r->a + r->b + r->c + r->d + r->e + r->f[0] + r->f[1] * 3 + r->f[2] * 5 + r->f[3] * 7; }

static sigjmp_buf out;
static volatile sig_atomic_t faults;
static uint64_t *hole;
static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number; (void)context;
  faults++;
  if (info->si_addr == (void *)(hole + 512)) siglongjmp(out, 1);
  mprotect((void *)((uintptr_t)info->si_addr & ~0xfffUL), 4096, PROT_READ | PROT_WRITE);
}
NOINLINE static uint64_t peek(uint64_t *p, long i) { return p[i] + p[i + 1] * 3; }

int main(void) {
  uint64_t h = 1;
  for (int i = 0; i < 400000; i++) h = twice(h) + mix(i, h);
  printf("mix %016lx\n", h);
  unsigned n = 0;
  for (int i = 0; i < 100000; i++) n += length("some words of a sentence" + (i % 24)) + (unsigned)sign((int64_t)h * i);
  printf("length %u\n", n);
  for (int i = 0; i < 2000; i++) h += steps(i % 40);
  printf("steps %016lx\n", h);
  printf("carries %lu %lu\n", carries(0, 0x1234567890abcdef, 100000), carries(~0UL, 1, 100000));

  char *pages = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (unsigned i = 0; i < 5 * 4096; i++) pages[i] = (char)(i * 7 + (i >> 8));
  // The two pages change places: frames behind neighbouring addresses are no neighbours.
  char *moved = mmap(0, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mremap(pages + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, moved + 4096);
  mremap(pages + 3 * 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
  mremap(pages, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, moved + 2 * 4096);
  for (int round = 0; round < 900; round++) {
    for (int at = 0; at < 3 * 4096 - (int)sizeof(struct record); at += 37) touch((struct record *)(moved + at));
  }
  for (int at = 0; at < 3 * 4096 - (int)sizeof(struct record); at += 61) h = h * 31 + sum((struct record *)(moved + at));
  printf("records %016lx\n", h);

  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
  sigaction(SIGSEGV, &action, 0);
  hole = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 2048; i++) hole[i] = i;
  for (int i = 0; i < 50000; i++) h += peek(hole, i % 2000);
  mprotect(hole + 512, 4096, PROT_NONE);
  mprotect(hole + 1024, 4096, PROT_NONE);
  for (int i = 0; i < 40; i++) {
    if (sigsetjmp(out, 1) == 0) h += peek(hole, 500 + i);
    else h = h * 3 + 1;
  }
  for (int i = 1020; i < 1040; i++) if (sigsetjmp(out, 1) == 0) h += peek(hole, i);
  printf("faults %d %016lx\n", (int)faults, h);
  return 0;
}
