// What /proc says about the program itself.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 16];

static const char *contents(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return strerrorname_np(errno);
  int count = 0, got;
  while ((got = read(fd, text + count, sizeof text - 1 - count)) > 0) count += got;
  close(fd);
  for (int i = 0; i < count; i++) if (!text[i]) text[i] = '|';
  text[count] = 0;
  return text;
}

static void field(const char *path, const char *name) {
  const char *at = strstr(contents(path), name);
  if (at) printf("%.*s\n", (int)strcspn(at, "\n"), at);
  else printf("%s has no %s\n", path, name);
}

static const char *base(const char *path) {
  static char target[4096];
  int count = readlink(path, target, sizeof target - 1);
  if (count < 0) return strerrorname_np(errno);
  target[count] = 0;
  char *slash = strrchr(target, '/');
  return slash && slash[1] ? slash + 1 : target;
}

static int entries(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return -errno;
  int count = 0;
  while (readdir(dir)) count++;
  closedir(dir);
  return count;
}

static int tasks;
static void *thread(void *arg) {
  (void)arg;
  tasks = entries("/proc/self/task");
  prctl(PR_SET_NAME, "worker");
  printf("thread-self comm: %s", contents("/proc/thread-self/comm"));
  return 0;
}

static void descriptors(void) {
  int fd = open("/proc/self/exe", O_RDONLY);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  printf("exe descriptor: %d %s\n", fd, base(path));
  struct stat a, b;
  stat(path, &a);
  fstat(fd, &b);
  printf("same file: %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
  lstat(path, &a);
  printf("link mode: %o\n", a.st_mode);
  lseek(fd, 42, SEEK_SET);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  field(path, "pos:");
  field(path, "flags:");
  printf("through fd: %d\n", open("/proc/self/fd/99", O_RDONLY));
  int pipes[2];
  if (pipe(pipes)) return;
  snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[0]);
  printf("pipe link: %.6s\n", base(path));
  snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[1]);
  int again = open(path, O_WRONLY);
  printf("written: %zd\n", write(again, "abc", 3));
  printf("read: %zd\n", read(pipes[0], path, 64));
}

static void mapped(void) {
  char *shared = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(shared, 4096, PROT_NONE);
  char line[64];
  snprintf(line, sizeof line, "%08lx-%08lx ---p", (long)shared, (long)shared + 4096);
  contents("/proc/self/maps");
  printf("own mapping: %d, stack: %d, heap: %d, vdso: %d, program: %d\n", !!strstr(text, line), !!strstr(text, "[stack]"), !!strstr(text, "[heap]"), !!strstr(text, "[vdso]"), !!strstr(text, "proc-self"));
  int fd = open("/proc/self/mem", O_RDWR);
  static char secret[] = "secret";
  char copy[8] = {0};
  printf("mem: %zd %s\n", pread(fd, copy, 6, (off_t)(long)secret), copy);
}

int main(void) {
  char *grown = malloc(100);
  free(grown);
  umask(027);
  printf("comm: %s", contents("/proc/self/comm"));
  printf("exe: %s\n", base("/proc/self/exe"));
  printf("self: %d\n", atoi(base("/proc/self")) == getpid());
  printf("cmdline ends: %s\n", strstr(contents("/proc/self/cmdline"), "proc-self") ? "proc-self" : text);
  chdir("/usr/lib");
  printf("cwd: %s root: %s\n", base("/proc/self/cwd"), base("/proc/self/root"));
  const char *const names[] = {"Name:", "Umask:", "State:", "TracerPid:", "Uid:", "Threads:", "SigIgn:", "NoNewPrivs:"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) field("/proc/self/status", names[i]);
  int pid, ppid, fields = 1;
  char comm[64], state;
  sscanf(contents("/proc/self/stat"), "%d (%63[^)]) %c %d", &pid, comm, &state, &ppid);
  for (char *at = text; *at; at++) fields += *at == ' ';
  printf("stat: %d %s %c %d %d\n", pid == getpid(), comm, state, ppid == getppid(), fields);
  printf("files: %s %s", contents("/proc/sys/kernel/ostype"), contents("/proc/999999/stat"));
  printf("\nmissing: %s %s\n", contents("/proc/nothing"), base("/proc/self/fd/77"));
  printf("statm words: %d\n", sscanf(contents("/proc/self/statm"), "%*d %*d %*d %*d %*d %*d %d", &fields));
  field("/proc/self/limits", "Max realtime timeout");
  pthread_t id;
  pthread_create(&id, 0, thread, 0);
  pthread_join(id, 0);
  printf("tasks: %d then %d\n", tasks, entries("/proc/self/task"));
  descriptors();
  mapped();
  int result = open("/proc/self/new", O_CREAT | O_WRONLY, 0600);
  printf("create: %d %s\n", result, strerrorname_np(errno));
  result = mkdir("/proc/new", 0700);
  printf("mkdir: %d %s\n", result, strerrorname_np(errno));
  result = unlink("/proc/version");
  printf("unlink: %d %s\n", result, strerrorname_np(errno));
  pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  field(path, "State:");
  snprintf(path, sizeof path, "/proc/%d/exe", child);
  printf("zombie exe: %s\n", base(path));
  snprintf(path, sizeof path, "/proc/%d/cmdline", child);
  printf("zombie cmdline: '%s'\n", contents(path));
  waitpid(child, 0, 0);
  printf("reaped: %s\n", contents(path));
  return 0;
}
