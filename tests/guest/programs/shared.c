// Four processes over shared memory: process-shared mutexes, semaphores, atomics.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
struct area { pthread_mutex_t mutex; sem_t ping, pong; long plain, atomic, rounds; char text[64]; };
int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 500;
  struct area *a = mmap(0, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attr; pthread_mutexattr_init(&attr); pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&a->mutex, &attr);
  sem_init(&a->ping, 1, 0); sem_init(&a->pong, 1, 0);
  long private_value = 5;
  for (int p = 0; p < 4; p++) if (fork() == 0) {
    private_value += p;
    for (int i = 0; i < rounds; i++) {
      pthread_mutex_lock(&a->mutex); a->plain++; pthread_mutex_unlock(&a->mutex);
      __atomic_fetch_add(&a->atomic, 1, __ATOMIC_SEQ_CST);
      if (p == 0) { sem_post(&a->ping); sem_wait(&a->pong); }
      if (p == 1) { sem_wait(&a->ping); a->rounds++; sem_post(&a->pong); }
    }
    _exit((int)private_value);
  }
  int status, sum = 0;
  while (wait(&status) > 0) sum += WEXITSTATUS(status);
  printf("plain %ld atomic %ld rounds %ld sum %d private %ld\n", a->plain / rounds, a->atomic / rounds, a->rounds / rounds, sum, private_value);
  return 0;
}
