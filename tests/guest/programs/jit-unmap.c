/* One thread runs hot code while another takes it away: by munmap, by mprotect, by other code in its place. */
#include "jit-code.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

static uint8_t *code;
static sigjmp_buf back;
static volatile int running;
static int (*take_away)(void);

static void on_segv(int signo, siginfo_t *info, void *context) {
  (void)signo; (void)context;
  if ((uint8_t *)info->si_addr < code || (uint8_t *)info->si_addr >= code + PAGE) _exit(3);
  siglongjmp(back, 1);
}

static int by_munmap(void) { return munmap(code, PAGE); }
static int by_mprotect(void) { return mprotect(code, PAGE, PROT_READ); }
static int by_new_code(void) {
  uint8_t *fresh = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
  uint8_t answer[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov eax, 42; ret */
  memset(fresh, 0x90, 64);
  memcpy(fresh + 64, answer, sizeof answer);
  return mremap(fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, code) == code ? 0 : -1;
}

static void *taker(void *argument) {
  (void)argument;
  while (!running) usleep(100);
  usleep(3000);
  if (take_away() != 0) perror("take away");
  return 0;
}

static void round_of(const char *name, int (*way)(void)) {
  pthread_t thread;
  code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
  emit_loop(code, 1);
  expect_sum("warm", ((Function)code)(HOT_TURNS), HOT_TURNS);
  take_away = way;
  running = 0;
  pthread_create(&thread, 0, taker, 0);
  if (sigsetjmp(back, 1) == 0) {
    running = 1;
    printf("%s: returned %lu\n", name, ((Function)code)(1ul << 60));
  } else printf("%s: fault\n", name);
  pthread_join(thread, 0);
  /* The next code at the same address is seen. */
  munmap(code, PAGE);
  uint8_t *again = mmap(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  emit_loop(again, 6);
  expect_sum("again", ((Function)again)(HOT_TURNS), 6ul * HOT_TURNS);
  munmap(again, PAGE);
}

int main(void) {
  struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER };
  sigaction(SIGSEGV, &action, 0);
  for (int i = 0; i < 3; i++) {
    round_of("munmap", by_munmap);
    round_of("mprotect", by_mprotect);
    round_of("new code", by_new_code);
  }
  return 0;
}
