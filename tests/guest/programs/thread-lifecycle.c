// Threads and processes: how they begin and end, and who is told.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count;
static __thread int own;

static void *counter(void *arg) {
  for (int i = 0; i < 500; i++) {
    pthread_mutex_lock(&lock);
    count++;
    own++;
    pthread_mutex_unlock(&lock);
  }
  return (void *)(long)own;
}
static void *sleeper(void *arg) {
  for (;;) pause();
}
static void *executor(void *arg) {
  char *argv[] = {"/bin/echo", "echo from a thread", 0};
  execv(argv[0], argv);
  return 0;
}
static void *locker(void *mutex) {
  pthread_mutex_lock(mutex);
  return 0;
}

static void *lateExit(void *arg) {
  usleep(20000);
  syscall(SYS_exit, 5);
  return 0;
}

static int waitStatus(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void) {
  setbuf(stdout, 0);
  pthread_t threads[8];
  long sum = 0;
  for (int i = 0; i < 8; i++) pthread_create(&threads[i], 0, counter, 0);
  for (int i = 0; i < 8; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  printf("count %d sum %ld\n", count, sum);

  void *result;
  pthread_create(&threads[0], 0, sleeper, 0);
  pthread_cancel(threads[0]);
  pthread_join(threads[0], &result);
  printf("cancelled %d\n", result == PTHREAD_CANCELED);

  pthread_mutexattr_t attributes;
  static pthread_mutex_t robust;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&robust, &attributes);
  pthread_create(&threads[0], 0, locker, &robust);
  pthread_join(threads[0], 0);
  printf("owner died %d\n", pthread_mutex_lock(&robust) == EOWNERDEAD);

  pid_t pid;
  char *shell[] = {"/bin/sh", "-c", "exit 4", 0}, *missing[] = {"/nonexistent", 0};
  printf("spawn %d\n", posix_spawn(&pid, shell[0], 0, 0, shell, environ));
  printf("exit %d\n", waitStatus(pid));
  printf("spawn missing %d\n", posix_spawn(&pid, missing[0], 0, 0, missing, environ) == ENOENT);

  if ((pid = vfork()) == 0) _exit(3);
  printf("vfork %d\n", waitStatus(pid));

  if ((pid = fork()) == 0) {
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, sleeper, 0);
    kill(getpid(), SIGKILL);
  }
  printf("killed with threads %d\n", waitStatus(pid));
  if ((pid = fork()) == 0) {
    pthread_create(&threads[0], 0, sleeper, 0);
    pthread_create(&threads[1], 0, executor, 0);
    sleeper(0);
  }
  printf("execve of a thread %d\n", waitStatus(pid));
  int ready[2];
  pipe(ready);
  if ((pid = fork()) == 0) {
    pthread_create(&threads[0], 0, sleeper, 0);
    write(ready[1], "x", 1);
    pthread_exit(0);
  }
  char byte;
  read(ready[0], &byte, 1);
  kill(pid, SIGTERM);
  printf("leader gone, then killed %d\n", waitStatus(pid));
  if ((pid = fork()) == 0) {
    pthread_create(&threads[0], 0, lateExit, 0);
    syscall(SYS_exit, 9);
  }
  printf("status of the last thread %d\n", waitStatus(pid));

  if ((pid = fork()) == 0) {
    read(ready[0], &byte, 1);
    _exit(6);
  }
  int fd = syscall(SYS_pidfd_open, pid, 0);
  struct pollfd poller = {fd, POLLIN, 0};
  printf("alive %d\n", poll(&poller, 1, 0));
  write(ready[1], "x", 1);
  printf("ended %d", poll(&poller, 1, 10000));
  siginfo_t info = {0};
  waitid(P_PIDFD, fd, &info, WEXITED);
  printf(" %d status %d code %d\n", poller.revents, info.si_status, info.si_code);
  int sent = syscall(SYS_pidfd_send_signal, fd, 0, 0, 0);
  printf("gone %d %s\n", sent, strerror(errno));

  if ((pid = fork()) == 0) {
    setpgid(0, 0);
    printf("own group %d, session kept %d\n", getpgrp() == getpid(), getsid(0) == getsid(getppid()));
    _exit(setsid() == -1 && errno == EPERM);
  }
  printf("a group leader makes no session %d\n", waitStatus(pid));

  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if ((pid = fork()) == 0) {
    if (fork() == 0) {
      read(ready[0], &byte, 1);
      _exit(8);
    }
    _exit(0);
  }
  printf("middle %d\n", waitStatus(pid));
  write(ready[1], "x", 1);
  int status, reaped = waitpid(-1, &status, 0);
  printf("orphan %d %d\n", reaped > pid, status);
  reaped = waitpid(-1, &status, 0);
  printf("no more %d %s\n", reaped, strerror(errno));
  return 0;
}
