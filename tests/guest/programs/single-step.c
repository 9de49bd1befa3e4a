// RFLAGS.TF: steps of a tracer, breakpoints, repeated string instructions, handlers and calls while stepping, and a program that steps itself.
#include "ptrace.h"
#include <ucontext.h>

char source[64] = "0123456789", target[64];
double number = 1.5;

__attribute__((noinline, noclone)) int add(int a, int b) {
  asm volatile("nop");
  return a + b;
}

// A fixed sequence of instructions between two labels.
__attribute__((noinline, noclone)) static long sequence(long count) {
  long flags;
  asm volatile(
      ".globl sequence_start\nsequence_start:\n"
      "mov $5, %%eax\n"
      "cmp $5, %%eax\n"
      "sub $6, %%eax\n"
      "jns 1f\n"
      "add $1, %%eax\n"
      "1: lea target(%%rip), %%rdi\n"
      "lea source(%%rip), %%rsi\n"
      "mov $4, %%ecx\n"
      "rep movsb\n"
      "lea source(%%rip), %%rsi\n"
      "lea target(%%rip), %%rdi\n"
      "mov $9, %%ecx\n"
      "cmp %%ecx, %%ecx\n"
      "repe cmpsb\n"
      "lea target(%%rip), %%rdi\n"
      "mov $'2', %%eax\n"
      "mov $8, %%ecx\n"
      "repne scasb\n"
      "xor %%ecx, %%ecx\n"
      "rep stosb\n"
      "movsd number(%%rip), %%xmm3\n"
      "addsd %%xmm3, %%xmm3\n"
      "fldl number(%%rip)\n"
      "fadd %%st(0), %%st(0)\n"
      "fstpl number(%%rip)\n"
      "lock incl target(%%rip)\n"
      "call add\n"
      "pushfq\n"
      "pop %0\n"
      "mov $110, %%eax\n"
      "syscall\n"
      "nop\n"
      ".globl sequence_end\nsequence_end:\n"
      "nop\n"
      : "=&r"(flags) : "D"(1), "S"(2) : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm3", "memory", "cc");
  return flags;
}
extern char sequence_start[], sequence_end[];

static volatile int signals;
static void on_signal(int signo) { signals++; }

static void child_main(void) {
  signal(SIGUSR1, on_signal);
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  long flags = sequence(3);
  int sum = add(1, 2) + add(3, 4);
  _exit(flags & 0x100 ? 1 : sum == 10 && number == 3 ? signals : 2);
}

static void insert(pid_t pid, char *at, long *saved) {
  *saved = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
  request("insert", PTRACE_POKETEXT, pid, at, (void *)((*saved & ~0xffl) | 0xcc));
}

static void step_through(pid_t pid) {
  long saved;
  struct user_regs_struct regs;
  insert(pid, sequence_start, &saved);
  ptrace(PTRACE_CONT, pid, 0, 0);
  await("breakpoint", pid);
  siginfo_t info;
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  printf("code %x rip +%lld\n", info.si_code, regs.rip - (long long)sequence_start);
  ptrace(PTRACE_POKETEXT, pid, sequence_start, (void *)saved);
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rip), sequence_start);
  int steps = 0;
  do {
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    int status = stopped(pid);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
    long long offset = regs.rip - (long long)sequence_start;
    printf("%d: +%lld flags %llx rax %llx rcx %llx status %x code %d orig %lld\n", ++steps, offset > 0 && offset < 1000 ? offset : -1, regs.eflags & 0xdd5 & ~0x10,
           regs.rax == getpid() || (regs.rax > 0x10000 && regs.rax != 0xffffffff) ? 0 : regs.rax, offset > 0 && offset < 200 && regs.rcx < 100 ? regs.rcx : 0, status, info.si_code, regs.orig_rax);
  } while (regs.rip != (unsigned long long)sequence_end && steps < 100);
}

static void step_handler(pid_t pid) {
  struct user_regs_struct regs;
  ptrace(PTRACE_SINGLESTEP, pid, 0, SIGUSR1);
  await("into handler", pid);
  siginfo_t info;
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("at handler %d code %d\n", regs.rip == (unsigned long long)on_signal, info.si_code);
  ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
  await("in handler", pid);
}

static void breakpoints(pid_t pid) {
  long saved;
  insert(pid, (char *)add, &saved);
  for (int i = 0; i < 2; i++) {
    ptrace(PTRACE_CONT, pid, 0, 0);
    await("add", pid);
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("add(%lld, %lld)\n", regs.rdi, regs.rsi);
    ptrace(PTRACE_POKETEXT, pid, (void *)add, (void *)saved);
    regs.rip--;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    await("step over", pid);
    insert(pid, (char *)add, &saved);
  }
  ptrace(PTRACE_POKETEXT, pid, (void *)add, (void *)saved);
}

__attribute__((noinline, noclone)) long mix(long x) {
  asm volatile("" ::: "memory");
  return x * 3 + 1;
}

// Breakpoints and changes of code that has run hot.
static void hot_code(void) {
  pid_t pid = fork();
  if (pid == 0) for (long x = 0;; x = mix(x)) ;
  request("seize", PTRACE_SEIZE, pid, 0, 0);
  usleep(300000);
  for (int round = 0; round < 3; round++) {
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    await("interrupted", pid);
    long saved;
    insert(pid, (char *)mix, &saved);
    ptrace(PTRACE_CONT, pid, 0, 0);
    await("in hot code", pid);
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    printf("at mix+%lld\n", regs.rip - (long long)mix);
    regs.rip--;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    ptrace(PTRACE_POKETEXT, pid, (void *)mix, (void *)saved);
    for (int i = 0; i < 5; i++) {
      ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
      stopped(pid);
    }
    ptrace(PTRACE_CONT, pid, 0, 0);
    usleep(50000);
  }
  kill(pid, SIGKILL);
  await("hot", pid);
}

static volatile int traps, where[64];
static void on_trap(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  if (traps < 64) where[traps] = (info->si_code << 16) | (uc->uc_mcontext.gregs[REG_EFL] & 0x100);
  traps++;
}

static void step_itself(void) {
  struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
  sigaction(SIGTRAP, &action, 0);
  long seen = 0;
  asm volatile(
      "pushfq\norl $0x100, (%%rsp)\npopfq\n"
      "nop\nmov $7, %%ecx\nadd $1, %%ecx\n"
      "mov $39, %%eax\nsyscall\n"
      "pushfq\norl $0x100, (%%rsp)\nandl $~0x100, (%%rsp)\npopfq\nnop\nnop\n"
      "mov %%rcx, %0\n"
      : "=r"(seen) : : "rax", "rcx", "r11", "memory", "cc");
  printf("traps %d\n", traps);
  for (int i = 0; i < traps && i < 64; i++) printf(" %x", where[i]);
  printf("\n");
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  pid_t pid = fork();
  if (pid == 0) child_main();
  await("first", pid);
  step_through(pid);
  step_handler(pid);
  breakpoints(pid);
  ptrace(PTRACE_CONT, pid, 0, 0);
  await("end", pid);
  hot_code();
  step_itself();
  return 0;
}
