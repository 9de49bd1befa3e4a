// fork, wait, exit statuses, exec, pipes, process groups.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static void report(const char *what, int status) {
  if (WIFEXITED(status)) printf("%s: exit %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: signal %d core %d\n", what, WTERMSIG(status), 0);
  else if (WIFSTOPPED(status)) printf("%s: stopped %d\n", what, WSTOPSIG(status));
  else printf("%s: status %x\n", what, status);
  fflush(stdout);
}
int main(int argc, char **argv) {
  int status;
  if (argc > 1 && !strcmp(argv[1], "child")) { printf("exec'd %s %s\n", argv[2], getenv("MARK")); return 7; }
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) _exit(42);
  if (waitpid(pid, &status, 0) != pid) perror("waitpid");
  report("child", status);
  pid = fork();
  if (pid == 0) { for (;;) pause(); }
  kill(pid, SIGTERM);
  waitpid(pid, &status, 0);
  report("killed", status);
  int go[2];
  if (pipe(go)) return 1;
  pid = fork();
  // The child ends after it was seen to continue.
  if (pid == 0) { char byte; raise(SIGSTOP); _exit(read(go[0], &byte, 1) == 1 ? 5 : 6); }
  waitpid(pid, &status, WUNTRACED);
  report("stop", status);
  kill(pid, SIGCONT);
  waitpid(pid, &status, WCONTINUED);
  printf("continued %d\n", WIFCONTINUED(status)); fflush(stdout);
  if (write(go[1], "x", 1) != 1) return 1;
  waitpid(pid, &status, 0);
  report("after", status);
  pid = vfork();
  if (pid == 0) { execle("/proc/self/exe", "process", "child", "arg", (char *)0, (char *[]){"MARK=yes", 0}); _exit(99); }
  waitpid(pid, &status, 0);
  report("exec", status);
  int fds[2];
  pipe(fds);
  for (int i = 0; i < 3; i++) if (fork() == 0) { char c = 'a' + i; write(fds[1], &c, 1); _exit(i); }
  close(fds[1]);
  int sum = 0, n; char c;
  while ((n = read(fds[0], &c, 1)) > 0) sum += c;
  printf("pipe sum %d\n", sum);
  int codes = 0;
  while ((pid = wait(&status)) > 0) codes += WEXITSTATUS(status);
  printf("codes %d errno %d\n", codes, errno == ECHILD);
  printf("exec missing: %d\n", execl("/no/such/file", "x", (char *)0) == -1 && errno == ENOENT);
  printf("session %d group %d\n", getsid(0) > 0, getpgrp() == getpgid(0));
  pid = fork();
  if (pid == 0) { setsid(); _exit(getpid() == getsid(0) && getpgrp() == getpid() ? 0 : 1); }
  waitpid(pid, &status, 0);
  report("setsid", status);
  return 0;
}
