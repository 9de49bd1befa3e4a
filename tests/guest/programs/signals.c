// Handlers, siginfo of faults, alternate stack, masks, queued signals, restart, sigsuspend, itimer.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
static sigjmp_buf env;
static volatile int hits, order[16], norder;
static char *altstack;
static void fault(int sig, siginfo_t *info, void *uc) {
  ucontext_t *context = uc;
  char here;
  int alt = &here >= altstack && &here < altstack + 65536;
  printf("fault sig %d code %d addr %p alt %d rip %d err %llx trap %lld\n", sig, info->si_code,
         sig == SIGFPE || sig == SIGILL ? 0 : info->si_addr, alt, context->uc_mcontext.gregs[REG_RIP] != 0,
         sig == SIGSEGV ? (long long)context->uc_mcontext.gregs[REG_ERR] : 0, (long long)context->uc_mcontext.gregs[REG_TRAPNO]);
  siglongjmp(env, 1);
}
static void count(int sig, siginfo_t *info, void *uc) { (void)uc; hits++; if (norder < 16) order[norder++] = sig * 100 + info->si_value.sival_int; }
static void simple(int sig) { hits += sig; }
static void skip(int sig, siginfo_t *info, void *uc) { (void)sig; (void)info; ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += 2; ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] = 77; hits++; }
int main(void) {
  altstack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t ss = {.ss_sp = altstack, .ss_size = 65536};
  sigaltstack(&ss, 0);
  struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &sa, 0); sigaction(SIGFPE, &sa, 0); sigaction(SIGILL, &sa, 0); sigaction(SIGBUS, &sa, 0); sigaction(SIGTRAP, &sa, 0);
  volatile char *ro = mmap((void *)0x20000000, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  munmap((void *)0x20001000, 4096);
  if (!sigsetjmp(env, 1)) *(volatile int *)16 = 1;
  if (!sigsetjmp(env, 1)) ro[5] = 1;
  if (!sigsetjmp(env, 1)) { volatile char c = ro[4096]; (void)c; }
  if (!sigsetjmp(env, 1)) { volatile int zero = 0; volatile int r = 5 / zero; (void)r; }
  if (!sigsetjmp(env, 1)) __asm__ volatile("ud2");
  if (!sigsetjmp(env, 1)) ((void (*)(void))0x20000000)();
  if (!sigsetjmp(env, 1)) __asm__ volatile("movabs $0x8000000000000000, %%rax; mov (%%rax), %%rax" ::: "rax");
  sa.sa_sigaction = skip; sa.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &sa, 0);
  long rax; __asm__ volatile("ud2" : "=a"(rax) : : "memory");
  printf("skipped %ld hits %d\n", rax, hits);
  hits = 0;
  sa.sa_sigaction = count; sigemptyset(&sa.sa_mask);
  for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) sigaction(s, &sa, 0);
  sigset_t set, old, pending; sigemptyset(&set);
  for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) sigaddset(&set, s);
  sigprocmask(SIG_BLOCK, &set, &old);
  for (int i = 0; i < 3; i++) for (int s = SIGRTMIN + 2; s >= SIGRTMIN; s--) sigqueue(getpid(), s, (union sigval){.sival_int = i});
  sigpending(&pending);
  printf("pending %d\n", sigismember(&pending, SIGRTMIN));
  siginfo_t info;
  struct timespec zero = {0, 0};
  int got = sigtimedwait(&set, &info, &zero);
  printf("sigtimedwait %d value %d\n", got - SIGRTMIN, info.si_value.sival_int);
  sigprocmask(SIG_SETMASK, &old, 0);
  printf("queued %d:", hits);
  for (int i = 0; i < norder; i++) printf(" %d", order[i] - SIGRTMIN * 100);
  printf("\n");
  int fds[2]; pipe(fds);
  struct itimerval it = {.it_value = {0, 20000}};
  struct sigaction alrm = {.sa_handler = simple};
  sigaction(SIGALRM, &alrm, 0);
  setitimer(ITIMER_REAL, &it, 0);
  hits = 0; char c;
  int n = read(fds[0], &c, 1);
  printf("read %d %s hits %d\n", n, n < 0 && errno == EINTR ? "EINTR" : "?", hits);
  alrm.sa_flags = SA_RESTART; sigaction(SIGALRM, &alrm, 0);
  if (fork() == 0) { usleep(60000); write(fds[1], "x", 1); _exit(0); }
  setitimer(ITIMER_REAL, &it, 0);
  n = read(fds[0], &c, 1);
  printf("restarted read %d %c hits %d\n", n, c, hits);
  sigset_t block; sigemptyset(&block); sigaddset(&block, SIGUSR1); sigprocmask(SIG_BLOCK, &block, 0);
  signal(SIGUSR1, simple); hits = 0;
  kill(getpid(), SIGUSR1);
  printf("blocked %d\n", hits);
  sigset_t none; sigemptyset(&none);
  n = sigsuspend(&none) == -1 && errno == EINTR;
  printf("sigsuspend %d hits %d\n", n, hits);
  struct timespec req = {0, 50000000}, rem;
  it.it_value.tv_usec = 10000; setitimer(ITIMER_REAL, &it, 0);
  n = nanosleep(&req, &rem);
  printf("nanosleep %d rest %d\n", n, n == -1 && rem.tv_nsec > 10000000 && rem.tv_nsec < 50000000);
  double d = 1.5; volatile double e = d * 3;
  raise(SIGUSR1); sigsuspend(&none);
  printf("double %g\n", e);
  signal(SIGTERM, SIG_DFL);
  fflush(stdout);
  kill(getpid(), SIGTERM);
  return 0;
}
