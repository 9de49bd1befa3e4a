/*
 * Makes random loops of SSE instructions of few registers and runs them on data with zeroes, denormals, infinities and NaNs,
 * under several settings of MXCSR, which some loops change themselves. Prints a hash of the registers and MXCSR after each
 * round: what translated code knows of floats and of MXCSR from one instruction to the next must be true.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CODE_BYTES = 1024, SLOTS = 64, PROGRAMS = 60, ROUNDS = 400, MOST_TURNS = 60 };

struct data { uint8_t slots[SLOTS * 16 + 256]; uint32_t mxcsr, changed, after, turns; };

static uint8_t *code, *at;
static struct data data __attribute__((aligned(64)));
static uint64_t state = 88172645463325252ull;
/* One value in so many is special. */
static uint32_t rarity;

static uint32_t next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return (uint32_t)(state >> 16); }
static uint32_t below(uint32_t n) { return next() % n; }

/* ---- values */
static uint64_t exponent64(void) {
  static const uint16_t edges[] = { 0, 0, 1, 2, 510, 511, 512, 513, 514, 1533, 1534, 1535, 1536, 1537, 2045, 2046, 2047 };
  if (below(rarity)) return 1018 + below(8);
  return below(2) ? edges[below(sizeof edges / sizeof *edges)] : below(2048);
}
static uint32_t exponent32(void) {
  static const uint8_t edges[] = { 0, 0, 1, 2, 62, 63, 64, 65, 66, 189, 190, 191, 192, 193, 253, 254, 255 };
  if (below(rarity)) return 123 + below(6);
  return below(2) ? edges[below(sizeof edges)] : below(256);
}
static uint64_t some64(void) {
  if (below(2 * rarity) == 0) return (uint64_t)below(2) << 63;
  uint64_t digits = ((uint64_t)next() << 32 | next()) & 0xfffffffffffff;
  if (below(3) == 0) digits &= 0xff00000000000;
  return (uint64_t)below(2) << 63 | exponent64() << 52 | digits;
}
static uint32_t some32(void) {
  if (below(2 * rarity) == 0) return below(2) << 31;
  return below(2) << 31 | exponent32() << 23 | (next() & (below(3) == 0 ? 0x7f0000 : 0x7fffff));
}
static void fill(int is_double) {
  rarity = below(3) ? 400 : 12;
  for (unsigned i = 0; i < sizeof data.slots; i += 8) {
    uint64_t value = is_double ? some64() : (uint64_t)some32() << 32 | some32();
    memcpy(data.slots + i, &value, 8);
  }
}

/* ---- code */
static void put(int n, const char *bytes) { memcpy(at, bytes, n); at += n; }
static void put32(uint32_t value) { memcpy(at, &value, 4); at += 4; }

/* prefix (0 = none) 0F opcode, register to register */
static void registers(int prefix, int opcode, int reg, int rm) {
  if (prefix) *at++ = prefix;
  *at++ = 0x0f; *at++ = opcode; *at++ = 0xc0 | reg << 3 | rm;
}
/* the same with [rsi + r8 + disp32] */
static void memory(int prefix, int opcode, int reg) {
  if (prefix) *at++ = prefix;
  *at++ = 0x42; *at++ = 0x0f; *at++ = opcode; *at++ = 0x84 | reg << 3; *at++ = 0x06;
  put32(16 * below(16));
}

static int some_prefix(int is_double) { return is_double ? (below(2) ? 0x66 : 0xf2) : (below(2) ? 0 : 0xf3); }

static void arithmetic(int is_double) {
  static const uint8_t opcodes[] = { 0x58, 0x58, 0x58, 0x59, 0x59, 0x59, 0x5c, 0x5c, 0x5e, 0x51, 0x5d, 0x5f };
  int opcode = opcodes[below(sizeof opcodes)], reg = below(4), prefix = some_prefix(is_double);
  if (below(3)) registers(prefix, opcode, reg, below(8));
  else memory(prefix, opcode, reg);
}

static void other(int is_double) {
  int vector = is_double ? 0x66 : 0, scalar = is_double ? 0xf2 : 0xf3, reg = below(4);
  switch (below(16)) {
    case 0: case 1: case 2: memory(vector, 0x28, reg); break;                       /* movaps xmm, m */
    case 3: case 4: memory(scalar, 0x10, reg); break;                               /* movss, movsd xmm, m */
    case 5: case 6: case 7: registers(vector, 0x28, reg, below(8)); break;          /* movaps xmm, xmm */
    case 8: registers(scalar, 0x10, reg, below(8)); break;                          /* low lane */
    case 9: memory(below(2) ? vector : scalar, 0x11, below(8)); break;              /* stores */
    case 10: registers(0x66, 0xef, reg, below(3) ? reg : (int)below(8)); break;     /* pxor */
    case 11: registers(vector, 0x14 + below(2), reg, below(8)); break;              /* unpcklps, unpckhps */
    case 12: registers(vector, 0xc6, reg, below(8)); *at++ = next(); break;         /* shufps */
    case 13: registers(scalar, 0x2a, reg, 1); break;                                /* cvtsi2sd xmm, ecx */
    case 14: registers(scalar, 0x5a, reg, below(8)); break;                         /* between single and double */
    default: registers(vector, 0x54 + below(4), reg, below(8)); break;              /* andps … xorps */
  }
}

/* A copy of a register, combined with it after one of them changed, or before. */
static void copied(int is_double) {
  static const uint8_t opcodes[] = { 0x58, 0x59, 0x5c, 0x5e };
  int to = below(4), from = below(4);
  registers(is_double ? 0x66 : 0, 0x28, to, from);
  if (below(3)) memory(is_double ? 0x66 : 0, 0x28, below(2) ? to : from);
  registers(some_prefix(is_double), opcodes[below(4)], to, from);
}

static void branch(int is_double);

static void instructions(int count, int is_double, int may_branch) {
  for (int i = 0; i < count; i++) {
    int what = below(40);
    if (what < 20) arithmetic(is_double);
    else if (what < 23) copied(is_double);
    else if (what < 36 || !may_branch) other(is_double);
    else branch(is_double);
  }
}

/* comisd, and a jump around a few instructions; or of those an inner loop, or a change of MXCSR */
static void branch(int is_double) {
  static const uint8_t conditions[] = { 2, 3, 4, 5, 6, 7, 10, 11 };
  if (below(8) == 0) {
    if (below(2)) put(4, "\xf6\xc1\x07\x75"), *at++ = 7;                             /* test cl, 7 ; jnz +7 */
    put(3, "\x0f\xae\x97"), put32(offsetof(struct data, changed));                   /* ldmxcsr [rdi + changed] */
    return;
  }
  if (below(2) == 0) {
    put(6, "\x41\xb9\x05\x00\x00\x00");                                             /* mov r9d, 5 */
    uint8_t *head = at;
    instructions(1 + below(4), is_double, 0);
    put(5, "\x41\xff\xc9\x0f\x85");                                                 /* dec r9d ; jnz head */
    put32(head - (at + 4));
    return;
  }
  registers(is_double ? 0x66 : 0, 0x2e + below(2), below(8), below(8));
  *at++ = 0x0f; *at++ = 0x80 | conditions[below(sizeof conditions)];
  uint8_t *jump = at;
  put32(0);
  instructions(1 + below(3), is_double, 0);
  uint32_t distance = at - (jump + 4);
  memcpy(jump, &distance, 4);
}

/* void (struct data *rdi, uint8_t *rsi) */
static void make(int is_double) {
  at = code;
  put(3, "\x0f\xae\x97"), put32(offsetof(struct data, mxcsr));
  put(3, "\x45\x31\xc0");                                                           /* xor r8d, r8d */
  for (int i = 0; i < 8; i++) memory(0, 0x28, i);
  if (below(2)) instructions(1 + below(4), is_double, 0);
  put(2, "\x8b\x8f"), put32(offsetof(struct data, turns));                          /* mov ecx, [rdi + turns] */
  uint8_t *head = at;
  if (below(2)) memory(0, 0x28, below(4));
  instructions(2 + below(8), is_double, 1);
  put(4, "\x41\x83\xc0\x10");                                                       /* add r8d, 16 */
  put(7, "\x41\x81\xe0\xf0\x03\x00\x00");                                           /* and r8d, 0x3f0 */
  put(4, "\xff\xc9\x0f\x85");                                                       /* dec ecx ; jnz head */
  put32(head - (at + 4));
  put(3, "\x45\x31\xc0");
  for (int i = 0; i < 8; i++) {
    *at++ = 0x0f; *at++ = 0x11; *at++ = 0x86 | i << 3;                              /* movups [rsi + 16 i], xmm */
    put32(16 * i);
  }
  put(3, "\x0f\xae\x9f"), put32(offsetof(struct data, after));                      /* stmxcsr [rdi + after] */
  *at++ = 0xc3;
}

/* All exceptions masked: PE as usual programs have it, now and then other settings. */
static uint32_t some_mxcsr(void) {
  uint32_t value = 0x1f80 | (below(4) ? 0x20 : 0);
  if (below(5) == 0) value |= below(4) << 13;
  if (below(6) == 0) value |= 0x8000;
  if (below(6) == 0) value |= 0x40;
  return value;
}

int main(int argc, char **argv) {
  int programs = argc > 1 ? atoi(argv[1]) : PROGRAMS;
  int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;
  if (argc > 3) state ^= strtoull(argv[3], 0, 10) * 0x9e3779b97f4a7c15ull;
  uint8_t *pages = mmap(0, programs * CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint8_t *is_double = calloc(programs, 1);
  for (int i = 0; i < programs; i++) {
    code = pages + i * CODE_BYTES;
    is_double[i] = below(2);
    make(is_double[i]);
  }
  uint64_t hash = 14695981039346656037ull;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < programs; i++) {
      fill(is_double[i]);
      data.mxcsr = some_mxcsr();
      data.changed = some_mxcsr();
      data.turns = 1 + below(MOST_TURNS);
      ((void (*)(struct data *, uint8_t *))(pages + i * CODE_BYTES))(&data, data.slots);
      for (unsigned j = 0; j < sizeof data.slots; j++) hash = (hash ^ data.slots[j]) * 1099511628211ull;
      hash = (hash ^ data.after) * 1099511628211ull;
      if (argc > 4) printf("%d %d %016llx\n", round, i, (unsigned long long)hash);
    }
    if (round % 20 == 19) printf("%d %016llx\n", round, (unsigned long long)hash);
  }
  return 0;
}
