// Computed jumps: a bytecode interpreter with a table of labels, a switch, tail calls through pointers,
// jumps out of handlers by longjmp, a stack that crosses pages.
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PUSH, ADD, MUL, DUP, SWAP, DROP, LESS, JUMP_IF, JUMP, OVER, XOR, HALT };

static uint64_t interpret(const int32_t *code, uint64_t *steps) {
  static const void *const labels[] = { &&push, &&add, &&mul, &&dup, &&swap, &&drop, &&less, &&jump_if, &&jump, &&over, &&xor, &&halt };
  uint64_t stack[32], *top = stack;
  const int32_t *p = code;
#define NEXT do { ++*steps; goto *labels[*p++]; } while (0)
  NEXT;
push: *++top = (uint64_t)*p++; NEXT;
add: top[-1] += top[0]; top--; NEXT;
mul: top[-1] *= top[0]; top--; NEXT;
dup: top[1] = top[0]; top++; NEXT;
swap: { uint64_t old = top[0]; top[0] = top[-1]; top[-1] = old; } NEXT;
drop: top--; NEXT;
less: top[-1] = top[-1] < top[0]; top--; NEXT;
jump_if: { int32_t to = *p++; if (*top--) p = code + to; } NEXT;
jump: p = code + *p; NEXT;
over: top[1] = top[-1]; top++; NEXT;
xor: top[-1] ^= top[0]; top--; NEXT;
halt: return top[0];
}

static int classify(unsigned c) {
  switch (c % 23) {
    case 0: return 3; case 1: return c & 1; case 2: return -7; case 3: return (int)(c >> 3); case 4: return 11;
    case 5: return (int)c * 3; case 6: return 0; case 9: return 8; case 11: return -1; case 12: return (int)(c ^ 5);
    case 13: return 2; case 14: return 99; case 17: return (int)(c << 2); case 20: return 6; default: return 1;
  }
}

typedef uint64_t step(uint64_t value, unsigned left);
static step even, odd, third;
static step *const steps_of[] = { even, odd, third, odd };
__attribute__((noinline)) static uint64_t even(uint64_t v, unsigned left) { return left == 0 ? v : steps_of[v & 3](v / 2 + 7, left - 1); }
__attribute__((noinline)) static uint64_t odd(uint64_t v, unsigned left) { return left == 0 ? v : steps_of[(v >> 1) & 3](v * 3 + 1, left - 1); }
__attribute__((noinline)) static uint64_t third(uint64_t v, unsigned left) { return left == 0 ? v : steps_of[(v >> 2) & 3](v ^ 0x55, left - 1); }

static jmp_buf out;
static int scan(const char *text) {
  int count = 0;
  for (;; text++) {
    switch (*text) {
      case 'a': case 'e': case 'i': case 'o': case 'u': count++; break;
      case ' ': count += 100; break;
      case '!': longjmp(out, count + 1);
      case 'x': count ^= 5; break;
      case 'z': count -= 3; break;
      default: break;
    }
  }
}

/** Frames of many sizes, so that calls and spills lie on page ends. */
__attribute__((noinline)) static uint64_t deep(unsigned depth, uint64_t sum) {
  volatile char frame[200];
  memset((void *)frame, (int)depth, sizeof frame);
  if (depth == 0) return sum;
  return deep(depth - 1, sum * 31 + (unsigned char)frame[depth % sizeof frame]) + (unsigned char)frame[7];
}

int main(void) {
  static const int32_t program[] = { PUSH, 1, PUSH, 0, OVER, PUSH, 3, MUL, XOR, SWAP, PUSH, 1, ADD, SWAP, OVER, PUSH, 150000, LESS, JUMP_IF, 4, HALT };
  uint64_t steps = 0;
  uint64_t result = interpret(program, &steps);
  printf("interpret %llu in %llu steps\n", (unsigned long long)result, (unsigned long long)steps);
  long sum = 0;
  for (unsigned i = 0; i < 400000; i++) sum = sum * 7 + classify(i * 2654435761u >> 7);
  printf("classify %ld\n", sum);
  printf("tail calls %llu\n", (unsigned long long)even(123456789, 500000));
  long jumps = 0;
  for (int i = 0; i < 3000; i++) {
    int value = setjmp(out);
    if (value == 0) scan("quick brown fox, lazy zebra and an ox !");
    jumps = jumps * 3 + value;
  }
  printf("longjmp %ld\n", jumps);
  uint64_t deepest = 0;
  for (unsigned i = 0; i < 300; i++) deepest = deepest * 5 + deep(40 + i % 64, i);
  printf("deep %llu\n", (unsigned long long)deepest);
  return 0;
}
