// Loads for scripts/bench-scaling.mjs: KIND WORKERS AMOUNT; so many workers do the same amount each.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long amount;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile unsigned long shared_sum;

static unsigned long churn(unsigned long x, long rounds) {
  for (long n = 0; n < rounds; n++) x = x * 6364136223846793005ul + 1442695040888963407ul + (x >> 29);
  return x;
}

static void compute(int id) { if (churn(id, amount * 100000) == 42) puts("!"); }

static void alloc(int id) {
  for (long n = 0; n < amount; n++) {
    char *p[64];
    for (int i = 0; i < 64; i++) { p[i] = malloc(1000 + 997 * i); memset(p[i], id, 1000 + 997 * i); }
    for (int i = 0; i < 64; i++) free(p[i]);
    size_t bytes = 1 << 20;
    char *m = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t at = 0; at < bytes; at += 4096) m[at] = 1;
    munmap(m, bytes);
  }
}

static void forks(int id) {
  for (long n = 0; n < amount; n++) {
    pid_t pid = fork();
    if (pid == 0) _exit(churn(id, 20000) == 42);
    waitpid(pid, 0, 0);
  }
}

static void pipes(int id) {
  int to[2], from[2]; char b[64] = "";
  if (pipe(to) || pipe(from)) exit(1);
  if (fork() == 0) { for (long n = 0; n < amount * 100; n++) if (read(to[0], b, 64) != 64 || write(from[1], b, 64) != 64) _exit(1); _exit(0); }
  for (long n = 0; n < amount * 100; n++) if (write(to[1], b, 64) != 64 || read(from[0], b, 64) != 64) exit(1);
  wait(0);
}

static void files(int id) {
  char name[64]; static char block[16384];
  sprintf(name, "/tmp/scaling-%d", id);
  for (long n = 0; n < amount; n++) {
    int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
    for (int i = 0; i < 8; i++) if (write(fd, block, sizeof block) < 0) exit(1);
    lseek(fd, 0, SEEK_SET);
    while (read(fd, block, sizeof block) > 0) {}
    close(fd);
  }
  unlink(name);
}

static void *contend(void *arg) {
  unsigned long x = (unsigned long)arg;
  for (long n = 0; n < amount * 100; n++) { x = churn(x, 200); pthread_mutex_lock(&lock); shared_sum += x & 1; pthread_mutex_unlock(&lock); }
  return 0;
}

int main(int argc, char **argv) {
  int workers = atoi(argv[2]);
  amount = atol(argv[3]);
  if (strcmp(argv[1], "futex") == 0) {
    pthread_t threads[256];
    for (long n = 0; n < workers; n++) pthread_create(&threads[n], 0, contend, (void *)n);
    for (int n = 0; n < workers; n++) pthread_join(threads[n], 0);
    return 0;
  }
  void (*work)(int) = strcmp(argv[1], "compute") == 0 ? compute : strcmp(argv[1], "alloc") == 0 ? alloc : strcmp(argv[1], "fork") == 0 ? forks : strcmp(argv[1], "pipe") == 0 ? pipes : files;
  for (int n = 0; n < workers; n++) if (fork() == 0) { work(n); _exit(0); }
  while (wait(0) > 0) {}
  return 0;
}
