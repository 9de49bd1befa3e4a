/* Makes machine code as long as it runs, as the JIT compiler of a language does, in four ways: in pages that are
 * writable or executable; in place, in pages that are both; in mappings that come and go; in many pages that stay.
 * Every function is an affine map x -> a x + b modulo 2^64, repeated: its results are known without running it.
 * argv[1]: seconds, argv[2]: seed. */
#include "../guest/programs/jit-code.h"
#include <time.h>

#define SLOT 512
#define SLOTS (PAGE / SLOT)
#define MIN_OPS 3
#define MAX_OPS 14
#define HOT 90000
#define WARM 3000

typedef struct { uint64_t a, b; } Map;
typedef uint64_t (*Code)(uint64_t count, uint64_t x, uint64_t *cell);

static uint64_t state;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}
static uint32_t below(uint32_t count) { return (next() >> 32) % count; }

static uint8_t *put(uint8_t *at, const char *bytes, int size) { memcpy(at, bytes, size); return at + size; }
static uint8_t *put32(uint8_t *at, int32_t value) { memcpy(at, &value, 4); return at + 4; }
static Map then(Map first, Map second) { return (Map){ first.a * second.a, first.b * second.a + second.b }; }

/* A small function behind the loop, and a call of it: x += value. */
static uint8_t *emit_call(uint8_t *at, uint8_t *callee, int32_t value) {
  put(put32(put(callee, "\x48\x05", 2), value), "\xc3", 1);
  return put32(put(at, "\xe8", 1), callee - (at + 5));
}

static uint8_t *emit_op(uint8_t *at, uint8_t **behind, Map *map) {
  int32_t value = (int32_t)next();
  int shift = 1 + below(3);
  switch (below(10)) {
    case 0: *map = then(*map, (Map){ 1, value }); return put32(put(at, "\x48\x05", 2), value);                  /* add rax, value */
    case 1: *map = then(*map, (Map){ 1, -(uint64_t)value }); return put32(put(at, "\x48\x2d", 2), value);       /* sub rax, value */
    case 2: *map = then(*map, (Map){ value, 0 }); return put32(put(at, "\x48\x69\xc0", 3), value);              /* imul rax, rax, value */
    case 3: *map = then(*map, (Map){ -1, 0 }); return put(at, "\x48\xf7\xd8", 3);                               /* neg rax */
    case 4: *map = then(*map, (Map){ -1, -1 }); return put(at, "\x48\xf7\xd0", 3);                              /* not rax */
    case 5: *map = then(*map, (Map){ 1ul << shift, 0 }); at = put(at, "\x48\xc1\xe0", 3); *at = shift; return at + 1; /* shl rax, shift */
    case 6: *map = then(*map, (Map){ 5, value }); return put32(put(at, "\x48\x8d\x84\x80", 4), value);          /* lea rax, [rax + 4 rax + value] */
    case 7: *map = then(*map, (Map){ 2, 0 }); return put(at, "\x48\x89\x02\x48\x03\x02", 6);                    /* mov [rdx], rax; add rax, [rdx] */
    case 8: *map = then(*map, (Map){ 2, 0 }); return put(at, "\x66\x48\x0f\x6e\xc0\x66\x0f\xd4\xc0\x66\x48\x0f\x7e\xc0", 14); /* movq xmm0, rax; paddq xmm0, xmm0; movq rax, xmm0 */
    default:
      *map = then(*map, (Map){ 1, value });
      *behind -= 8;
      return emit_call(at, *behind, value);
  }
}

/* x = rsi; do x = map(x) while (--rdi); return x. */
static Map emit(uint8_t *slot) {
  Map map = { 1, 0 };
  uint8_t *behind = slot + SLOT;
  uint8_t *at = put(slot, "\x48\x89\xf0", 3);
  uint8_t *loop = at;
  for (int ops = MIN_OPS + below(MAX_OPS - MIN_OPS); ops > 0; ops--) at = emit_op(at, &behind, &map);
  at = put(at, "\x48\xff\xcf\x0f\x85", 5);
  at = put32(at, loop - (at + 4));
  put(at, "\xc3", 1);
  return map;
}

static uint64_t expected(Map map, uint64_t count, uint64_t x) {
  Map power = { 1, 0 };
  for (; count; count >>= 1, map = then(map, map)) if (count & 1) power = then(power, map);
  return power.a * x + power.b;
}

static uint64_t functions, calls;
static void call(const char *way, uint8_t *slot, Map map, uint64_t count) {
  static uint64_t cell;
  uint64_t x = next();
  uint64_t result = ((Code)slot)(count, x, &cell), wanted = expected(map, count, x);
  calls++;
  if (result == wanted) return;
  printf("%s: %lx, not %lx, after %lu calls\n", way, result, wanted, calls);
  exit(1);
}

static Map fresh(uint8_t *slot) {
  functions++;
  return emit(slot);
}

static void run_hot(const char *way, uint8_t *slot, Map map) {
  for (int i = 0; i < 3; i++) call(way, slot, map, HOT + below(100));
}

/* A ring of pages that are never both. */
static void protected_pages(void) {
  enum { PAGES = 64 };
  static uint8_t *code;
  static uint32_t turn;
  if (!code) code = map_pages(PAGES, PROT_READ | PROT_WRITE);
  uint8_t *page = code + turn++ % PAGES * PAGE;
  Map maps[SLOTS];
  mprotect(page, PAGE, PROT_READ | PROT_WRITE);
  for (int i = 0; i < SLOTS; i++) maps[i] = fresh(page + i * SLOT);
  mprotect(page, PAGE, PROT_READ | PROT_EXEC);
  for (int i = 0; i < SLOTS; i++) if (i % 4 == 0) run_hot("protected", page + i * SLOT, maps[i]);
  for (int i = 0; i < SLOTS; i++) call("protected again", page + i * SLOT, maps[i], WARM);
}

/* One function is replaced, the others of its page go on. */
static void in_place(void) {
  enum { PAGES = 16 };
  static uint8_t *code;
  static Map maps[PAGES * SLOTS];
  if (!code) {
    code = map_pages(PAGES, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (int i = 0; i < PAGES * SLOTS; i++) maps[i] = fresh(code + i * SLOT);
  }
  int i = below(PAGES * SLOTS), neighbour = i ^ (1 + below(SLOTS - 1));
  call("before", code + i * SLOT, maps[i], WARM);
  maps[i] = fresh(code + i * SLOT);
  run_hot("in place", code + i * SLOT, maps[i]);
  call("neighbour", code + neighbour * SLOT, maps[neighbour], WARM);
}

/* Mappings of one to four pages at changing addresses, the oldest of which goes. */
static void mappings(void) {
  enum { MAPPINGS = 32 };
  static struct { uint8_t *at; size_t bytes; Map map; } all[MAPPINGS];
  static uint32_t turn;
  typeof(&all[0]) it = &all[turn++ % MAPPINGS];
  if (it->at) {
    call("before munmap", it->at, it->map, WARM);
    munmap(it->at, it->bytes);
  }
  it->bytes = (1 + below(4)) * PAGE;
  void *hint = (void *)(0x40000000ul + (uint64_t)below(0x40000) * PAGE);
  it->at = mmap(hint, it->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (it->at == MAP_FAILED) { perror("mmap"); exit(1); }
  it->map = fresh(it->at);
  mprotect(it->at, it->bytes, PROT_READ | PROT_EXEC);
  run_hot("mapping", it->at, it->map);
}

/* Far more functions than translations are kept; old ones are called again. */
static void many(void) {
  enum { FUNCTIONS = 2048 * SLOTS };
  static uint8_t *code;
  static Map maps[FUNCTIONS];
  static uint32_t count;
  if (!code) code = map_pages(FUNCTIONS / SLOTS, PROT_READ | PROT_WRITE | PROT_EXEC);
  int i = count++ % FUNCTIONS, older = below(count < FUNCTIONS ? count : FUNCTIONS);
  maps[i] = fresh(code + i * SLOT);
  run_hot("many", code + i * SLOT, maps[i]);
  call("older", code + older * SLOT, maps[older], HOT);
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 1;
  state = argc > 2 ? strtoul(argv[2], 0, 10) * 0x9e3779b97f4a7c15 | 1 : 1;
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    switch (below(5)) {
      case 0: protected_pages(); break;
      case 1: in_place(); break;
      case 2: mappings(); break;
      default: many();
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
  printf("functions %lu calls %lu wrong 0\n", functions, calls);
  return 0;
}
