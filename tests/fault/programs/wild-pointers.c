/* Calls every system call number with pointers to nowhere, each in a child; the parent must go on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST 470
static const long WILD[] = {8, 0xffffffffffff0000, 0x8000000000000000, 0x123456789000, 0x7fffffffffff};
enum { WILDS = sizeof WILD / sizeof *WILD };

/* Calls that end or stop the caller, wait for ever, or signal others by pid. */
static int is_left_out(int nr) {
  static const int OUT[] = {SYS_exit, SYS_exit_group, SYS_vfork, SYS_fork, SYS_clone, SYS_pause, SYS_rt_sigreturn, SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill};
  for (unsigned n = 0; n < sizeof OUT / sizeof *OUT; n++) if (OUT[n] == nr) return 1;
  return 0;
}

static void attack(long wild) {
  alarm(20);
  for (int nr = 0; nr < LAST; nr++) {
    if (is_left_out(nr)) continue;
    pid_t pid = fork();
    if (pid < 0) { printf("fork failed at %d\n", nr); exit(1); }
    if (pid == 0) {
      setpgid(0, 0);
      alarm(1);
      syscall(nr, wild, wild, wild, wild, wild, wild);
      syscall(nr, 1L, wild, 4096L, wild, wild, wild);
      syscall(nr, -100L, wild, 0L, 0L, 0L, 0L);
      syscall(SYS_exit_group, 0);
    }
    int status;
    waitpid(pid, &status, 0);
    alarm(20);
  }
}

static void show(const char *name, long result) {
  printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  /* The attack would also hit a native system (fchmod of standard output): only guests do it. */
  int is_attack = argc > 1 && !strcmp(argv[1], "attack");
  for (int n = 0; is_attack && n < WILDS; n++) attack(WILD[n]);
  puts("parent alive");
  int fds[2];
  (void)!pipe(fds);
  for (int n = 0; n < WILDS; n++) {
    long w = WILD[n];
    printf("pointer %lx\n", w);
    show("open", syscall(SYS_open, w, 0L, 0L));
    show("openat", syscall(SYS_openat, -100L, w, 0L, 0L));
    show("stat", syscall(SYS_stat, w, w));
    show("stat buffer", syscall(SYS_stat, "/", w));
    show("fstat", syscall(SYS_fstat, fds[0], w));
    show("write", syscall(SYS_write, fds[1], w, 16L));
    show("writev", syscall(SYS_writev, fds[1], w, 1L));
    show("readv", syscall(SYS_readv, fds[0], w, 1L));
    show("pipe", syscall(SYS_pipe, w));
    show("getcwd", syscall(SYS_getcwd, w, 4096L));
    show("uname", syscall(SYS_uname, w));
    show("sigaction", syscall(SYS_rt_sigaction, 10L, w, 0L, 8L));
    show("sigaction old", syscall(SYS_rt_sigaction, 10L, 0L, w, 8L));
    show("sigprocmask", syscall(SYS_rt_sigprocmask, 0L, w, 0L, 8L));
    show("nanosleep", syscall(SYS_nanosleep, w, 0L));
    show("clock_gettime", syscall(SYS_clock_gettime, 0L, w));
    show("getrlimit", syscall(SYS_getrlimit, 7L, w));
    show("futex", syscall(SYS_futex, w & ~3L, 0L, 0L, 0L, 0L, 0L));
    show("execve", syscall(SYS_execve, w, 0L, 0L));
    show("execve argv", syscall(SYS_execve, "/bin/true", w, 0L));
    show("poll", syscall(SYS_poll, w, 1L, 0L));
    show("select", syscall(SYS_select, 3L, w, 0L, 0L, 0L));
    show("mincore", syscall(SYS_mincore, w & ~4095L, 4096L, w));
    show("munmap", syscall(SYS_munmap, w, 1L));
    show("getrandom", syscall(SYS_getrandom, w, 8L, 0L));
    show("socketpair", syscall(SYS_socketpair, 1L, 1L, 0L, w));
    show("sigaltstack", syscall(SYS_sigaltstack, w, 0L));
    show("mkdir", syscall(SYS_mkdir, w, 0L));
    show("readlink", syscall(SYS_readlink, "/proc/self/exe", w, 64L));
    show("getdents64", syscall(SYS_getdents64, fds[0], w, 64L));
    show("wait4", syscall(SYS_wait4, -1L, w, 1L, 0L));
    show("times", syscall(SYS_times, w));
    show("sysinfo", syscall(SYS_sysinfo, w));
    show("epoll_ctl", syscall(SYS_epoll_ctl, fds[0], 1L, fds[1], w));
  }
  return 0;
}
