// Calls about files that the C library no longer makes, and rarely made ones: the raw numbers, results and errors.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %ld %s\n", #call, r_ < 0 ? -1 : r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define CALL(name, ...) TRY(syscall(SYS_##name, ##__VA_ARGS__))

static void opens_and_stats(void) {
  struct stat st;
  int fd = syscall(SYS_open, "plain", O_CREAT | O_RDWR, 0640);
  SAY("open %d\n", fd >= 0);
  CALL(open, "plain", O_CREAT | O_EXCL, 0600);
  write(fd, "0123456789", 10);
  CALL(stat, "plain", &st);
  SAY("%o %ld %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
  CALL(fstat, fd, &st);
  SAY("%o %ld\n", st.st_mode, (long)st.st_size);
  CALL(symlinkat, "plain", AT_FDCWD, "link");
  CALL(lstat, "link", &st);
  SAY("%o %ld\n", st.st_mode, (long)st.st_size);
  CALL(stat, "missing", &st);
  CALL(stat, "plain", (void *)1);
  char text[16] = "";
  CALL(readlinkat, AT_FDCWD, "link", text, sizeof text);
  SAY("%s\n", text);
  CALL(readlinkat, AT_FDCWD, "plain", text, sizeof text);
  CALL(readlinkat, AT_FDCWD, "link", text, 0);
  CALL(faccessat, AT_FDCWD, "plain", R_OK);
  CALL(faccessat, AT_FDCWD, "missing", F_OK);
  CALL(renameat, AT_FDCWD, "link", AT_FDCWD, "link2");
  CALL(renameat, AT_FDCWD, "link", AT_FDCWD, "link3");
  lseek(fd, 0, SEEK_SET);
  char a[4] = "", b[5] = "";
  struct iovec parts[] = {{a, 3}, {b, 4}};
  CALL(readv, fd, parts, 2);
  SAY("%s %s\n", a, b);
  CALL(readv, fd, parts, -1);
  CALL(fchmodat2, AT_FDCWD, "plain", 0604, 0);
  stat("plain", &st);
  SAY("%o\n", st.st_mode);
  CALL(fchmodat2, AT_FDCWD, "plain", 0604, 1 << 20);
  CALL(mknod, "fifo", S_IFIFO | 0600, 0);
  CALL(mknod, "fifo", S_IFIFO | 0600, 0);
  CALL(mknod, "dir", S_IFDIR | 0700, 0);
  close(fd);
}

static void show_times(const char *name) {
  struct stat st;
  stat(name, &st);
  SAY("%ld.%09ld %ld.%09ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void times_of_files(void) {
  struct utimbuf old = {1000, 2000};
  struct timeval pair[] = {{3000, 4}, {5000, 6}}, bad[] = {{1, 1000000}, {1, 0}};
  CALL(utime, "plain", &old);
  show_times("plain");
  CALL(utimes, "plain", pair);
  show_times("plain");
  CALL(futimesat, AT_FDCWD, "plain", bad);
  CALL(futimesat, AT_FDCWD, "plain", pair);
  CALL(utimes, "missing", pair);
}

struct old_dirent { unsigned long ino, off; unsigned short length; char name[]; };

static void directories(void) {
  mkdir("d", 0700);
  close(open("d/one", O_CREAT | O_WRONLY, 0600));
  char buffer[1024];
  int fd = open("d", O_RDONLY | O_DIRECTORY), seen = 0;
  long got = syscall(SYS_getdents, fd, buffer, sizeof buffer);
  for (long at = 0; at < got; ) {
    struct old_dirent *entry = (void *)(buffer + at);
    seen |= !strcmp(entry->name, ".") ? 1 : !strcmp(entry->name, "..") ? 2 : !strcmp(entry->name, "one") ? 4 : 8;
    if (!strcmp(entry->name, "one")) SAY("type %d\n", buffer[at + entry->length - 1]);
    at += entry->length;
  }
  SAY("seen %d\n", seen);
  CALL(getdents, fd, buffer, sizeof buffer);
  lseek(fd, 0, SEEK_SET);
  CALL(getdents, fd, buffer, 8);
  CALL(getdents, 99, buffer, 8);
  close(fd);
  CALL(ustat, 0xfffff, buffer);
  SAY("sysfs %d\n", syscall(SYS_sysfs, 3) > 0);
  CALL(sysfs, 9);
  CALL(sync);
  struct { unsigned bytes; int type; char handle[16]; } none = {0}, some = {8, 1};
  int mount_id, proc = open("/proc", O_RDONLY | O_DIRECTORY);
  CALL(name_to_handle_at, AT_FDCWD, "missing", &some, &mount_id, 0);
  CALL(name_to_handle_at, AT_FDCWD, "plain", &some, &mount_id, 1 << 20);
  CALL(name_to_handle_at, 99, "", &some, &mount_id, AT_EMPTY_PATH);
  CALL(name_to_handle_at, AT_FDCWD, "/proc/self/status", &some, &mount_id, 0);
  CALL(open_by_handle_at, proc, (void *)8, 0);
  CALL(open_by_handle_at, proc, &none, 0);
  CALL(open_by_handle_at, 99, &some, 0);
  CALL(open_by_handle_at, proc, &some, 0);
  close(proc);
}

static void descriptors(void) {
  int fds[2];
  CALL(pipe, (void *)1);
  TRY(syscall(SYS_pipe, fds));
  struct timeval soon = {0, 1000}, bad = {0, -1};
  fd_set read_set;
  FD_ZERO(&read_set);
  FD_SET(fds[0], &read_set);
  CALL(select, fds[0] + 1, &read_set, NULL, NULL, &soon);
  write(fds[1], "x", 1);
  FD_SET(fds[0], &read_set);
  soon = (struct timeval){1, 0};
  CALL(select, fds[0] + 1, &read_set, NULL, NULL, &soon);
  SAY("ready %d\n", FD_ISSET(fds[0], &read_set));
  CALL(select, -1, NULL, NULL, NULL, &soon);
  CALL(select, 0, NULL, NULL, NULL, &bad);
  int epoll = syscall(SYS_epoll_create, 1);
  CALL(epoll_create, 0);
  struct epoll_event event = {EPOLLIN, {.u32 = 7}}, got = {0};
  TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
  struct timespec zero = {0, 0}, wrong = {0, -1};
  CALL(epoll_pwait2, epoll, &got, 1, &zero, NULL, 8);
  SAY("event %x %u\n", got.events, got.data.u32);
  CALL(epoll_pwait2, epoll, &got, 1, &wrong, NULL, 8);
  CALL(epoll_pwait2, epoll, &got, 0, &zero, NULL, 8);
  int counter = syscall(SYS_eventfd, 5);
  uint64_t value = 0;
  TRY(read(counter, &value, 8));
  SAY("counter %lu\n", value);
  int notify = syscall(SYS_inotify_init);
  SAY("inotify %d flags %x\n", notify >= 0, fcntl(notify, F_GETFD));
  unsigned long set = 1ul << (SIGUSR1 - 1);
  sigprocmask(SIG_BLOCK, (sigset_t *)&set, NULL);
  int signals = syscall(SYS_signalfd, -1, &set, 8);
  CALL(signalfd, -1, &set, 4);
  raise(SIGUSR1);
  char record[128];
  TRY(read(signals, record, sizeof record));
  SAY("signal %d\n", *(int *)record);
}

static void attributes(void) {
  char value[16] = "";
  int fd = open("plain", O_RDWR);
  CALL(fsetxattr, fd, "user.a", "1", 1, 0);
  CALL(fsetxattr, fd, "user.a", "1", 1, 1);
  CALL(lsetxattr, "plain", "user.b", "22", 2, 0);
  CALL(lsetxattr, "plain", "user.c", "22", 2, 2);
  CALL(getxattr, "plain", "user.a", value, sizeof value);
  CALL(lgetxattr, "plain", "user.b", value, 1);
  CALL(fgetxattr, fd, "user.b", value, sizeof value);
  SAY("%s\n", value);
  CALL(fgetxattr, fd, "user.none", value, sizeof value);
  CALL(listxattr, "plain", NULL, 0);
  CALL(llistxattr, "plain", value, 1);
  CALL(flistxattr, fd, NULL, 0);
  CALL(removexattr, "plain", "user.a");
  CALL(lremovexattr, "plain", "user.a");
  CALL(lremovexattr, "plain", "user.b");
  CALL(fremovexattr, fd, "user.b");
  CALL(listxattr, "plain", NULL, 0);
  close(fd);
}

int main(void) {
  char dir[] = "/tmp/calls-files-XXXXXX";
  umask(022);
  if (!mkdtemp(dir) || chdir(dir) != 0) return 1;
  opens_and_stats();
  times_of_files();
  directories();
  descriptors();
  attributes();
  chdir("/");
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}
