// fsopen, fsconfig, fsmount, move_mount, open_tree, mount_setattr, fspick in a mount namespace of its own.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)
static int make(const char *path) { int fd = creat(path, 0600); if (fd >= 0) close(fd); return fd; }

#define open_tree(...) syscall(428, __VA_ARGS__)
#define move_mount(...) syscall(429, __VA_ARGS__)
#define fsopen(...) syscall(430, __VA_ARGS__)
#define fsconfig(...) syscall(431, __VA_ARGS__)
#define fsmount(...) syscall(432, __VA_ARGS__)
#define fspick(...) syscall(433, __VA_ARGS__)
#define mount_setattr(...) syscall(442, __VA_ARGS__)

struct attributes { uint64_t set, clear, propagation, userns; };

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY), n = fd < 0 ? -1 : write(fd, text, strlen(text));
  close(fd);
  return n;
}

int main(void) {
  char map[64], dir[] = "/tmp/mount-calls-XXXXXX", a[64], b[64], at[96];
  unsigned uid = getuid(), gid = getgid();
  mkdtemp(dir);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) perror("unshare");
  put("/proc/self/setgroups", "deny");
  sprintf(map, "0 %u 1\n", uid); put("/proc/self/uid_map", map);
  sprintf(map, "0 %u 1\n", gid); put("/proc/self/gid_map", map);
  mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
  TRY(fsopen("no-such-type", 0));
  TRY(fsopen("tmpfs", 8));
  int fs = fsopen("tmpfs", 1);
  SAY("close on exec %d\n", fcntl(fs, F_GETFD) & 1);
  TRY(fsmount(fs, 0, 0));
  TRY(fsconfig(fs, 1, "mode", "0711", 0));
  TRY(fsconfig(fs, 1, "size", "64k", 1));
  TRY(fsconfig(fs, 77, 0, 0, 0));
  TRY(fsconfig(fs, 6, 0, 0, 0));
  TRY(fsconfig(fs, 6, 0, 0, 0));
  int mount = fsmount(fs, 1, 2 | 8);
  SAY("fsmount %d\n", mount >= 0);
  TRY(fsmount(fs, 0, 0));
  struct stat st;
  fstat(mount, &st);
  SAY("mode %o\n", st.st_mode);
  TRY(move_mount(mount, "", -100, dir, 0));
  TRY(move_mount(mount, "", -100, dir, 4));
  TRY(move_mount(mount, "", -100, dir, 4));
  stat(dir, &st);
  SAY("mode %o\n", st.st_mode);
  sprintf(a, "%s/a", dir); sprintf(b, "%s/b", dir); sprintf(at, "%s/b/file", dir);
  mkdir(a, 0755); mkdir(b, 0755);
  sprintf(map, "%s/file", a);
  close(creat(map, 0600));
  TRY(open_tree(-100, a, 0x8000));
  int tree = open_tree(-100, a, 1 | O_CLOEXEC);
  SAY("open_tree %d\n", tree >= 0);
  TRY(faccessat(tree, "file", F_OK, 0));
  TRY(access(at, F_OK));
  TRY(move_mount(tree, "", -100, b, 4));
  TRY(access(at, F_OK));
  struct attributes attr = {.set = 1};
  TRY(mount_setattr(-100, b, 0, &attr, sizeof attr));
  TRY(make(at));
  TRY(mount_setattr(-100, b, 0, &attr, 8));
  attr = (struct attributes){.set = 0x10};
  TRY(mount_setattr(-100, b, 0, &attr, sizeof attr));
  attr = (struct attributes){.clear = 1, .propagation = MS_SHARED};
  TRY(mount_setattr(-100, b, 0, &attr, sizeof attr));
  TRY(make(at));
  TRY(mount_setattr(-100, at, 0, &attr, sizeof attr));
  attr = (struct attributes){0};
  TRY(mount_setattr(-100, "/no/such", 0, &attr, sizeof attr));
  TRY(fspick(-100, a, 0));
  TRY(fspick(-100, b, 32));
  int picked = fspick(-100, dir, 0);
  SAY("fspick %d\n", picked >= 0);
  TRY(fsconfig(picked, 0, "ro", 0, 0));
  TRY(fsconfig(picked, 7, 0, 0, 0));
  sprintf(map, "%s/new", a);
  TRY(make(map));
  TRY(umount2(dir, MNT_DETACH));
  TRY(access(a, F_OK));
  rmdir(dir);
  return 0;
}
