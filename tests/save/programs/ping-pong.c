/* Two threads take turns under a lock and add to a sum that depends on the order. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long turn, sum;

static void *player(void *arg) {
  long id = (long)arg;
  for (int n = 0; n < 20000; n++) {
    pthread_mutex_lock(&mutex);
    while (turn != id) pthread_cond_wait(&cond, &mutex);
    sum = (sum * 31 + n + id) % 1000003;
    turn = !id;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
  }
  return 0;
}

int main(void) {
  pthread_t a, b;
  pthread_create(&a, 0, player, (void *)0);
  pthread_create(&b, 0, player, (void *)1);
  pthread_join(a, 0);
  pthread_join(b, 0);
  printf("sum %ld\n", sum);
  return 0;
}
