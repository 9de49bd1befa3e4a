/* Code is made, runs hot, is rewritten in place and runs again: in a writable and executable page, and
 * in one that is never both; a function it calls changes; a loop rewrites itself while it runs. */
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

/* do { sum += step; if (count == half) step = 1000; } while (--count): the store goes into the loop's own code. */
static void rewrites_itself(void) {
  uint8_t *code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
  uint8_t body[] = {
    0x31, 0xc0,                               /* xor eax, eax */
    0x48, 0x05, 1, 0, 0, 0,                   /* add rax, 1 */
    0x48, 0x39, 0xf7,                         /* cmp rdi, rsi */
    0x75, 0x0a,                               /* jne over the store */
    0xc7, 0x05, 0xed, 0xff, 0xff, 0xff, 0xe8, 3, 0, 0, /* mov dword [rip - 19], 1000: the step */
    0x48, 0xff, 0xcf,                         /* dec rdi */
    0x75, 0xe6,                               /* jnz to the add */
    0xc3,
  };
  uint64_t (*f)(uint64_t, uint64_t) = (void *)code;
  for (int round = 0; round < 3; round++) {
    memcpy(code, body, sizeof body);
    uint64_t half = HOT_TURNS / 2 + round;
    expect_sum("own loop", f(HOT_TURNS, half), (HOT_TURNS - half + 1) + (half - 1) * 1000);
    printf("itself %d\n", round);
  }
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
  rewrites_itself();
  callee_changes();
  return 0;
}
