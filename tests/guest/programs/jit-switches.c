/* Computed jumps: switch statements in and outside of loops, labels as values, a table that changes, cases that come late. */
#include <stdint.h>
#include <stdio.h>

static uint32_t seed = 1;
static uint32_t next(void) { return (seed = seed * 1103515245 + 12345) >> 16; }

__attribute__((noinline)) static uint64_t once(uint32_t op, uint64_t x) {
  switch (op) {
    case 0: return x + 1;
    case 1: return x * 3;
    case 2: return x ^ 0x5555;
    case 3: return x >> 1;
    case 4: return x - 7;
    case 5: return x << 3;
    case 6: for (int i = 0; i < 5; i++) x += i * x;
    /* fall through */
    case 7: return ~x;
    case 8: return x & 0xffffff;
    default: return x + op;
  }
}

__attribute__((noinline)) static uint64_t looped(const uint8_t *code, int length) {
  uint64_t a = 1, b = 2;
  for (int at = 0; at < length; at++) {
    switch (code[at]) {
      case 0: a += b; break;
      case 1: b ^= a; break;
      case 2: a = once(code[at] + at % 12, a); break;
      case 3: if (a & 1) at++; break;
      case 4: b = b << 1 | b >> 63; break;
      case 5: a -= b * 5; break;
      case 6: continue;
      case 7: return a ^ b;
      default: b++;
    }
  }
  return a + b;
}

static void *table[4];
__attribute__((noinline)) static uint64_t threaded(const uint8_t *code, int length, int swap) {
  uint64_t a = 7;
  const uint8_t *end = code + length;
  if (!table[0] || swap) {
    table[0] = swap ? &&triple : &&add;
    table[1] = swap ? &&add : &&triple;
    table[2] = &&mix;
    table[3] = &&stop;
  }
#define NEXT goto *table[code < end ? *code++ & 3 : 3]
  NEXT;
add: a += 13; NEXT;
triple: a *= 3; NEXT;
mix: a ^= a >> 7; NEXT;
stop: if (code < end) { a++; NEXT; }
  return a;
}

int main(void) {
  static uint8_t code[1000];
  uint64_t sum = 0;
  for (int round = 0; round < 400; round++) {
    /* Late rounds use operations that early ones do not. */
    unsigned limit = round < 200 ? 5 : round < 390 ? 10 : 200;
    for (unsigned i = 0; i < sizeof code; i++) code[i] = next() % limit == 7 ? 6 : next() % limit;
    sum = sum * 31 + looped(code, sizeof code);
    sum = sum * 31 + threaded(code, sizeof code, round == 250);
    for (uint32_t i = 0; i < 200; i++) sum = once(next() % (limit + 2), sum);
    if (round % 100 == 99) printf("%d %016llx\n", round, (unsigned long long)sum);
  }
  return 0;
}
