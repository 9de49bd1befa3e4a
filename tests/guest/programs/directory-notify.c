// F_NOTIFY (fcntl(2)): signals about what happens in a directory; the descriptor that signals of files tell.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(e) do { long r = (e); printf("%s = %ld %s\n", #e, r, r < 0 ? strerrorname_np(errno) : ""); } while (0)

static volatile int base, got;
static char lines[4096];
static void on_signal(int sig, siginfo_t *i, void *c) {
  (void)c;
  char one[100];
  got++;
  if (i->si_code == SI_KERNEL) sprintf(one, " %s kernel", sigabbrev_np(sig));
  else sprintf(one, " %s code %d band %lx fd +%d", sig >= SIGRTMIN ? "RT" : sigabbrev_np(sig), i->si_code, i->si_band, i->si_fd - base);
  strcat(lines, one);
}
static void say(const char *what) { printf("%s: %d%s\n", what, got, lines); got = 0, lines[0] = 0; }

static void touch(const char *name) { close(open(name, O_CREAT | O_WRONLY, 0600)); }
static void put(const char *name) { int f = open(name, O_WRONLY); if (write(f, "x", 1) != 1) puts("write"); close(f); }
static void get(const char *name) { char b; int f = open(name, O_RDONLY); if (read(f, &b, 1) < 0) puts("read"); close(f); }

static void everything(void) {
  touch("d/a"), say(" create"), put("d/a"), say(" modify"), get("d/a"), say(" access");
  chmod("d/a", 0644), say(" attrib"), rename("d/a", "d/b"), say(" rename"), rename("d/b", "e/b"), say(" move out"), rename("e/b", "d/c"), say(" move in");
  link("d/c", "d/l"), say(" link"), unlink("d/l"), say(" unlink"), truncate("d/c", 0), say(" truncate");
  mkdir("d/s", 0700), say(" mkdir"), touch("d/s/f"), say(" below"), unlink("d/s/f"), rmdir("d/s"), say(" rmdir");
  chmod("d", 0755), say(" itself"), get("d/c"), unlink("d/c"), say(" end");
}

static void bits(void) {
  const struct { const char *name; int bit; } all[] = {{"access", DN_ACCESS}, {"modify", DN_MODIFY}, {"create", DN_CREATE}, {"delete", DN_DELETE}, {"rename", DN_RENAME}, {"attrib", DN_ATTRIB}};
  for (unsigned i = 0; i < 6; i++) {
    int fd = open("d", O_RDONLY);
    base = fd;
    printf("%s\n", all[i].name);
    fcntl(fd, F_SETSIG, SIGRTMIN + 3);
    TRY(fcntl(fd, F_NOTIFY, all[i].bit | DN_MULTISHOT));
    everything();
    close(fd), touch("d/a"), put("d/a"), get("d/a"), unlink("d/a"), say("closed");
  }
}

static void once(void) {
  int fd = open("d", O_RDONLY);
  base = fd;
  TRY(fcntl(fd, F_GETOWN));
  TRY(fcntl(fd, F_NOTIFY, DN_CREATE));
  printf("owner %d\n", fcntl(fd, F_GETOWN) == getpid());
  touch("d/a"), say("once"), touch("d/b"), say("then");
  TRY(fcntl(fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT)); TRY(fcntl(fd, F_NOTIFY, DN_CREATE));
  touch("d/c"), unlink("d/c"), say("added");
  TRY(fcntl(fd, F_NOTIFY, 0)); touch("d/c"), say("dropped");
  fcntl(fd, F_SETSIG, SIGCHLD); fcntl(fd, F_NOTIFY, DN_DELETE); unlink("d/c"), say("CHLD");
  fcntl(fd, F_SETSIG, SIGIO); fcntl(fd, F_NOTIFY, DN_DELETE); unlink("d/b"), say("IO");
  fcntl(fd, F_SETSIG, SIGUSR1); fcntl(fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT);
  sigset_t usr1; sigemptyset(&usr1); sigaddset(&usr1, SIGUSR1); sigprocmask(SIG_BLOCK, &usr1, 0);
  int s = signalfd(-1, &usr1, 0);
  unlink("d/a");
  struct signalfd_siginfo i; if (read(s, &i, sizeof i) != sizeof i) puts("signalfd");
  printf("signalfd %u code %d band %x fd +%d\n", i.ssi_signo, i.ssi_code, i.ssi_band, i.ssi_fd - base);
  sigprocmask(SIG_UNBLOCK, &usr1, 0), close(s), close(fd), say("left");
}

static void owners(void) {
  int fd = open("d", O_RDONLY), again = dup(fd), other = open("d", O_RDONLY);
  base = fd;
  fcntl(fd, F_SETSIG, SIGRTMIN), fcntl(other, F_SETSIG, SIGRTMIN);
  TRY(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT)); touch("d/a"), say("one");
  TRY(fcntl(again, F_NOTIFY, DN_CREATE)); touch("d/b"), say("the other descriptor");
  if (fork() == 0) { close(fd), close(again), touch("d/c"), _exit(got); }
  int status; wait(&status); printf("child %d\n", WEXITSTATUS(status)), say("a child closed it");
  TRY(fcntl(other, F_NOTIFY, DN_CREATE | DN_MULTISHOT)); touch("d/d"), lines[0] = 0, say("two descriptions");
  close(again), touch("d/e"), say("one closed");
  close(other), touch("d/f"), say("both closed");
  for (char n[] = "d/a"; n[2] <= 'f'; n[2]++) unlink(n);
  TRY(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT)); fcntl(fd, F_SETOWN, 0), touch("d/a"), unlink("d/a"), say("no owner"), close(fd);
}

static void full(void) {
  struct rlimit old, none = {0, 0};
  int fd = open("d", O_RDONLY);
  base = fd;
  fcntl(fd, F_SETSIG, SIGRTMIN), fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT);
  getrlimit(RLIMIT_SIGPENDING, &old), none.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_SIGPENDING, &none), touch("d/a"), setrlimit(RLIMIT_SIGPENDING, &old);
  say("no room"), unlink("d/a"), close(fd);
}

static void async(void) {
  int p[2]; if (pipe(p)) return;
  base = p[0];
  fcntl(p[0], F_SETOWN, getpid()), fcntl(p[0], F_SETSIG, SIGRTMIN), fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  if (write(p[1], "x", 1) != 1) puts("write");
  say("pipe");
  fcntl(p[0], F_SETSIG, 0); if (write(p[1], "x", 1) != 1) puts("write");
  say("plain");
}

int main(void) {
  char dir[] = "/tmp/directory-notify-XXXXXX";
  if (!mkdtemp(dir) || chdir(dir) || mkdir("d", 0700) || mkdir("e", 0700)) return 1;
  struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  const int signals[] = {SIGIO, SIGUSR1, SIGCHLD, SIGRTMIN, SIGRTMIN + 3};
  for (unsigned i = 0; i < 5; i++) if (signals[i] != SIGCHLD) sigaction(signals[i], &a, 0);
  touch("f"); int f = open("f", O_RDONLY), p = open("d", O_PATH);
  TRY(fcntl(f, F_NOTIFY, DN_CREATE)); TRY(fcntl(f, F_NOTIFY, 0)); TRY(fcntl(f, F_NOTIFY, DN_MULTISHOT)); TRY(fcntl(p, F_NOTIFY, DN_CREATE)); TRY(fcntl(99, F_NOTIFY, DN_CREATE));
  close(p);
  bits();
  owners();
  full();
  sigaction(SIGCHLD, &a, 0);
  once();
  async();
  close(f), unlink("f"), unlink("d/c"), rmdir("d"), rmdir("e"), chdir("/"), rmdir(dir);
  return 0;
}
