// What the debugger looks at: a recursion, arrays, floats, a fork, a vfork with execve, threads.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct point { int x, y; const char *name; };
int counter;
long table[4] = { 10, 20, 30, 40 };

__attribute__((noinline)) int depth(int n, struct point *p) {
  if (n == 0) {
    p->x += 7;
    return p->x;
  }
  int below = depth(n - 1, p);
  __asm__ volatile("" : "+r"(below));
  return below + 1;
}

__attribute__((noinline)) double half(double v) {
  return v / 2;
}

__attribute__((noinline)) void in_child(void) {
  counter += 99;
  __asm__ volatile("" ::: "memory");
}

static void *thread_main(void *argument) {
  int mine = *(int *)argument;
  in_child();
  return (void *)(long)mine;
}

int main(int argc, char **argv) {
  struct point p = { 1, 2, "here" };
  char buffer[16];
  memset(buffer, 'a', sizeof buffer);
  for (int i = 0; i < 3; i++) counter += i;
  int got = depth(3, &p);
  double h = half(got);
  printf("got %d %.2f %d %.*s\n", got, h, counter, 4, buffer);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    in_child();
    _exit(counter > 50 ? 5 : 6);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child %d\n", WEXITSTATUS(status));
  pthread_t thread;
  void *result;
  pthread_create(&thread, 0, thread_main, &got);
  pthread_join(thread, &result);
  printf("thread %ld table %ld\n", (long)result, table[2]);
  fflush(stdout);
  if (vfork() == 0) {
    execl("/bin/echo", "echo", "executed", (char *)0);
    _exit(1);
  }
  wait(&status);
  return WEXITSTATUS(status);
}
