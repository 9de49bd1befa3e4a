// Many threads and processes at once: all of them wait for each other. Arguments: threads, processes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_barrier_t all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long sum;

static void *work(void *number) {
  pthread_barrier_wait(&all);
  pthread_mutex_lock(&lock);
  sum += (long)number;
  pthread_mutex_unlock(&lock);
  pthread_barrier_wait(&all);
  return NULL;
}

static void threads(int count) {
  pthread_t *thread = calloc((size_t)count, sizeof *thread);
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 65536);
  pthread_barrier_init(&all, NULL, (unsigned)count + 1);
  for (long i = 0; i < count; i++) {
    if (pthread_create(&thread[i], &attr, work, (void *)i) == 0) continue;
    printf("thread %ld failed\n", i);
    exit(1);
  }
  pthread_barrier_wait(&all);
  pthread_barrier_wait(&all);
  for (int i = 0; i < count; i++) pthread_join(thread[i], NULL);
  printf("%d threads, sum %ld\n", count, sum);
}

/** Children say that they live, and end when the pipe they read is closed. */
static void processes(int count) {
  int go[2], alive[2];
  char byte;
  if (pipe(go) != 0 || pipe(alive) != 0) exit(1);
  int made = 0;
  for (; made < count; made++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child > 0) continue;
    close(go[1]);
    ssize_t done = write(alive[1], "x", 1);
    done += read(go[0], &byte, 1);
    _exit(done == 1 ? 0 : 1);
  }
  for (int i = 0; i < made; i++) if (read(alive[0], &byte, 1) != 1) exit(1);
  printf("%d processes at once\n", made);
  close(go[1]);
  int status, well = 0;
  while (wait(&status) > 0) well += status == 0;
  printf("%d ended well\n", well);
}

int main(int argc, char **argv) {
  threads(argc > 1 ? atoi(argv[1]) : 600);
  fflush(stdout);
  processes(argc > 2 ? atoi(argv[2]) : 250);
  return 0;
}
