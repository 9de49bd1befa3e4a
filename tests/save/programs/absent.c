/* Touches memory in every way after a line of input: until then nothing of it has been touched since it was filled. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 40, SIZE = PAGES * PAGE };

/* A region of its own for each way, so that none brings the pages of another. */
enum { LOAD, STORE, WRITE_CALL, READ_CALL, FORK, COW, FUTEX, REMOTE_READ, REMOTE_WRITE, PEEK, POKE, MEM_FILE, UNMAP, MOVE, DONT_NEED, PROTECT, HIGH, CODE, REGIONS };
static uint8_t *region[REGIONS];
static uint8_t *shared, *segment, *mapped;
static int file;

static void fill(uint8_t *at, unsigned seed) { for (int i = 0; i < SIZE; i++) at[i] = (uint8_t)((i * 131 + i / PAGE * 7 + seed) >> 2); }
static unsigned sum(const uint8_t *at, size_t size) { unsigned s = 2166136261u; for (size_t i = 0; i < size; i++) s = (s ^ at[i]) * 16777619u; return s; }
static uint8_t *map(void *at, int flags) { return mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0); }

static void prepare(void) {
  for (int n = 0; n < REGIONS; n++) {
    region[n] = n == HIGH ? map((void *)0x7f0012340000, MAP_PRIVATE | MAP_FIXED) : map(NULL, MAP_PRIVATE);
    fill(region[n], n);
  }
  static const uint8_t code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov eax, 42; ret */
  memcpy(region[CODE] + 5 * PAGE, code, sizeof code);
  mprotect(region[CODE], SIZE, PROT_READ | PROT_EXEC);
  shared = map(NULL, MAP_SHARED);
  fill(shared, 100);
  segment = shmat(shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600), NULL, 0);
  fill(segment, 101);
  file = memfd_create("file", 0);
  static uint8_t contents[SIZE];
  fill(contents, 102);
  if (write(file, contents, SIZE) != SIZE) abort();
  mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

static void show(const char *what, unsigned value) { printf("%s %08x\n", what, value); fflush(stdout); }

static void own_memory(void) {
  show("load", sum(region[LOAD], SIZE));
  for (int page = 0; page < PAGES; page += 5) region[STORE][page * PAGE + 77] = 1;
  show("store", sum(region[STORE], SIZE));
  int p[2];
  static uint8_t bytes[SIZE];
  pipe(p);
  write(p[1], region[WRITE_CALL] + 3 * PAGE - 100, 9000);
  read(p[0], bytes, 9000);
  show("write", sum(bytes, 9000));
  write(p[1], bytes, 5000);
  read(p[0], region[READ_CALL] + 7 * PAGE - 100, 5000);
  show("read", sum(region[READ_CALL], SIZE));
  uint32_t *word = (uint32_t *)(region[FUTEX] + 9 * PAGE + 8);
  show("futex", syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == -1 && errno == EAGAIN);
  show("futex", sum(region[FUTEX], SIZE));
  munmap(region[UNMAP], SIZE);
  uint8_t *fresh = map(NULL, MAP_PRIVATE);
  for (int page = 0; page < PAGES; page++) fresh[page * PAGE] = 1;
  show("unmap", sum(fresh, SIZE));
  uint8_t *moved = mremap(region[MOVE], SIZE, 2 * SIZE, MREMAP_MAYMOVE);
  show("move", sum(moved, 2 * SIZE));
  madvise(region[DONT_NEED] + 8 * PAGE, 8 * PAGE, MADV_DONTNEED);
  show("dontneed", sum(region[DONT_NEED], SIZE));
  mprotect(region[PROTECT], SIZE, PROT_NONE);
  mprotect(region[PROTECT], SIZE, PROT_READ);
  show("protect", sum(region[PROTECT], SIZE));
  show("high", sum(region[HIGH], SIZE));
  show("code", ((int (*)(void))(uintptr_t)(region[CODE] + 5 * PAGE))());
  show("code", sum(region[CODE], SIZE));
}

static void two_processes(pid_t child, int go) {
  if (fork() == 0) {
    region[FORK][3 * PAGE] = 9;
    show("child", sum(region[FORK], SIZE));
    _exit(0);
  }
  wait(NULL);
  show("fork", sum(region[FORK], SIZE));
  for (int page = 1; page < PAGES; page += 3) region[COW][page * PAGE + 5] = 7;
  show("cow", sum(region[COW], SIZE));
  static uint8_t bytes[SIZE];
  struct iovec here = {bytes, SIZE}, there = {region[REMOTE_READ], SIZE};
  process_vm_readv(child, &here, 1, &there, 1, 0);
  show("readv", sum(bytes, SIZE));
  here.iov_len = there.iov_len = 5000;
  there.iov_base = region[REMOTE_WRITE] + 11 * PAGE + 9;
  process_vm_writev(child, &here, 1, &there, 1, 0);
  int status;
  ptrace(PTRACE_SEIZE, child, 0, 0);
  ptrace(PTRACE_INTERRUPT, child, 0, 0);
  waitpid(child, &status, 0);
  show("peek", (unsigned)ptrace(PTRACE_PEEKDATA, child, region[PEEK] + 13 * PAGE + 8, 0));
  ptrace(PTRACE_POKEDATA, child, region[POKE] + 14 * PAGE + 16, 0x1234);
  ptrace(PTRACE_DETACH, child, 0, 0);
  char path[40];
  sprintf(path, "/proc/%d/mem", child);
  int mem = open(path, O_RDWR);
  pread(mem, bytes, SIZE, (off_t)(uintptr_t)region[MEM_FILE]);
  show("mem", sum(bytes, SIZE));
  close(mem);
  shared[17 * PAGE] = 3;
  write(go, "x", 1);
  wait(NULL);
  show("shared", sum(shared, SIZE));
}

static void files(void) {
  show("segment", sum(segment, SIZE));
  static uint8_t bytes[SIZE];
  pwrite(file, "hello", 5, 19 * PAGE - 2);
  pread(file, bytes, SIZE, 0);
  show("pread", sum(bytes, SIZE));
  ftruncate(file, 30 * PAGE + 100);
  ftruncate(file, SIZE);
  show("mapped", sum(mapped, SIZE));
  fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 3 * PAGE);
  show("punched", sum(mapped, SIZE));
}

int main(void) {
  prepare();
  int p[2];
  pipe(p);
  pid_t child = fork();
  if (child == 0) {
    char c;
    while (read(p[0], &c, 1) != 1) {}
    show("written", sum(region[REMOTE_WRITE], SIZE));
    show("poked", sum(region[POKE], SIZE));
    show("parent's", sum(region[COW], SIZE));
    shared[18 * PAGE] = 4;
    _exit(0);
  }
  puts("ready");
  fflush(stdout);
  getchar();
  own_memory();
  two_processes(child, p[1]);
  files();
  return 0;
}
