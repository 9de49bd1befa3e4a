// POSIX message queues: order, limits, timeouts, blocking, notification by signal, permissions.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)

static char name[64];
static volatile int signals, last_value, last_code, last_pid_ok;
static void on_signal(int signo, siginfo_t *info, void *context) { (void)signo; (void)context; signals++; last_value = info->si_value.sival_int; last_code = info->si_code; last_pid_ok = info->si_pid == getpid(); }

static void get(mqd_t q) {
  char text[256];
  unsigned priority;
  ssize_t n = mq_receive(q, text, sizeof text, &priority);
  if (n < 0) SAY("receive: %s\n", strerrorname_np(errno));
  else SAY("receive '%.*s' priority %u\n", (int)n, text, priority);
}

static struct timespec soon(int ms) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += ms * 1000000L;
  if (t.tv_nsec >= 1000000000) { t.tv_sec++; t.tv_nsec -= 1000000000; }
  return t;
}

int main(void) {
  alarm(30);
  sprintf(name, "/troupe-%d", getpid());
  struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 64}, bad = {.mq_maxmsg = 0, .mq_msgsize = 64}, now;
  TRY(mq_open(name, O_RDWR));
  TRY(mq_open(name, O_RDWR | O_CREAT, 0600, &bad));
  TRY(mq_open("/a/b", O_RDWR | O_CREAT, 0600, 0));
  mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0640, &attr);
  SAY("open %d\n", q >= 0);
  TRY(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
  struct stat st;
  fstat(q, &st);
  SAY("mode %o size %ld\n", st.st_mode, (long)st.st_size);
  mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK), writer = mq_open(name, O_WRONLY);
  get(reader);
  TRY(mq_send(q, "low", 3, 1));
  TRY(mq_send(writer, "high", 4, 9));
  TRY(mq_send(q, "low too", 7, 1));
  TRY(mq_send(reader, "x", 1, 1));
  TRY(mq_send(q, "x", 1, 40000));
  TRY(mq_send(q, "0123456789012345678901234567890123456789012345678901234567890123456789", 70, 1));
  mq_getattr(q, &now);
  SAY("flags %ld max %ld size %ld current %ld\n", now.mq_flags, now.mq_maxmsg, now.mq_msgsize, now.mq_curmsgs);
  struct timespec t = soon(20);
  TRY(mq_timedsend(q, "x", 1, 1, &t));
  t.tv_nsec = -1;
  TRY(mq_timedsend(q, "x", 1, 1, &t));
  struct pollfd p = {q, POLLIN | POLLOUT, 0};
  SAY("poll %d %x\n", poll(&p, 1, 0), p.revents);
  char small[10];
  TRY(mq_receive(q, small, sizeof small, 0));
  get(writer); get(q); get(q); get(q);
  SAY("poll %d %x\n", poll(&p, 1, 0), p.revents);
  t = soon(20);
  char text[256];
  TRY(mq_timedreceive(q, text, sizeof text, 0, &t));
  now.mq_flags = O_NONBLOCK;
  TRY(mq_setattr(q, &now, &attr));
  get(q);
  now.mq_flags = 0;
  mq_setattr(q, &now, &attr);
  SAY("was nonblocking %d\n", attr.mq_flags == O_NONBLOCK);

  pid_t pid = fork();
  if (pid == 0) { get(q); _exit(0); }
  usleep(20000);
  int sent = mq_send(q, "to the child", 12, 2);
  waitpid(pid, 0, 0);
  SAY("sent %d\n", sent);
  for (int i = 0; i < 3; i++) mq_send(q, "fill", 4, i);
  pid = fork();
  if (pid == 0) _exit(mq_send(q, "waited", 6, 7) ? errno : 0);
  usleep(20000);
  get(q);
  int status;
  waitpid(pid, &status, 0);
  SAY("sender done %d\n", WEXITSTATUS(status));
  get(q); get(q); get(q);

  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
  TRY(mq_notify(q, &event));
  TRY(mq_notify(q, &event));
  lseek(q, 0, SEEK_SET);
  ssize_t n = read(q, text, sizeof text);
  SAY("status starts %.12s, %d\n", text, strstr(text, "NOTIFY_PID:0 ") == 0);
  mq_send(q, "ding", 4, 0);
  SAY("signals %d value %d code %d from me %d\n", signals, last_value, last_code == SI_MESGQ, last_pid_ok);
  mq_send(q, "again", 5, 0);
  SAY("signals %d\n", signals);
  TRY(mq_notify(q, &event));
  get(q); get(q);
  TRY(mq_notify(q, 0));
  mq_send(q, "quiet", 5, 0);
  SAY("signals %d\n", signals);
  event.sigev_signo = 99;
  TRY(mq_notify(q, &event));
  event.sigev_notify = 77;
  TRY(mq_notify(q, &event));
  TRY(mq_notify(0, 0));
  TRY(mq_unlink(name));
  TRY(mq_unlink(name));
  TRY(mq_open(name, O_RDONLY));
  get(q);
  TRY(mq_close(q));
  TRY(mq_close(q));
  return 0;
}
