/* Runs the generated cases of an assembly file on random states: asm-driver [rounds] [case [round]]
   Prints a check sum per case over registers, flags, memory, and every fault on the way; with a case, one line per round;
   with a round as well, what the state is made of. The last page of the data is inaccessible at the start of each round:
   the first access to it, wherever it happens, faults with a state that counts, and is then repeated. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { PAGE = 4096, DATA_PAGES = 4, FIXED_RBX = 2 * PAGE, R_RBX = 3, R_RSP = 4, R_R12 = 12, R_R15 = 15 };
struct state { uint64_t gpr[16]; uint64_t flags; uint64_t pad; uint8_t fx[512]; } __attribute__((aligned(64)));
struct state fuzz_state;
/* Where a fault that cannot be repeated continues; the cases set it. */
uint64_t fuzz_resume;
uint8_t fuzz_data[DATA_PAGES * PAGE] __attribute__((aligned(4096)));
uint8_t fuzz_forbidden[PAGE] __attribute__((aligned(4096)));
uint8_t fuzz_stack2[16384] __attribute__((aligned(4096)));
extern void (*const fuzz_cases[])(void);
extern const int fuzz_case_count;
extern const uint64_t fuzz_seeds[];

/* CF PF ZF SF DF OF; AF is undefined after logic operations. */
enum { FLAGS = 0xcc5 };
static uint64_t sum;
static int verbose;
static volatile long ticks;

static void mix(uint64_t value) { sum = (sum ^ value) * 0x100000001b3u; sum ^= sum >> 29; }
/* Quicker, for much data. */
static uint64_t fold(const uint8_t *from, size_t bytes) {
  uint64_t folded = 1;
  for (size_t i = 0; i < bytes; i += 8) folded = (folded << 7 | folded >> 57) + *(const uint64_t *)(from + i);
  return folded;
}
static void mix_bytes(const void *from, size_t bytes) { for (size_t i = 0; i < bytes; i += 8) { uint64_t v; memcpy(&v, (const char *)from + i, 8); mix(v); } }

static void show(const char *what, const uint64_t *gpr, const uint8_t *xmm) {
  printf("  %s:", what);
  for (int i = 0; i < 16; i++) printf(" %llx", (unsigned long long)(i == R_RSP ? 0 : gpr[i]));
  printf("\n   xmm:");
  for (int i = 0; i < 16; i++) printf(" %016llx%016llx", (unsigned long long)((uint64_t *)(xmm + 16 * i))[1], (unsigned long long)((uint64_t *)(xmm + 16 * i))[0]);
  puts("");
}

/* Order of the registers in a signal frame. */
static const int GREGS[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

static void on_fault(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  uint64_t gpr[16];
  uintptr_t at = (uintptr_t)info->si_addr, last = (uintptr_t)fuzz_data + (DATA_PAGES - 1) * PAGE;
  for (int i = 0; i < 16; i++) gpr[i] = i == R_RSP ? 0 : (uint64_t)uc->uc_mcontext.gregs[GREGS[i]];
  mix(signo);
  if (signo == SIGSEGV) mix((at - (uintptr_t)fuzz_data) / PAGE);
  mix_bytes(gpr, sizeof gpr);
  mix_bytes(uc->uc_mcontext.fpregs->_xmm, 256);
  if (verbose > 1) { printf("  signal %d rip %llx\n", signo, (unsigned long long)uc->uc_mcontext.gregs[REG_RIP]); show("at fault", gpr, (uint8_t *)uc->uc_mcontext.fpregs->_xmm); }
  if (signo == SIGSEGV && at >= last && at < last + PAGE) { mprotect((void *)last, PAGE, PROT_READ | PROT_WRITE); return; }
  if (fuzz_resume == 0) { printf("unexpected signal %d at %llx, address %lx\n", signo, (unsigned long long)uc->uc_mcontext.gregs[REG_RIP], (long)at); exit(1); }
  uc->uc_mcontext.gregs[REG_RIP] = fuzz_resume;
}

static void on_tick(int signo) { (void)signo; ticks++; }

static uint64_t seed;
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }
static uint64_t value(void) {
  uint64_t v = next();
  switch (v & 7) {
    case 0: return (int64_t)(int8_t)(v >> 8);
    case 1: return v >> 8 & 0xff;
    case 2: return v >> 32;
    case 3: return (int64_t)(int32_t)(v >> 16);
    case 4: return 1ull << (v >> 8 & 63);
    default: return v;
  }
}

static void fill_floats(uint8_t *xmm) {
  for (int i = 0; i < 16; i++) {
    double d = (int64_t)next() / 65536.0;
    float f[4] = { (int32_t)next() / 256.0f, (int32_t)next() / 65536.0f, 1.5f, (int32_t)next() };
    if (next() & 1) { memcpy(xmm + 16 * i, &d, 8); d = -d * 3; memcpy(xmm + 16 * i + 8, &d, 8); }
    else memcpy(xmm + 16 * i, f, 16);
  }
}

static uint8_t pool[sizeof fuzz_data + 2048];
static void fill_pool(int which) {
  seed = fuzz_seeds[which] + 0x1234567;
  for (size_t i = 0; i < sizeof pool; i += 8) { uint64_t v = (next() & 1) ? next() : value(); memcpy(pool + i, &v, 8); }
}

static void prepare(int which, int round) {
  seed = fuzz_seeds[which] * 0x9e3779b97f4a7c15u + round * 0xd1342543de82ef95u + 1;
  for (int i = 0; i < 4; i++) next();
  for (int i = 0; i < 16; i++) fuzz_state.gpr[i] = value();
  fuzz_state.gpr[R_RBX] = (uint64_t)fuzz_data + FIXED_RBX;
  fuzz_state.gpr[R_R12] = next() & 255;
  fuzz_state.gpr[R_R15] = 20 + (next() & 127);
  fuzz_state.flags = 0x202 | (next() & 0x8d5);
  asm volatile("fninit\n fxsaveq %0" : "=m"(fuzz_state.fx));
  *(uint32_t *)(fuzz_state.fx + 24) = 0x1f80;
  fill_floats(fuzz_state.fx + 160);
  memcpy(fuzz_data, pool + (next() & 0x7f8), sizeof fuzz_data);
  memset(fuzz_stack2, 0, sizeof fuzz_stack2);
  mprotect(fuzz_data + (DATA_PAGES - 1) * PAGE, PAGE, PROT_NONE);
}

static void account(void) {
  uint8_t *xmm = fuzz_state.fx + 160;
  mprotect(fuzz_data + (DATA_PAGES - 1) * PAGE, PAGE, PROT_READ | PROT_WRITE);
  fuzz_state.gpr[R_RSP] = 0;
  mix_bytes(fuzz_state.gpr, sizeof fuzz_state.gpr);
  mix(fuzz_state.flags & FLAGS);
  mix_bytes(xmm, 256);
  mix(*(uint32_t *)(fuzz_state.fx + 24));
  mix(*(uint16_t *)fuzz_state.fx | *(uint16_t *)(fuzz_state.fx + 2) << 16);
  mix(fold(fuzz_data, sizeof fuzz_data));
  if (verbose > 1) {
    show("end", fuzz_state.gpr, xmm);
    printf("   flags %llx mxcsr %x fcw %x fsw %x\n", (unsigned long long)fuzz_state.flags & FLAGS, *(uint32_t *)(fuzz_state.fx + 24), *(uint16_t *)fuzz_state.fx, *(uint16_t *)(fuzz_state.fx + 2));
    for (size_t i = 0; i < sizeof fuzz_data; i += 64) { printf("   +%04zx", i); for (int k = 0; k < 64; k += 8) printf(" %016llx", *(unsigned long long *)(fuzz_data + i + k)); puts(""); }
  }
}

static void run_case(int which, int rounds, int only) {
  sum = 0xcbf29ce484222325u;
  fill_pool(which);
  for (int round = 0; round < rounds; round++) {
    int is_shown = only < 0 || round == only;
    if (!is_shown) continue;
    /* One round in four is interrupted all the time. */
    struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
    prepare(which, round);
    fuzz_resume = 0;
    if (round % 4 == 3) setitimer(ITIMER_REAL, &often, 0);
    fuzz_cases[which]();
    if (round % 4 == 3) setitimer(ITIMER_REAL, &never, 0);
    account();
    if (verbose) printf(" round %d %016llx\n", round, (unsigned long long)sum);
  }
  printf("case %llx %016llx\n", (unsigned long long)fuzz_seeds[which], (unsigned long long)sum);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 60, which = argc > 2 ? atoi(argv[2]) : -1, only = argc > 3 ? atoi(argv[3]) : -1;
  static char handler_stack[65536];
  stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof handler_stack };
  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK }, tick = { .sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_RESTART };
  verbose = (argc > 2) + (argc > 3);
  sigaltstack(&stack, 0);
  for (int i = 0; i < 3; i++) sigaction((int[]){ SIGSEGV, SIGFPE, SIGILL }[i], &action, 0);
  sigaction(SIGALRM, &tick, 0);
  mprotect(fuzz_forbidden, PAGE, PROT_NONE);
  for (int i = 0; i < fuzz_case_count; i++) if (which < 0 || which == i) run_case(i, rounds, only);
  return 0;
}
