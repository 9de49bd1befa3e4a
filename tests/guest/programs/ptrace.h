// Common parts of the ptrace programs.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *signame(int signo) { return sigabbrev_np(signo) ? sigabbrev_np(signo) : "?"; }

static void show_status(const char *what, int status) {
  if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: killed by %s\n", what, signame(WTERMSIG(status)));
  else if (WIFSTOPPED(status)) printf("%s: stopped %s%s event %d\n", what, signame(WSTOPSIG(status) & 0x7f), WSTOPSIG(status) & 0x80 ? "|80" : "", status >> 16);
  else printf("%s: status %x\n", what, status);
}

static int await(const char *what, pid_t pid) {
  int status = -1;
  pid_t got = waitpid(pid, &status, __WALL);
  if (got != pid) printf("%s: waitpid %s\n", what, got < 0 ? strerrorname_np(errno) : "other pid");
  else show_status(what, status);
  return status;
}

// Waits without printing.
static int stopped(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, __WALL);
  return status;
}

static long request(const char *what, int op, pid_t pid, void *addr, void *data) {
  errno = 0;
  long result = ptrace(op, pid, addr, data);
  if (result < 0 && errno) printf("%s: %s\n", what, strerrorname_np(errno));
  return result;
}

static void show_proc(const char *what, pid_t pid, pid_t tracer) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) {
    if (!strncmp(line, "State:", 6)) printf("%s: %s", what, line);
    if (!strncmp(line, "TracerPid:", 10)) printf("%s: traced by %s\n", what, atoi(line + 10) == 0 ? "nobody" : atoi(line + 10) == tracer ? "us" : "another");
  }
  if (file) fclose(file);
}
