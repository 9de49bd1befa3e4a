// mmap, mprotect, mremap, brk, copy-on-write, file mappings, high addresses.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
static long sum(const unsigned char *p, size_t n) { long s = 0; for (size_t i = 0; i < n; i++) s += p[i]; return s; }
int main(void) {
  unsigned char *m = mmap(0, 64 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("zero %ld\n", sum(m, 64 * P));
  for (int i = 0; i < 64; i++) m[i * P + i] = i;
  m = mremap(m, 64 * P, 512 * P, MREMAP_MAYMOVE);
  printf("grown %ld\n", sum(m, 512 * P));
  mprotect(m + 8 * P, P, PROT_NONE);
  munmap(m + 20 * P, 4 * P);
  printf("mincore %d\n", mremap(m, 20 * P, 4 * P, 0) == m);
  if (fork() == 0) { m[0] = 99; m[P] = 88; _exit(m[0] + m[P] == 187 ? 0 : 1); }
  int status; wait(&status);
  printf("cow %d %d %d\n", WEXITSTATUS(status), m[0], m[P]);
  char *brk0 = sbrk(0); sbrk(3 * P); memset(brk0, 7, 3 * P); printf("brk %ld\n", sum((void *)brk0, 3 * P)); sbrk(-3 * P);
  char name[] = "/tmp/memXXXXXX"; int fd = mkstemp(name);
  for (int i = 0; i < 3 * P; i++) { unsigned char c = i * 7; write(fd, &c, 1); }
  unsigned char *f = mmap(0, 3 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unsigned char *p = mmap(0, 3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, P);
  printf("file %ld private %ld\n", sum(f, 3 * P), sum(p, 2 * P));
  f[P + 5] = 200; p[6] = 201;
  unsigned char buf[8]; pread(fd, buf, 8, P + 4);
  printf("shared write seen by read: %d, private not: %d\n", buf[1], buf[2] != 201);
  pwrite(fd, "Z", 1, 10); printf("write seen by map: %c\n", f[10]);
  *(uint64_t *)(p + P - 5) = 0x8877665544332211; printf("cross %lx\n", *(uint64_t *)(p + P - 5));
  msync(f, 3 * P, MS_SYNC); ftruncate(fd, P); unlink(name);
  madvise(m, 4 * P, MADV_DONTNEED); printf("dontneed %d\n", m[P] == 0);
  errno = 0; void *bad = mmap((void *)0x1001, P, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("unaligned fixed %d %d\n", bad == MAP_FAILED, errno == EINVAL);
  unsigned char *high = mmap((void *)0x7e0000000000, 4 * P, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("high %d\n", (uintptr_t)high == 0x7e0000000000);
  for (int i = 0; i < 4 * P; i++) high[i] = i;
  *(uint64_t *)(high + P - 3) = 0x1122334455667788;
  printf("high sum %ld cross %lx\n", sum(high, 4 * P), *(uint64_t *)(high + P - 3));
  void *big = mmap(0, 1UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  printf("reserve %d\n", big != MAP_FAILED);
  printf("efault %d\n", write(1, (void *)8, 4) == -1 && errno == EFAULT);
  return 0;
}
