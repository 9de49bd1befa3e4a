/* Data and code above 4 GiB: string instructions between pages at the same place of a cache, code that is written,
 * and instructions across the end of such pages. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (1ul << 20)
#define PAGE 4096ul

typedef int (*function)(int);

static char *map_at(unsigned long addr, int prot) {
  return mmap((void *)addr, SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* lea eax, [rdi + addend] ; ret */
static long call_written(char *at, unsigned char addend) {
  const unsigned char code[] = {0x8d, 0x87, addend, 0, 0, 0, 0xc3};
  long sum = 0;
  memcpy(at, code, sizeof code);
  for (int i = 0; i < 1000; i++) sum += ((function)at)(i);
  return sum;
}

int main(void) {
  char *from = map_at(0x700000000000ul, PROT_READ | PROT_WRITE | PROT_EXEC);
  char *to = map_at(0x600000000000ul, PROT_READ | PROT_WRITE);
  if (from == MAP_FAILED || to == MAP_FAILED) return 1;
  for (unsigned long i = 0; i < SIZE; i++) from[i] = (char)(i * 7);

  unsigned long count = SIZE;
  char *s = from, *d = to;
  __asm__ volatile("rep movsb" : "+c"(count), "+S"(s), "+D"(d)::"memory");
  printf("bytes differ: %d\n", memcmp(from, to, SIZE) != 0);
  count = 20000, s = from + 5, d = to + 3;
  __asm__ volatile("rep movsq" : "+c"(count), "+S"(s), "+D"(d)::"memory");
  printf("words differ: %d\n", memcmp(from + 5, to + 3, 160000) != 0);

  printf("call: %ld\n", call_written(from + 64, 16));
  printf("call across the page end: %ld\n", call_written(from + 16 * PAGE - 3, 17));
  printf("again: %ld\n", call_written(from + 16 * PAGE - 3, 18));

  unsigned long hash = 0;
  for (unsigned long i = 0; i < SIZE; i++) hash = hash * 31 + (unsigned char)to[i];
  printf("hash: %lx\n", hash);
  return munmap(to, SIZE);
}
