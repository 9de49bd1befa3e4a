// Sixteen threads that change between running and waiting all the time: short sleeps, pipes, futexes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16 };

static int rounds = 60;
static int pipes[THREADS][2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long turns;

static void nap(unsigned microseconds) {
  struct timespec time = { 0, microseconds * 1000L };
  nanosleep(&time, NULL);
}

/** Sleeps, hands a byte round the ring, counts under a lock, computes a little. */
static void *flap(void *argument) {
  long number = (long)argument;
  unsigned seed = (unsigned)number * 2654435761u + 1;
  char byte = 'x';
  for (int i = 0; i < rounds; i++) {
    seed = seed * 1664525u + 1013904223u;
    nap(seed >> 22);
    if (write(pipes[(number + 1) % THREADS][1], &byte, 1) != 1) exit(1);
    if (read(pipes[number][0], &byte, 1) != 1) exit(1);
    pthread_mutex_lock(&lock);
    turns++;
    for (volatile unsigned k = 0; k < (seed & 0xfff); k++) continue;
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc > 1) rounds = atoi(argv[1]);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) if (pipe(pipes[i]) != 0) return 1;
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, flap, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("%ld turns\n", turns);
  return 0;
}
