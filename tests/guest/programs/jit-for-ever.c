/* A program that makes new machine code all the time, as the JIT compiler of a language does: each
 * round writes functions into a ring of pages and runs them hot. argv[1]: rounds. */
#include "jit-code.h"

#define PAGES 16
#define PER_PAGE 2
#define TURNS 150000

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 150;
  uint8_t *code = map_pages(PAGES, PROT_READ | PROT_WRITE);
  uint64_t total = 0;
  for (int round = 0; round < rounds; round++) {
    uint8_t *page = code + (round % PAGES) * PAGE;
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    memset(page, 0xcc, PAGE);
    for (int i = 0; i < PER_PAGE; i++) emit_loop(page + i * 128 + round % 64, round * PER_PAGE + i + 1);
    mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    for (int i = 0; i < PER_PAGE; i++) {
      uint64_t sum = ((Function)(page + i * 128 + round % 64))(TURNS);
      expect_sum("fresh", sum, (uint64_t)TURNS * (round * PER_PAGE + i + 1));
      total += sum;
    }
  }
  printf("total %lu\n", total);
  return 0;
}
