// Debug registers by PTRACE_POKEUSER: watched writes, breakpoints, what DR6 and the signal tell (SDM Vol. 3B, 18.2).
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(e) do { long r_ = (e); printf("%s = %ld %s\n", #e, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)

static volatile long watched;
static volatile int number;
static char bytes[16] __attribute__((aligned(16)));
static pid_t child;

__attribute__((noinline, noclone)) static void point(int n) { number = n; asm volatile("" ::: "memory"); }
static void on_signal(int sig) { (void)sig; watched = 100; }

static void program(void) {
  ptrace(PTRACE_TRACEME, 0, 0, 0), signal(SIGUSR1, on_signal), raise(SIGSTOP);
  watched = 1, watched = 2, number = 3, watched = 4;
  point(5), point(6);
  bytes[0] = 1, bytes[3] = 2, bytes[4] = 3, bytes[7] = 4, bytes[8] = 5;
  raise(SIGUSR1);
  int p[2]; if (pipe(p) || write(p[1], "12345678", 8) != 8 || read(p[0], (void *)&watched, 8) != 8) _exit(1);
  watched = 7;
  raise(SIGSTOP);
  watched = 8;
  execl("/proc/self/exe", "debug-registers", "again", (char *)0);
}

static long set(int n, long value) { return ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[n]), value); }
static long get(int n) { errno = 0; return ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, u_debugreg[n]), 0); }
static long control(int n, int type, int length) { return 1L << (2 * n) | (long)(type | length << 2) << (16 + 4 * n); }

/* Goes on until the next stop. */
static int on(int request) {
  int status; siginfo_t i = {0};
  ptrace(request, child, 0, 0), waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) { printf("  ended %x\n", status); return 0; }
  ptrace(PTRACE_GETSIGINFO, child, 0, &i);
  printf("  %s code %d dr6 %lx watched %ld number %ld", sigabbrev_np(WSTOPSIG(status)), i.si_code, get(6) & 0xe00f, ptrace(PTRACE_PEEKDATA, child, &watched, 0), ptrace(PTRACE_PEEKDATA, child, &number, 0) & 0xffffffff);
  struct user_regs_struct r; ptrace(PTRACE_GETREGS, child, 0, &r);
  printf("%s\n", r.rip == (unsigned long)point ? " at point" : "");
  return WSTOPSIG(status);
}
static void pass(int sig) { int status; ptrace(PTRACE_CONT, child, 0, sig), waitpid(child, &status, 0); printf("  passed, then %s\n", WIFSTOPPED(status) ? sigabbrev_np(WSTOPSIG(status)) : "the end"); }

static void refusals(void) {
  TRY(get(0)); TRY(get(7)); TRY(set(0, 1L << 62)); TRY(set(0, (long)&watched)); TRY(get(0) == (long)&watched); TRY(set(4, 1)); TRY(set(5, 1)); TRY(set(7, control(0, 2, 0))); TRY(set(7, control(0, 0, 3)));
  TRY(set(0, (long)&watched + 1)); TRY(set(7, control(0, 1, 3))); TRY(get(7)); TRY(set(0, (long)&watched)); TRY(set(7, control(0, 1, 3))); TRY(get(7) == control(0, 1, 3)); TRY(set(6, 0)); TRY(get(6) & 0xe00f);
}

int main(int argc, char **argv) {
  if (argc > 1) { watched = 5; printf("again\n"); return 3; }
  int status;
  if ((child = fork()) == 0) { program(); _exit(1); }
  waitpid(child, &status, 0);
  refusals();
  puts("writes"), on(PTRACE_CONT), on(PTRACE_CONT), on(PTRACE_CONT);
  puts("a breakpoint"), set(1, (long)point), set(7, control(1, 0, 0)), on(PTRACE_CONT), on(PTRACE_CONT);
  puts("some bytes"), set(7, 0), set(2, (long)bytes + 4), set(7, control(2, 1, 3 & 3)), on(PTRACE_CONT), on(PTRACE_CONT);
  puts("in a handler"), set(7, control(0, 1, 2)), on(PTRACE_CONT), pass(SIGUSR1);
  printf("  watched %ld\n", ptrace(PTRACE_PEEKDATA, child, &watched, 0));
  puts("not by a call"), on(PTRACE_CONT);
  puts("a step"), on(PTRACE_SINGLESTEP), on(PTRACE_CONT);
  fflush(stdout);
  puts("another program"), on(PTRACE_CONT), pass(0), printf("dr6 %lx dr7 %lx\n", get(6) & 0xe00f, get(7)), fflush(stdout), on(PTRACE_CONT);
  return 0;
}
