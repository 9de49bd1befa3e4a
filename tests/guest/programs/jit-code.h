/* Machine code made at run time, for the jit-*.c programs. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t (*Function)(uint64_t count);

#define PAGE 4096
/* Turns of a generated loop that are certainly worth translating. */
#define HOT_TURNS 200000

/* uint64_t f(count): sum = 0; do sum += step; while (--count); return sum; */
static int emit_loop(uint8_t *at, uint32_t step) {
  uint8_t code[] = {
    0x31, 0xc0,                   /* xor eax, eax */
    0x48, 0x05, 0, 0, 0, 0,       /* add rax, step */
    0x48, 0xff, 0xcf,             /* dec rdi */
    0x75, 0xf5,                   /* jnz to the add */
    0xc3,                         /* ret */
  };
  memcpy(code + 4, &step, 4);
  memcpy(at, code, sizeof code);
  return sizeof code;
}

/* Only the step of a loop. */
static void patch_loop(uint8_t *at, uint32_t step) { memcpy(at + 4, &step, 4); }

static uint8_t *map_pages(int count, int protection) {
  uint8_t *at = mmap(0, count * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) { perror("mmap"); exit(1); }
  return at;
}

static void expect_sum(const char *what, uint64_t sum, uint64_t wanted) {
  if (sum != wanted) { printf("%s: %lu, not %lu\n", what, sum, wanted); exit(1); }
}
