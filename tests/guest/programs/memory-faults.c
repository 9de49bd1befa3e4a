// What faults: signal, code and address of bad accesses; code that changes; truncated files; high addresses.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
typedef int (*code)(void);
static sigjmp_buf back;
static volatile int sig, sicode;
static void *volatile at;
static void handler(int s, siginfo_t *info, void *context) {
  (void)context;
  sig = s; sicode = info->si_code; at = info->si_addr;
  siglongjmp(back, 1);
}
#define TRY(base, statement) do { sig = sicode = 0; at = 0; if (!sigsetjmp(back, 1)) { statement; } \
  printf("%s: %d %d %ld\n", #statement, sig, sicode, sig ? (long)((char *)at - (char *)(base)) : 0); } while (0)
static int deep(int n) { volatile char block[4000]; block[0] = n; return n == 0 ? block[0] : deep(n - 1) + block[0] * 0; }
static void emit(unsigned char *to, int value) { to[0] = 0xb8; memcpy(to + 1, &value, 4); to[5] = 0xc3; }

static void permissions(void) {
  volatile char *p = mmap(0, 16 * P, RW, ANON, -1, 0);
  TRY(0, *(volatile char *)0x10 = 1);
  mprotect((void *)(p + P), P, PROT_READ);
  TRY(p, p[P] = 1);
  TRY(p, p[P - 1] = 1);
  munmap((void *)(p + 2 * P), P);
  TRY(p, p[2 * P + 5] = 1);
  TRY(p, *(volatile long *)(p + 2 * P - 4) = 1);
  mprotect((void *)p, P, PROT_NONE);
  TRY(p, (void)p[1]);
  TRY(p, ((code)(p + 3 * P))());
  at = (void *)8;
  int written = write(1, at, 4);
  printf("efault %d %d\n", written, errno == EFAULT);
}

static void files(void) {
  char name[] = "/tmp/faultsXXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  if (ftruncate(fd, 3 * P)) return;
  char *shared = mmap(0, 4 * P, RW, MAP_SHARED, fd, 0), *private = mmap(0, 3 * P, RW, MAP_PRIVATE, fd, 0);
  strcpy(shared, "shared");
  private[0] = 'X';
  printf("%s %s\n", shared, private);
  TRY(shared, shared[3 * P] = 1);
  if (ftruncate(fd, P)) return;
  TRY(shared, shared[P] = 1);
  TRY(private, private[P] = 1);
  if (ftruncate(fd, 2 * P)) return;
  printf("again %d\n", shared[P]);
}

static void changing_code(void) {
  int total = 0;
  unsigned char *page = mmap(0, P, RW | PROT_EXEC, ANON, -1, 0);
  for (int i = 0; i < 200; i++) { emit(page, i); total += ((code)page)(); }
  for (int i = 0; i < 50; i++) { mprotect(page, P, RW); emit(page, 2 * i); mprotect(page, P, PROT_READ | PROT_EXEC); total += ((code)page)(); }
  int fd = memfd_create("code", 0);
  if (ftruncate(fd, P)) return;
  unsigned char *writable = mmap(0, P, RW, MAP_SHARED, fd, 0), *runs = mmap(0, P, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  for (int i = 0; i < 50; i++) { emit(writable, i); total += ((code)runs)(); }
  for (int i = 0; i < 50; i++) { unsigned char bytes[6]; emit(bytes, 256 + i); if (pwrite(fd, bytes, 6, 0) != 6) return; total += ((code)runs)(); }
  printf("code %d\n", total);
  if (fork() == 0) { emit(writable, 7); _exit(((code)runs)()); }
  int status;
  wait(&status);
  printf("other process %d %d\n", WEXITSTATUS(status), ((code)runs)());
}

static void high(void) {
  char *p = mmap((void *)0x700000000000, 1 << 20, RW, ANON | MAP_FIXED, -1, 0);
  long sum = 0;
  for (int i = 0; i < 1 << 20; i += 512) *(int *)(p + i) = i;
  for (int i = 0; i < 1 << 20; i += 512) sum += *(int *)(p + i);
  *(volatile long *)(p + P - 4) = 0x1122334455667788;
  printf("high %ld %lx\n", sum, *(volatile long *)(p + P - 4));
  if (fork() == 0) { p[0] = 9; _exit(p[512]); }
  int status;
  wait(&status);
  printf("high fork %d %d\n", p[0], status);
  munmap(p, P);
  TRY(p, p[7] = 1);
  mprotect(p + P, P, PROT_READ);
  TRY(p, p[P] = 1);
  unsigned char *page = mmap((void *)0x710000000000, P, RW | PROT_EXEC, ANON | MAP_FIXED, -1, 0);
  int total = 0;
  for (int i = 0; i < 20; i++) { emit(page, i); total += ((code)page)(); }
  printf("high code %d\n", total);
  char *big = mmap(0, 8UL << 30, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
  mprotect(big + (5UL << 30), 2 * P, RW);
  big[(5UL << 30) + P + 1] = 5;
  printf("reservation %d\n", big[(5UL << 30) + P + 1]);
}

int main(void) {
  struct sigaction action = {0};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  permissions();
  files();
  changing_code();
  high();
  printf("deep %d\n", deep(1500));
  char *top = sbrk(0);
  sbrk(100000);
  top[99999] = 1;
  sbrk(-100000);
  TRY(top, top[99999] = 1);
  return 0;
}
