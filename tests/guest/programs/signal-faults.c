// Faults as signals: codes, addresses, machine context; what a handler finds and leaves behind.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile uintptr_t faultIp;

static void describe(int sig, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  greg_t *regs = uc->uc_mcontext.gregs;
  printf("signal %d code %d", sig, info->si_code);
  if (sig == SIGSEGV || sig == SIGBUS) printf(" addr is cr2 %d low %d trap %lld error %llx", info->si_addr == (void *)regs[REG_CR2], info->si_addr == (void *)0x10, regs[REG_TRAPNO], regs[REG_ERR]);
  if (sig == SIGFPE || sig == SIGILL) printf(" addr is rip %d", info->si_addr == (void *)regs[REG_RIP]);
  printf(" segments %llx aligned %d\n", (unsigned long long)regs[REG_CSGSFS], (int)((uintptr_t)__builtin_frame_address(0) % 16));
  siglongjmp(back, 1);
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigaction(sig, &action, 0);
}

static void readLow(void) { *(volatile int *)0x10; }
static void writeLow(void) { *(volatile int *)0x10 = 1; }
static void writeReadOnly(void) {
  char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile char c = *page;
  *(volatile char *)page = c;
}
static void readNone(void) { *(volatile char *)mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void execData(void) {
  char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *page = (char)0xc3;
  ((void (*)(void))page)();
}
static void divide(void) { __asm__ volatile("xor %%ecx,%%ecx; xor %%edx,%%edx; mov $1,%%eax; idiv %%ecx" ::: "eax", "ecx", "edx"); }
static void illegal(void) { __asm__ volatile("ud2"); }
static void trap(void) { __asm__ volatile("int3"); }
static void nonCanonical(void) { *(volatile char *)0x8000000000000000ull = 1; }
static void beyondEnd(void) {
  FILE *file = tmpfile();
  char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
  page[0] = 1;
}
static void privileged(void) { __asm__ volatile("hlt"); }

static void floats(int sig) {
  volatile double d = 1.5;
  volatile long double l = 2;
  d *= 3;
  l *= d;
  __asm__ volatile("pxor %%xmm7,%%xmm7; fninit" ::: "xmm7");
}

static volatile int depth, deepest;
static void nested(int sig, siginfo_t *info, void *context) {
  if (++depth > deepest) deepest = depth;
  if (sig == SIGUSR1) raise(SIGUSR2);
  depth--;
}

static void skip(int sig, siginfo_t *info, void *context) { ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2; }

int main(void) {
  setbuf(stdout, 0);
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) install(signals[i], describe, SA_NODEFER);
  static void (*const faults[])(void) = {readLow, writeLow, writeReadOnly, readNone, execData, divide, illegal, trap, nonCanonical, beyondEnd, privileged};
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
    if (!sigsetjmp(back, 1)) faults[i]();

  signal(SIGUSR1, floats);
  double seven[2] = {7, 8}, kept[2], pi;
  __asm__ volatile("movupd %2,%%xmm7; fldpi; mov %3,%%edi; mov %4,%%eax; syscall; mov %%eax,%%edi; mov %5,%%esi; mov %6,%%eax; syscall; movupd %%xmm7,%0; fstpl %1"
                   : "=m"(kept), "=m"(pi)
                   : "m"(seven), "i"(0), "i"(39), "i"(SIGUSR1), "i"(62)
                   : "rax", "rdi", "rsi", "rcx", "r11", "xmm7", "memory");
  printf("kept %g %g %.12f\n", kept[0], kept[1], pi);

  install(SIGUSR1, nested, 0);
  install(SIGUSR2, nested, 0);
  raise(SIGUSR1);
  printf("deepest %d\n", deepest);

  install(SIGILL, skip, 0);
  __asm__ volatile("ud2");
  puts("skipped");

  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      sigset_t all;
      sigfillset(&all);
      if (i == 0) sigprocmask(SIG_BLOCK, &all, 0);
      if (i == 1) signal(SIGSEGV, SIG_IGN);
      if (i == 2) signal(SIGSEGV, SIG_DFL);
      writeLow();
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("killed by %d\n", WTERMSIG(status));
  }
  return 0;
}
