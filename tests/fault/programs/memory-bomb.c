/* Touches memory without end: mmap may refuse, or the kernel kills. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int bomb(void) {
  for (;;) {
    char *chunk = mmap(0, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) return errno == ENOMEM ? 12 : 1;
    memset(chunk, 1, 16 << 20);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) return bomb();
  for (int round = 0; round < 3; round++) {
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(bomb());
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) ? WTERMSIG(status) == 9 : WEXITSTATUS(status) == 12) puts("refused or killed");
    else printf("status %x\n", status);
    fflush(stdout);
  }
  return 0;
}
