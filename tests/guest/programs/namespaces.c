// User, PID, UTS, IPC and mount namespaces: unshare, clone3, setns, signals and ids across them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int r = write(fd, text, strlen(text)) < 0 ? -1 : 0, e = errno;
  close(fd);
  errno = e;
  return r;
}

static void show(const char *path) {
  char text[256];
  int fd = open(path, O_RDONLY);
  ssize_t n = read(fd, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  SAY("%s: %s", path, text);
  close(fd);
}

static void report(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid) SAY("waitpid: %s\n", strerrorname_np(errno));
  else if (WIFSIGNALED(status)) SAY("child: signal %d\n", WTERMSIG(status));
  else SAY("child: exit %d\n", WEXITSTATUS(status));
}

#define IN_CHILD for (pid_t pid_ = fork(), once_ = 1; once_; once_ = 0, pid_ ? report(pid_) : _exit(0)) if (pid_ == 0)

static void enter_user(void) {
  unsigned uid = getuid(), gid = getgid();
  char map[64];
  if (unshare(CLONE_NEWUSER)) SAY("unshare: %s\n", strerrorname_np(errno));
  put("/proc/self/setgroups", "deny");
  sprintf(map, "0 %u 1\n", uid);
  put("/proc/self/uid_map", map);
  sprintf(map, "0 %u 1\n", gid);
  put("/proc/self/gid_map", map);
}

static void users(void) {
  unsigned uid = getuid();
  char map[64];
  SAY("-- users\n");
  IN_CHILD {
    TRY(unshare(CLONE_NEWUSER));
    SAY("uid %d gid %d\n", getuid(), getgid());
    show("/proc/self/setgroups");
    TRY(put("/proc/self/setgroups", "deny"));
    TRY(put("/proc/self/uid_map", "0 0 x\n"));
    sprintf(map, "0 %u 1\n", uid);
    TRY(put("/proc/self/uid_map", map));
    TRY(put("/proc/self/uid_map", map));
    sprintf(map, "0 %u 1\n", getegid());
    SAY("uid %d euid %d\n", getuid(), geteuid());
    TRY(setuid(5));
    TRY(setgroups(0, 0));
    TRY(chown("/proc/self/comm", 7, 7));
    SAY("capabilities %d\n", prctl(PR_CAPBSET_READ, 21));
    TRY(sethostname("x", 1));
    TRY(chroot("/"));
    struct stat st;
    stat("/", &st);
    SAY("root is mine %d\n", st.st_uid == (uid == 0 ? 0 : 65534));
    TRY(unshare(CLONE_NEWUTS));
    TRY(sethostname("inside", 6));
    char name[65];
    gethostname(name, sizeof name);
    SAY("host %s\n", name);
    TRY(unshare(CLONE_NEWUSER));
    SAY("nested uid %d\n", getuid());
  }
  char name[65];
  gethostname(name, sizeof name);
  SAY("outside unchanged %d\n", strcmp(name, "inside") != 0);
  IN_CHILD { TRY(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC)); TRY(msgget(77, 0)); SAY("key of the old namespace\n"); }
  TRY(unshare(0x40));
}

static void got(int signo) { (void)signo; }

static void pids(void) {
  SAY("-- pids\n");
  IN_CHILD {
    enter_user();
    TRY(unshare(CLONE_NEWPID));
    SAY("still %d\n", getpid() > 1);
    pid_t init = fork();
    if (init == 0) {
      SAY("pid %d tid %ld parent %d group %d session %d\n", getpid(), syscall(SYS_gettid), getppid(), getpgrp() , getsid(0));
      kill(1, SIGKILL);
      kill(1, SIGTERM);
      SAY("survived\n");
      pid_t a = fork();
      if (a == 0) {
        if (fork() == 0) { usleep(20000); SAY("orphan has parent %d\n", getppid()); _exit(3); }
        SAY("second %d parent %d setsid %d\n", getpid(), getppid(), setsid());
        _exit(2);
      }
      int status;
      SAY("reaped %d", waitpid(-1, &status, 0));
      SAY(" status %d\n", WEXITSTATUS(status));
      SAY("adopted %d", waitpid(-1, &status, 0));
      SAY(" status %d\n", WEXITSTATUS(status));
      TRY(kill(2, 0));
      TRY(kill(-1, SIGTERM));
      for (int i = 0; i < 3; i++) if (fork() == 0) for (;;) pause();
      _exit(9);
    }
    report(init);
    TRY(fork());
  }
  int sockets[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
  int on = 1;
  setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  IN_CHILD {
    enter_user();
    unshare(CLONE_NEWPID);
    pid_t init = fork();
    if (init == 0) {
      sigset_t usr1, none;
      sigemptyset(&none);
      sigemptyset(&usr1);
      sigaddset(&usr1, SIGUSR1);
      sigprocmask(SIG_BLOCK, &usr1, NULL);
      signal(SIGUSR1, got);
      write(sockets[1], "x", 1);
      sigsuspend(&none);
      SAY("got the signal\n");
      write(sockets[1], "y", 1);
      for (;;) pause();
    }
    char data[8], control[64];
    struct iovec iov = {data, 8};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    recvmsg(sockets[0], &msg, 0);
    struct ucred *cred = (void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
    SAY("credentials name the child %d uid %d\n", cred->pid == init, cred->uid);
    char path[64], line[512], *at;
    sprintf(path, "/proc/%d/status", init);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, line, sizeof line - 1);
    line[n > 0 ? n : 0] = 0;
    at = strstr(line, "NSpid:");
    if (!at) { n = pread(fd, line, sizeof line - 1, 200); line[n > 0 ? n : 0] = 0; at = strstr(line, "NSpid:"); }
    int outer = 0, inner = 0;
    if (at) sscanf(at, "NSpid:\t%d\t%d", &outer, &inner);
    SAY("NSpid %d %d\n", outer == init, inner);
    kill(init, SIGTERM);
    kill(init, SIGUSR1);
    read(sockets[0], data, 1);
    kill(init, SIGKILL);
    report(init);
  }
  struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWPID, .exit_signal = SIGCHLD};
  pid_t pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) { SAY("clone3 child %d uid %d\n", getpid(), getuid()); _exit(4); }
  report(pid);
  args.flags = CLONE_NEWUSER | CLONE_FS;
  TRY(syscall(SYS_clone3, &args, sizeof args));
}

static int has(const char *path) { return access(path, F_OK) == 0; }

static void mounts(void) {
  SAY("-- mounts\n");
  char dir[] = "/tmp/namespaces-XXXXXX";
  mkdtemp(dir);
  char a[64], b[64], in_a[80], in_b[80];
  IN_CHILD {
    enter_user();
    TRY(mount("none", dir, "tmpfs", 0, 0));
    TRY(unshare(CLONE_NEWNS));
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    TRY(mount("none", dir, "tmpfs", 0, 0));
    sprintf(a, "%s/a", dir); sprintf(b, "%s/b", dir); sprintf(in_a, "%s/a/m", dir); sprintf(in_b, "%s/b/m", dir);
    mkdir(a, 0755); mkdir(b, 0755);
    TRY(mount("none", a, "tmpfs", 0, 0));
    TRY(mount(0, a, 0, MS_SHARED, 0));
    mkdir(in_a, 0755);
    TRY(mount(a, b, 0, MS_BIND, 0));
    TRY(mount("none", in_a, "tmpfs", 0, 0));
    sprintf(in_a, "%s/a/m/file", dir); sprintf(in_b, "%s/b/m/file", dir);
    close(creat(in_a, 0600));
    SAY("peer sees it %d\n", has(in_b));
    sprintf(in_a, "%s/a/m", dir); sprintf(in_b, "%s/b/m", dir);
    TRY(umount(in_b));
    sprintf(in_b, "%s/b/m/file", dir);
    SAY("gone everywhere %d\n", !has(in_b));
    TRY(mount(0, b, 0, MS_SLAVE, 0));
    mount("none", in_a, "tmpfs", 0, 0);
    sprintf(in_a, "%s/a/m/file", dir);
    close(creat(in_a, 0600));
    SAY("slave receives %d\n", has(in_b));
    TRY(mount(0, b, 0, MS_PRIVATE, 0));
    TRY(mount(0, b, 0, MS_PRIVATE | MS_SHARED, 0));
    TRY(mount(0, b, 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
    sprintf(in_b, "%s/b/new", dir);
    TRY(creat(in_b, 0600));
    sprintf(in_a, "%s/a/m", dir);
    TRY(umount(in_a));
    TRY(umount2(a, MNT_EXPIRE));
    TRY(umount2(a, MNT_EXPIRE));
    int ready[2], go[2];
    pipe(ready); pipe(go);
    pid_t other = fork();
    if (other == 0) {
      unshare(CLONE_NEWNS);
      mount("none", a, "tmpfs", 0, 0);
      sprintf(in_a, "%s/a/hidden", dir);
      close(creat(in_a, 0600));
      write(ready[1], "r", 1);
      char c;
      read(go[0], &c, 1);
      _exit(0);
    }
    char c;
    read(ready[0], &c, 1);
    sprintf(in_a, "%s/a/hidden", dir);
    SAY("not here %d\n", !has(in_a));
    char path[64];
    sprintf(path, "/proc/%d/ns/mnt", other);
    pid_t visitor = fork();
    if (visitor == 0) {
      int fd = open(path, O_RDONLY);
      TRY(setns(fd, CLONE_NEWUTS));
      TRY(setns(fd, CLONE_NEWNS));
      SAY("there %d\n", has(in_a));
      _exit(0);
    }
    report(visitor);
    visitor = fork();
    if (visitor == 0) {
      int fd = syscall(SYS_pidfd_open, other, 0);
      TRY(setns(fd, 0));
      TRY(setns(fd, CLONE_NEWNS | CLONE_NEWUTS));
      SAY("there by pidfd %d\n", has(in_a));
      TRY(setns(0, 0));
      _exit(0);
    }
    report(visitor);
    write(go[1], "g", 1);
    report(other);
    sprintf(in_a, "%s/old", dir);
    mkdir(in_a, 0700);
    TRY(syscall(SYS_pivot_root, dir, in_a));
    SAY("new root has old %d, proc below %d\n", has("/old"), has("/old/proc/self"));
    TRY(chdir("/"));
    TRY(umount2("/old", MNT_DETACH));
    SAY("old is empty %d\n", !has("/old/proc"));
  }
  TRY(rmdir(dir));
  mkdir(dir, 0700);
  int ready[2];
  pipe(ready);
  pid_t holder = fork();
  if (holder == 0) {
    enter_user();
    unshare(CLONE_NEWNS);
    mount("none", dir, "tmpfs", 0, 0);
    write(ready[1], "r", 1);
    for (;;) pause();
  }
  char c;
  read(ready[0], &c, 1);
  SAY("a mount elsewhere does not hold the name: ");
  TRY(rmdir(dir));
  kill(holder, SIGKILL);
  report(holder);
}

int main(void) {
  alarm(30);
  users();
  pids();
  mounts();
  return 0;
}
