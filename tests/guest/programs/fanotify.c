// fanotify(7): which events a group hears, what it reads, and what it is asked.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(e) do { long r_ = (e); printf("%s = %ld %s\n", #e, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define INIT(flags, events) do { int fd_ = fanotify_init(flags, events); printf("fanotify_init(%s, %s) %s\n", #flags, #events, fd_ < 0 ? strerrorname_np(errno) : "ok"); close(fd_); } while (0)

static int group = -1;
static char root[64];

static void name_of(int fd, char *name) {
  char link[40]; sprintf(link, "/proc/self/fd/%d", fd);
  int n = readlink(link, name, 255); name[n < 0 ? 0 : n] = 0;
  if (strncmp(name, root, strlen(root)) == 0) memmove(name, name + strlen(root), strlen(name) - strlen(root) + 1);
}

/* What there is to read, as far as it is about our files. */
static void heard(const char *what) {
  char in[8192], name[256];
  printf("%s:", what);
  for (int n; (n = read(group, in, sizeof in)) > 0;) {
    for (struct fanotify_event_metadata *m = (void *)in; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
      name_of(m->fd, name);
      printf(" %s %llx%s%s", name[0] ? name : ".", (unsigned long long)m->mask, m->pid == getpid() ? "" : " other", m->event_len == sizeof *m && m->vers == FANOTIFY_METADATA_VERSION && m->metadata_len == sizeof *m ? "" : " odd");
      close(m->fd);
    }
  }
  puts("");
}

static void mark(unsigned flags, unsigned long long mask, const char *path) {
  if (fanotify_mark(group, flags, mask, AT_FDCWD, path)) printf("mark %x %llx %s: %s\n", flags, mask, path, strerrorname_np(errno));
}
static void put(const char *path) { int f = open(path, O_WRONLY | O_CREAT, 0600); if (write(f, "text", 4) != 4) puts("write"); close(f); }
static int get(const char *path) { char b[8]; int f = open(path, O_RDONLY), n = f < 0 ? -1 : (int)read(f, b, 8), e = errno; close(f); errno = e; return n; }
static void list(const char *path) { DIR *d = opendir(path); while (readdir(d)) {} closedir(d); }

static void everything(void) { put("d/a"), heard("  put"), get("d/a"), heard("  get"), chmod("d/a", 0640), rename("d/a", "d/b"), rename("d/b", "d/a"), heard("  names"), list("d"), heard("  list"), get("d/s/deep"), heard("  deep"), list("d/s"), heard("  list deep"), truncate("d/a", 1), heard("  truncate"), get("other"), heard("  other"); }

static void arguments(void) {
  INIT(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0); INIT(0x10000, 0); INIT(0, 3); INIT(0, O_CREAT); INIT(FAN_REPORT_TID | FAN_REPORT_PIDFD, 0); INIT(FAN_REPORT_FID | FAN_CLASS_CONTENT, 0); INIT(FAN_REPORT_NAME, 0); INIT(FAN_REPORT_TARGET_FID | FAN_REPORT_DFID_NAME, 0);
  INIT(FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, O_RDWR | O_LARGEFILE | O_NOATIME | O_CLOEXEC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC); INIT(FAN_CLASS_PRE_CONTENT | FAN_ENABLE_AUDIT, O_WRONLY); INIT(FAN_REPORT_PIDFD, 0); INIT(FAN_REPORT_FID | FAN_REPORT_DFID_NAME, 0);
  group = fanotify_init(FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
  printf("flags %x %d\n", fcntl(group, F_GETFL), fcntl(group, F_GETFD));
#define MARK(...) TRY(fanotify_mark(group, __VA_ARGS__))
  MARK(FAN_MARK_ADD, 0, AT_FDCWD, "d"); MARK(FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d"); MARK(0, FAN_OPEN, AT_FDCWD, "d"); MARK(0x1000 | FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"); MARK(FAN_MARK_ADD, 1ULL << 32, AT_FDCWD, "d");
  MARK(FAN_MARK_ADD, FAN_Q_OVERFLOW, AT_FDCWD, "d"); MARK(FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "d"); MARK(FAN_MARK_ADD, FAN_ATTRIB, AT_FDCWD, "d"); MARK(FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "d"); MARK(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_FS_ERROR, AT_FDCWD, "d");
  MARK(FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "d"); MARK(FAN_MARK_FLUSH | FAN_MARK_DONT_FOLLOW, 0, AT_FDCWD, "d"); MARK(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "d"); MARK(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "d");
  MARK(FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "none"); MARK(FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, "other"); MARK(FAN_MARK_ADD, FAN_OPEN, 99, NULL); MARK(FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, NULL); MARK(FAN_MARK_ADD, FAN_OPEN, 99, "d"); MARK(FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d");
  TRY(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d")); TRY(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"));
  MARK(FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "d"); MARK(FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "d");
  MARK(FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"); MARK(FAN_MARK_REMOVE, FAN_ACCESS, AT_FDCWD, "d"); MARK(FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d"); MARK(FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d");
  MARK(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_ONDIR, AT_FDCWD, "d"); MARK(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_ONDIR, AT_FDCWD, "d"); MARK(FAN_MARK_FLUSH, 0, AT_FDCWD, "d"); MARK(FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, NULL);
  close(group), group = fanotify_init(FAN_CLASS_CONTENT, 0); MARK(FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/proc/self/maps"); close(group);
}

static void records(void) {
  char in[200]; int bytes; struct pollfd p;
  group = fanotify_init(FAN_NONBLOCK, O_RDWR | O_APPEND), p = (struct pollfd){group, POLLIN | POLLOUT, 0};
  mark(FAN_MARK_ADD, FAN_OPEN | FAN_MODIFY | FAN_CLOSE | FAN_EVENT_ON_CHILD, "d");
  TRY(read(group, in, sizeof in)); TRY(poll(&p, 1, 0));
  put("d/a"), put("d/c"); TRY(poll(&p, 1, 0)); ioctl(group, FIONREAD, &bytes); printf("bytes %d events %x\n", bytes, p.revents);
  TRY(read(group, in, 23)); TRY(read(group, in, 30));
  struct fanotify_event_metadata *m = (void *)in; printf("opened with %x, position %ld\n", fcntl(m->fd, F_GETFL) & ~0100000, (long)lseek(m->fd, 0, SEEK_CUR));
  if (write(m->fd, "more", 4) != 4) puts("write");
  close(m->fd), heard("its own use is silent");
  TRY(lseek(group, 0, SEEK_SET)); TRY(pread(group, in, 100, 0)); TRY(write(group, in, 2)); struct fanotify_response r = {3, FAN_ALLOW}; TRY(write(group, &r, sizeof r));
  fflush(stdout);
  if (fork() == 0) { get("d/a"); _exit(0); } wait(0), heard("a child");
  close(group), group = fanotify_init(FAN_NONBLOCK | FAN_REPORT_PIDFD, O_RDONLY);
  mark(FAN_MARK_ADD, FAN_OPEN, "d/a"), get("d/a");
  int n = read(group, in, sizeof in); struct fanotify_event_info_pidfd *info = (void *)(m + 1); char path[40], text[400] = ""; sprintf(path, "/proc/self/fdinfo/%d", info->pidfd);
  int f = open(path, O_RDONLY); read(f, text, sizeof text - 1); printf("pidfd: %d of %u type %u length %u mine %d\n", n, m->event_len, info->hdr.info_type, info->hdr.len, strstr(text, "Pid:") && atoi(strstr(text, "Pid:") + 4) == getpid());
  close(f), close(info->pidfd), close(m->fd), close(group);
}

static void ignored(void) {
  group = fanotify_init(FAN_NONBLOCK, O_RDONLY);
  mark(FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_EVENT_ON_CHILD | FAN_ONDIR, "d"), mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN | FAN_CLOSE, "d/a"); puts("ignored until it is modified"); everything();
  mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN | FAN_CLOSE, "d/a"); puts("ignored for ever"); everything();
  mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d/a"), get("d/a"), heard("only the close"); mark(FAN_MARK_FLUSH, 0, "d"), get("d/a"), heard("flushed");
  mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"), mark(FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"), get("d/a"), heard("ignored children"), list("d/s"), heard("a directory");
  close(group);
}

static void kinds(void) {
  group = fanotify_init(FAN_NONBLOCK, O_RDONLY);
  mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN, "d/a"); puts("a file"); everything(), mark(FAN_MARK_FLUSH, 0, "d");
  mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN, "d"); puts("a directory"); everything();
  mark(FAN_MARK_ADD, FAN_ONDIR, "d"); puts("events of directories too"); everything();
  mark(FAN_MARK_ADD, FAN_EVENT_ON_CHILD, "d"); puts("and of children"); everything(); mark(FAN_MARK_REMOVE, FAN_ONDIR, "d"); puts("of children only"); everything(), mark(FAN_MARK_FLUSH, 0, "d");
  int two = open("d/a", O_RDONLY); TRY(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_NOWRITE, two, NULL)); close(two), heard("by descriptor"), mark(FAN_MARK_FLUSH, 0, "d");
  mark(FAN_MARK_ADD, FAN_OPEN_EXEC | FAN_OPEN, "d/run"), fflush(stdout);
  if (fork() == 0) { execl("d/run", "run", "end", (char *)0); _exit(1); } int status; wait(&status); printf("ran %x\n", status), heard("run"), get("d/run"), heard("read");
  close(group);
}

/* In a mount of our own, so that nobody else makes events there. */
static void mounts(void) {
  if (mount("none", "m", "tmpfs", 0, 0) || mkdir("m/one", 0700) || mkdir("m/two", 0700) || mount("m/one", "m/two", 0, MS_BIND, 0)) { printf("mount %s\n", strerrorname_np(errno)); return; }
  put("m/one/f"), group = fanotify_init(FAN_NONBLOCK, O_RDONLY);
  mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE_NOWRITE, "m/two"), get("m/one/f"), heard("another mount"), get("m/two/f"), heard("the mount"), list("m/two"), heard("its directory"), mark(FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, "m"), get("m/two/f"), heard("flushed");
  mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_ONDIR, "m"), get("m/one/f"), get("m/two/f"), list("m/two"), heard("the file system"), mark(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_ONDIR, "m/two"), get("m/one/f"), heard("removed");
  close(group), umount("m/two"), umount("m");
}

/* Answers `count` questions, as `answers` says ('a' or 'd'). */
struct listener { const char *answers; };
static void *listen_to(void *of) {
  for (const char *next = ((struct listener *)of)->answers; *next; next++) {
    struct fanotify_event_metadata m; char name[256];
    if (read(group, &m, sizeof m) != sizeof m) { puts("read"); break; }
    name_of(m.fd, name), printf("  asked %s %llx\n", name, (unsigned long long)m.mask);
    struct fanotify_response r = {m.fd, 7}; if (next == ((struct listener *)of)->answers) { TRY(write(group, &r, sizeof r)); r.fd = 999, r.response = FAN_ALLOW; TRY(write(group, &r, sizeof r)); r.fd = m.fd, r.response = FAN_ALLOW | FAN_AUDIT; TRY(write(group, &r, sizeof r)); }
    r.fd = m.fd, r.response = *next == 'a' ? FAN_ALLOW : FAN_DENY;
    if (write(group, &r, sizeof r) != sizeof r) puts("answer");
    close(m.fd);
  }
  return 0;
}
static void answered(const char *what, const char *answers, void (*run)(void)) {
  struct listener l = {answers}; pthread_t t; int status;
  printf("%s\n", what), fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { run(); fflush(stdout); _exit(0); }
  pthread_create(&t, 0, listen_to, &l), pthread_join(t, 0), waitpid(pid, &status, 0), printf("  ended %x\n", status), fflush(stdout);
}
static void reads(void) { int n = get("d/a"); if (n < 0) _exit(errno == EPERM ? 50 : 51); _exit(n); }
static void makes(void) { int f = open("m/new", O_CREAT | O_EXCL | O_RDWR, 0600); struct stat s; _exit(f >= 0 ? 1 : stat("m/new", &s) ? 2 : errno == EPERM ? 3 : 4); }
static void cuts(void) { int f = open("d/a", O_WRONLY | O_TRUNC); struct stat s; stat("d/a", &s); _exit(f >= 0 ? 100 + s.st_size : 50 + s.st_size); }
static void runs(void) { execl("d/run", "run", "end", (char *)0); _exit(errno == EPERM ? 50 : 51); }
static void lists(void) { DIR *d = opendir("d"); errno = 0; int n = 0; while (readdir(d)) n++; _exit(errno == EPERM ? 50 : n > 2 ? 60 : 51); }

static void questions(void) {
  group = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY), mark(FAN_MARK_ADD, FAN_OPEN_PERM, "d/a");
  answered("open", "a", reads), answered("open denied", "d", reads), answered("cut", "a", cuts), put("x"), rename("x", "x"), answered("cut denied", "d", cuts);
  mark(FAN_MARK_FLUSH, 0, "d"), put("d/x"), rename("d/x", "d/a"), mark(FAN_MARK_ADD, FAN_ACCESS_PERM, "d/a"), answered("read", "a", reads), answered("read denied", "d", reads);
  mark(FAN_MARK_FLUSH, 0, "d"), mark(FAN_MARK_ADD, FAN_ACCESS_PERM | FAN_ONDIR, "d"), answered("list denied", "d", lists), mark(FAN_MARK_FLUSH, 0, "d");
  mark(FAN_MARK_ADD, FAN_OPEN_EXEC_PERM | FAN_OPEN_PERM, "d/run"), answered("run", "aa", runs), answered("run denied", "d", runs), answered("open for it denied", "ad", runs), mark(FAN_MARK_FLUSH, 0, "d");
  mark(FAN_MARK_ADD, FAN_OPEN_PERM, "d/a"), fflush(stdout);
  if (fork() == 0) { close(group); reads(); }
  struct pollfd p = {group, POLLIN, 0}; TRY(poll(&p, 1, 5000)); close(group); int status; wait(&status); printf("nobody answers: %x\n", status);
  group = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY), mark(FAN_MARK_ADD, FAN_OPEN_PERM, "d/a"), fflush(stdout);
  pid_t pid = fork(); if (pid == 0) reads();
  poll(&p, 1, 5000), usleep(20000), kill(pid, SIGTERM), usleep(20000), kill(pid, SIGKILL), waitpid(pid, &status, 0), printf("killed: %x\n", status);
  fcntl(group, F_SETFL, O_NONBLOCK); struct fanotify_event_metadata m; TRY(read(group, &m, sizeof m)); close(group);
}

static void new_file(void) {
  if (mount("none", "m", "tmpfs", 0, 0)) return;
  group = fanotify_init(FAN_CLASS_PRE_CONTENT, O_RDONLY), mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, "m");
  answered("a new file", "a", makes), unlink("m/new"), answered("a new file denied", "d", makes), close(group), umount("m");
}

int main(int argc, char **argv) {
  if (argc > 1) return 7;
  if (geteuid() != 0) { puts("not root"); return 0; }
  strcpy(root, "/tmp/fanotify-XXXXXX");
  if (!mkdtemp(root) || chdir(root) || mkdir("d", 0700) || mkdir("d/s", 0700) || mkdir("m", 0700)) return 1;
  put("other"), put("d/s/deep"), put("d/a"), put("d/c"); fflush(stdout);
  char copy[400]; sprintf(copy, "cp /proc/%d/exe d/run", getpid()); if (system(copy)) return 1;
  arguments(), records(), kinds(), ignored(), mounts(), questions(), new_file();
  char remove[100]; sprintf(remove, "rm -rf %s", root); fflush(stdout);
  return system(remove);
}
