// 24 threads: mutexes, condition variables, barriers, rwlocks, TLS, cancellation.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define N 24
static int ROUNDS = 50;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;
static long counter, turns, shared_value, atomic_counter, bad;
static int turn;
static __thread long tls;
static void *worker(void *arg) {
  long id = (long)arg;
  for (int r = 0; r < ROUNDS; r++) {
    tls = id * 1000 + r;
    pthread_mutex_lock(&mutex); counter++; pthread_mutex_unlock(&mutex);
    __atomic_fetch_add(&atomic_counter, 3, __ATOMIC_SEQ_CST);
    if (id % 3 == 0) { pthread_rwlock_wrlock(&rwlock); shared_value++; long v = shared_value; if (v != shared_value) bad++; pthread_rwlock_unlock(&rwlock); }
    else { pthread_rwlock_rdlock(&rwlock); long v = shared_value; if (v != shared_value) bad++; pthread_rwlock_unlock(&rwlock); }
    sem_wait(&sem); sem_post(&sem);
    pthread_barrier_wait(&barrier);
    if (tls != id * 1000 + r) bad++;
  }
  for (int r = 0; r < 5; r++) {
    pthread_mutex_lock(&mutex);
    while (turn % N != id) pthread_cond_wait(&cond, &mutex);
    turn++; turns++;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
  }
  return (void *)(id * 2);
}
static void cleanup(void *arg) { (void)arg; __atomic_fetch_add(&turns, 1000, __ATOMIC_SEQ_CST); }
static void *sleeper(void *arg) { pthread_cleanup_push(cleanup, arg); for (;;) { if (arg) pause(); else pthread_testcancel(); } pthread_cleanup_pop(0); return 0; }
int main(int argc, char **argv) {
  if (argc > 1) ROUNDS = atoi(argv[1]);
  pthread_t t[N];
  pthread_barrier_init(&barrier, 0, N);
  sem_init(&sem, 0, 4);
  for (long i = 0; i < N; i++) if (pthread_create(&t[i], 0, worker, (void *)i)) { printf("create failed\n"); return 1; }
  long sum = 0; void *r;
  for (int i = 0; i < N; i++) { pthread_join(t[i], &r); sum += (long)r; }
  printf("counter %ld atomic %ld shared %ld turns %ld sum %ld bad %ld\n", counter / ROUNDS, atomic_counter / ROUNDS, shared_value / ROUNDS, turns, sum, bad);
  pthread_t s[4];
  for (long i = 0; i < 4; i++) pthread_create(&s[i], 0, sleeper, (void *)(i & 1));
  usleep(1000);
  int cancelled = 0;
  for (int i = 0; i < 4; i++) { pthread_cancel(s[i]); pthread_join(s[i], &r); cancelled += r == PTHREAD_CANCELED; }
  printf("cancelled %d turns %ld\n", cancelled, turns);
  return 0;
}
