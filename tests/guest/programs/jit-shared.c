/* Hot code changes behind its back: through a second mapping, in a child after fork, by another process. */
#include "jit-code.h"
#include <sys/wait.h>

static void two_mappings(void) {
  int fd = memfd_create("code", 0);
  ftruncate(fd, PAGE);
  uint8_t *writable = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  uint8_t *code = mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  uint8_t *twin = mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  uint64_t total = 0;
  emit_loop(writable, 1);
  for (int round = 1; round <= 20; round++) {
    patch_loop(writable, round);
    uint64_t turns = round % 7 == 1 ? HOT_TURNS : 400;
    uint64_t sum = ((Function)code)(turns);
    expect_sum("mapping", sum, turns * round);
    expect_sum("twin", ((Function)twin)(50), 50ul * round);
    total += sum;
  }
  uint32_t step = 99;
  pwrite(fd, &step, 4, 4);
  expect_sum("pwrite", ((Function)code)(1000), 99000);
  printf("mappings %lu\n", total);
}

/* The page is shared copy-on-write until one of the two changes it. */
static void after_fork(void) {
  uint8_t *code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
  emit_loop(code, 3);
  expect_sum("before fork", ((Function)code)(HOT_TURNS), 3ul * HOT_TURNS);
  fflush(stdout);
  for (int i = 1; i <= 3; i++) {
    if (fork() == 0) {
      expect_sum("child", ((Function)code)(HOT_TURNS), 3ul * HOT_TURNS);
      patch_loop(code, 10 * i);
      expect_sum("changed child", ((Function)code)(HOT_TURNS), 10ul * i * HOT_TURNS);
      _exit(i);
    }
  }
  expect_sum("parent", ((Function)code)(HOT_TURNS), 3ul * HOT_TURNS);
  patch_loop(code, 5);
  expect_sum("changed parent", ((Function)code)(HOT_TURNS), 5ul * HOT_TURNS);
  int status, sum = 0;
  while (wait(&status) > 0) sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  printf("forks %d\n", sum);
}

/* A child rewrites shared code while the parent runs it: each call sees one of the two steps, in the end the new one. */
static void other_process(void) {
  uint8_t *code = mmap(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  emit_loop(code, 1);
  ((Function)code)(HOT_TURNS);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 50; i++) {
      patch_loop(code, 1 + (i & 1));
      ((Function)code)(20);
    }
    _exit(0);
  }
  for (int i = 0; i < 50; i++) {
    uint64_t sum = ((Function)code)(1000);
    if (sum < 1000 || sum > 2000) { printf("torn: %lu\n", sum); exit(1); }
  }
  waitpid(child, 0, 0);
  expect_sum("in the end", ((Function)code)(HOT_TURNS), 2ul * HOT_TURNS);
  printf("process ok\n");
}

int main(void) {
  two_mappings();
  after_fork();
  other_process();
  return 0;
}
