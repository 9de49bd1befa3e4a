/* Forks until the limit of processes says EAGAIN, then cleans up and can fork again. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  struct rlimit limit = {40, 40};
  setrlimit(RLIMIT_NPROC, &limit);
  int count = 0;
  pid_t pids[4096], pid;
  while (count < 4096 && (pid = fork()) >= 0) {
    if (pid == 0) { pause(); _exit(0); }
    pids[count++] = pid;
  }
  printf("refused %d, below the limit %d\n", errno == EAGAIN, count < 41);
  for (int i = 0; i < count; i++) kill(pids[i], SIGKILL);
  int reaped = 0;
  while (wait(0) > 0) reaped++;
  printf("all reaped %d\n", reaped == count);
  pid = fork();
  if (pid == 0) _exit(7);
  int status;
  waitpid(pid, &status, 0);
  printf("again %d\n", WEXITSTATUS(status));
  return 0;
}
