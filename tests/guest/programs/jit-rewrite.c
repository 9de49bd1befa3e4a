/* Code is made, runs hot, is rewritten in place and runs again: in a writable and executable page, and
 * in one that is never both; a function it calls changes. */
#include "jit-code.h"

static void writable_and_executable(void) {
  uint8_t *code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
  Function f = (Function)code;
  uint64_t total = 0;
  emit_loop(code, 1);
  for (int round = 0; round < 30; round++) {
    uint64_t turns = round % 10 == 0 ? HOT_TURNS : 300;
    patch_loop(code, round + 1);
    uint64_t sum = f(turns);
    expect_sum("rewritten", sum, turns * (round + 1));
    total += sum;
  }
  printf("rwx %lu\n", total);
}

static void never_both(void) {
  uint8_t *code = map_pages(1, PROT_READ | PROT_WRITE);
  uint64_t total = 0;
  for (int round = 0; round < 30; round++) {
    int at = (round % 4) * 64;
    mprotect(code, PAGE, PROT_READ | PROT_WRITE);
    emit_loop(code + at, 7 * round + 1);
    mprotect(code, PAGE, PROT_READ | PROT_EXEC);
    uint64_t turns = round % 10 == 0 ? HOT_TURNS : 300;
    uint64_t sum = ((Function)(code + at))(turns);
    expect_sum("protected", sum, turns * (7 * round + 1));
    if (round >= 4) expect_sum("older", ((Function)(code + ((round + 1) % 4) * 64))(10), 10ul * (7 * (round - 3) + 1));
    total += sum;
  }
  printf("w^x %lu\n", total);
}

/* A hot function calls another in the next page; only that one changes. */
static void callee_changes(void) {
  uint8_t *code = map_pages(2, PROT_READ | PROT_WRITE | PROT_EXEC);
  uint8_t caller[] = {
    0x53, 0x31, 0xdb,               /* push rbx; xor ebx, ebx */
    0xe8, 0, 0, 0, 0,               /* call callee */
    0x48, 0x01, 0xc3,               /* add rbx, rax */
    0x48, 0xff, 0xcf, 0x75, 0xf3,   /* dec rdi; jnz to the call */
    0x48, 0x89, 0xd8, 0x5b, 0xc3,   /* mov rax, rbx; pop rbx; ret */
  };
  int32_t distance = PAGE - 8;
  memcpy(caller + 4, &distance, 4);
  memcpy(code, caller, sizeof caller);
  uint64_t total = 0;
  for (uint32_t value = 1; value <= 12; value++) {
    uint8_t callee[] = { 0xb8, value, 0, 0, 0, 0xc3 };
    memcpy(code + PAGE, callee, sizeof callee);
    uint64_t turns = value % 4 == 0 ? HOT_TURNS : 500;
    uint64_t sum = ((Function)code)(turns);
    expect_sum("callee", sum, turns * value);
    total += sum;
  }
  printf("callee %lu\n", total);
}

int main(void) {
  writable_and_executable();
  never_both();
  callee_changes();
  return 0;
}
