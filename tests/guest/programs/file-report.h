// Prints file system calls with their results and errors. Steps run in a fresh directory.
#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#define R(call) show(#call, (errno = 0, (long)(call)))
#define BIG (3 << 20)

static int fd, fd2, dfd, c;
static char *m;
static char buf[4096], cwd[4096];
static struct stat s;
static struct timespec ts[2] = {{1000, 5000}, {2000, 0}};

static void show(const char *call, long result) {
  printf("%-60.60s = %ld %s\n", call, result < 0 ? -1L : result, result < 0 ? strerrorname_np(errno) : "");
}

static void st(const char *path) {
  struct stat a;
  if (lstat(path, &a)) {
    printf("lstat %s %s\n", path, strerrorname_np(errno));
    return;
  }
  int is_dir = S_ISDIR(a.st_mode);
  printf("lstat %s mode %o nlink %d size %ld uid %d gid %d\n", path, a.st_mode, is_dir ? 0 : (int)a.st_nlink, is_dir ? 0L : (long)a.st_size, a.st_uid, a.st_gid);
}

static void st_times(void) {
  stat("f", &s);
  printf("%ld %ld %ld\n", s.st_atim.tv_sec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ls(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) {
    printf("opendir %s %s\n", path, strerrorname_np(errno));
    return;
  }
  char *names[100];
  int count = 0;
  struct dirent *entry;
  while ((entry = readdir(dir)) && count < 100) {
    char text[300];
    snprintf(text, sizeof text, "%s:%d", entry->d_name, entry->d_type);
    names[count++] = strdup(text);
  }
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  printf("ls %s:", path);
  for (int i = 0; i < count; i++) printf(" %s", names[i]);
  printf("\n");
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk) {
  (void)info, (void)flag, (void)walk;
  return remove(path);
}

static int in_fresh_directory(void (*const *steps)(void)) {
  char dir[] = "/tmp/file-calls-XXXXXX";
  if (!mkdtemp(dir) || chmod(dir, 0755) || chdir(dir)) return 1;
  pid_t child = fork();
  if (child == 0) {
    umask(022);
    for (; *steps; steps++) (*steps)();
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  chdir("/");
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return status != 0;
}
