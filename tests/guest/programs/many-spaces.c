// More processes that want to run than the kernel has translation tables for, each with many cheap system calls.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char touched[64][4096];

/** Calls that fail at once; in between the program looks at memory of its own. */
static int work(int rounds) {
  int wrong = 0;
  for (int i = 0; i < rounds; i++) {
    touched[i % 64][i % 4096]++;
    if (close(-1) != -1 || errno != EBADF) wrong++;
  }
  int sum = 0;
  for (int page = 0; page < 64; page++) for (int i = 0; i < 4096; i++) sum += touched[page][i];
  return sum == rounds ? wrong : 1;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 120;
  int rounds = argc > 2 ? atoi(argv[2]) : 2000;
  int go[2], made = 0;
  char byte;
  if (pipe(go) != 0) return 1;
  for (; made < count; made++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child > 0) continue;
    close(go[1]);
    if (read(go[0], &byte, 1) != 0) _exit(1);
    _exit(work(rounds));
  }
  close(go[1]);
  int status, well = 0;
  while (wait(&status) > 0) well += status == 0;
  printf("%d of %d processes ended well\n", well, made);
  return 0;
}
