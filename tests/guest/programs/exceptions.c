/* Processor exceptions as signals: number, code, address, vector and error code of each. */
#define _GNU_SOURCE
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static char *base;

/* si_addr relative to what the program knows: the faulting instruction or the mapping under test. */
static void print_address(unsigned long addr, unsigned long rip) {
  if (addr == rip) printf("rip");
  else if (addr - (unsigned long)base < 0x4000) printf("base+%lx", addr - (unsigned long)base);
  else printf("%lx", addr);
}

static void on_signal(int signo, siginfo_t *info, void *context) {
  greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
  printf("signal %d code %d address ", signo, info->si_code);
  print_address((unsigned long)info->si_addr, (unsigned long)regs[REG_RIP]);
  printf(" vector %d error %llx\n", (int)regs[REG_TRAPNO], (unsigned long long)regs[REG_ERR] & ~1ull);
  siglongjmp(back, 1);
}

#define TRY(name, ...)                   \
  do {                                   \
    printf("%s: ", name);                \
    if (sigsetjmp(back, 1) == 0) {       \
      __VA_ARGS__;                       \
      printf("no signal\n");             \
    }                                    \
  } while (0)

#define TRY_FLOAT(name, exception, ...)  \
  do {                                   \
    feclearexcept(FE_ALL_EXCEPT);        \
    feenableexcept(exception);           \
    TRY(name, __VA_ARGS__);              \
    __asm__ volatile("fnclex");          \
    fedisableexcept(FE_ALL_EXCEPT);      \
    feclearexcept(FE_ALL_EXCEPT);        \
  } while (0)

static void memory_faults(void) {
  base = (char *)0x10000000;
  mmap(base, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mmap(base + 4096, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  TRY("read null", *(volatile int *)16);
  TRY("write null", *(volatile int *)16 = 1);
  TRY("write read-only", *(volatile char *)base = 1);
  TRY("read none", *(volatile char *)(base + 4096));
  TRY("read into none", *(volatile long *)(base + 4092));
  TRY("execute data", ((void (*)(void))base)());
  TRY("execute null", ((void (*)(void))8)());
  TRY("non-canonical", *(volatile char *)0x8000000000000000ul);
  TRY("kernel half", *(volatile char *)0xffff800000000000ul);
  TRY("non-canonical stack", __asm__ volatile("mov %%rsp, %%rbx; movabs $0x8000000000000000, %%rsp; push %%rax; mov %%rbx, %%rsp" ::: "rbx", "memory"));
  TRY("non-canonical jump", __asm__ volatile("movabs $0x8000000000000000, %%rax; jmp *%%rax" ::: "rax"));
  TRY("unaligned movaps", __asm__ volatile("movaps 1(%0), %%xmm0" ::"r"(base) : "xmm0"));
  int fd = memfd_create("short", 0);
  if (ftruncate(fd, 4096) != 0) return;
  base = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  TRY("beyond the end of the file", *(volatile char *)(base + 4096));
}

static void instruction_faults(void) {
  volatile int zero = 0, minimum = -2147483647 - 1, minus = -1, result = 0;
  TRY("divide by zero", result = 1 / zero);
  TRY("divide overflow", result = minimum / minus);
  TRY("ud2", __asm__ volatile("ud2"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("int 4", __asm__ volatile("int $4"));
  TRY("int 5", __asm__ volatile("int $5"));
  TRY("hlt", __asm__ volatile("hlt"));
  TRY("in", __asm__ volatile("inb $0x60, %%al" ::: "rax"));
  TRY("lock with registers", __asm__ volatile(".byte 0xf0, 0x89, 0xc0"));
  TRY("16 bytes", __asm__ volatile(".fill 15, 1, 0x66; nop"));
  (void)result;
}

static void float_faults(void) {
  volatile double zero = 0, one = 1, third = 1.0 / 3, huge = 1e308, tiny = 1e-308, result = 0;
  volatile long double wide_zero = 0, wide_one = 1, wide = 0;
  TRY_FLOAT("SSE divide by zero", FE_DIVBYZERO, result = one / zero);
  TRY_FLOAT("SSE invalid", FE_INVALID, result = zero / zero);
  TRY_FLOAT("SSE overflow", FE_OVERFLOW, result = huge * huge);
  TRY_FLOAT("SSE underflow", FE_UNDERFLOW, result = tiny * tiny);
  TRY_FLOAT("SSE inexact", FE_INEXACT, result = third * third);
  TRY_FLOAT("x87 divide by zero", FE_DIVBYZERO, wide = wide_one / wide_zero; __asm__ volatile("fwait"));
  TRY_FLOAT("x87 invalid", FE_INVALID, wide = wide_zero / wide_zero; __asm__ volatile("fwait"));
  (void)result;
  (void)wide;
}

int main(void) {
  static char stack[65536];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  const struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  sigaltstack(&alternate, NULL);
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
  memory_faults();
  instruction_faults();
  float_faults();
  return 0;
}
