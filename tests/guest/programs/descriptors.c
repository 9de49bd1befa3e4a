// Pipes, eventfd, epoll, timerfd, select, dup, fcntl and file locks: results and errors of every edge.
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <signal.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <sys/file.h>
#include <stdlib.h>
#include <time.h>
#define R(e) do{ errno=0; long rr_=(long)(e); printf("%-60s = %ld %s\n", #e, rr_, rr_<0?strerrorname_np(errno):""); }while(0)

static char big[1<<20];
static int sigs;
static void h(int s) {
  sigs++;
}
int main() {
  setvbuf(stdout, 0, _IONBF, 0);
  int p[2];
  char b[100];
  int n;
  R(pipe2(p, O_NONBLOCK));
  R(read(p[0], b, 10));
  R(write(p[1],"hello", 5));
  ioctl(p[0], FIONREAD, &n);
  printf("n=%d\n", n);
  struct pollfd pf[2]={{p[0], POLLIN|POLLOUT, 0}, {p[1], POLLIN|POLLOUT, 0}};
  R(poll(pf, 2, 0));
  printf("%x %x\n", pf[0].revents, pf[1].revents);
  R(read(p[0], b, 100));
  R(write(p[1], big, 70000));
  R(write(p[1], big, 1));
  R(poll(pf, 2, 0));
  printf("%x %x\n", pf[0].revents, pf[1].revents);
  R(read(p[0], big, 4095));
  R(write(p[1], big, 4096));
  R(poll(pf, 2, 0));
  printf("%x %x\n", pf[0].revents, pf[1].revents);
  R(read(p[0], big, 1));
  R(write(p[1], big, 4096));
  R(write(p[1], big, 5000));
  R(fcntl(p[1], F_GETPIPE_SZ));
  R(fcntl(p[1], F_SETPIPE_SZ, 4096));
  R(fcntl(p[1], F_SETPIPE_SZ, 200000));
  R(fcntl(p[0], F_GETFL));
  R(fcntl(p[1], F_GETFL));
  R(lseek(p[0], 0, SEEK_SET));
  R(pread(p[0], b, 1, 0));
  R(write(p[0], b, 1));
  R(read(p[1], b, 1));
  signal(SIGPIPE, h);
  close(p[0]);
  R(write(p[1],"x", 1));
  printf("sigs=%d\n", sigs);
  R(poll(pf+1, 1, 0));
  printf("%x\n", pf[1].revents);
  close(p[1]);
  R(pipe2(p, O_DIRECT|O_NONBLOCK));
  R(write(p[1],"abc", 3));
  R(write(p[1],"defgh", 5));
  R(read(p[0], b, 2));
  R(read(p[0], b, 100));
  R(read(p[0], b, 100));
  close(p[0]);
  close(p[1]);
  R(pipe2(p, 1));
  R(pipe((int*)8));
  int ef=eventfd(3, EFD_NONBLOCK);
  unsigned long long v;
  R(read(ef, &v, 8));
  printf("%llu\n", v);
  R(read(ef, &v, 8));
  v=-1;
  R(write(ef, &v, 8));
  v=-2;
  R(write(ef, &v, 8));
  v=1;
  R(write(ef, &v, 8));
  R(read(ef, &v, 4));
  pf[0].fd=ef;
  R(poll(pf, 1, 0));
  printf("%x\n", pf[0].revents);
  int es=eventfd(2, EFD_SEMAPHORE|EFD_NONBLOCK);
  R(read(es, &v, 8));
  printf("%llu\n", v);
  R(read(es, &v, 8));
  R(read(es, &v, 8));

  // Epoll
  int ep=epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event ev={EPOLLIN, {.u64=42}}, out[8];
  R(pipe(p));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &ev));
  int f=open("/etc/passwd", O_RDONLY);
  R(epoll_ctl(ep, EPOLL_CTL_ADD, f, &ev));
  R(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], &ev));
  R(epoll_ctl(p[0], EPOLL_CTL_ADD, p[0], &ev));
  R(epoll_wait(ep, out, 8, 0));
  R(write(p[1],"a", 1));
  R(epoll_wait(ep, out, 8, 0));
  printf("%x %llu\n", out[0].events, (unsigned long long)out[0].data.u64);
  R(epoll_wait(ep, out, 8, 0));
  ev.events=EPOLLIN|EPOLLET;
  R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
  R(epoll_wait(ep, out, 8, 0));
  R(epoll_wait(ep, out, 8, 0));
  R(write(p[1],"b", 1));
  R(epoll_wait(ep, out, 8, 0));
  R(epoll_wait(ep, out, 8, 0));
  ev.events=EPOLLIN|EPOLLONESHOT;
  R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
  R(epoll_wait(ep, out, 8, 0));
  R(epoll_wait(ep, out, 8, 0));
  R(write(p[1],"b", 1));
  R(epoll_wait(ep, out, 8, 0));
  ev.events=EPOLLIN;
  R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
  R(close(p[1]));
  R(epoll_wait(ep, out, 8, 0));
  printf("%x\n", out[0].events);
  R(read(p[0], b, 100));
  R(epoll_wait(ep, out, 8, 0));
  printf("%x\n", out[0].events);
  int ep2=epoll_create1(0), ep3;
  ev.events=EPOLLIN;
  R(epoll_ctl(ep2, EPOLL_CTL_ADD, ep, &ev));
  R(epoll_wait(ep2, out, 8, 0));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, ep2, &ev));
  R(close(p[0]));
  R(epoll_wait(ep, out, 8, 0));
  R(epoll_wait(ep2, out, 8, 0));
  int prev=ep2;
  for (int i=0;i<6;i++) {
    ep3=epoll_create1(0);
    errno=0;
    int r=epoll_ctl(ep3, EPOLL_CTL_ADD, prev, &ev);
    printf("nest %d %d %s\n", i, r, r?strerrorname_np(errno):"");
    prev=ep3;
  }
  R(epoll_wait(ep, out, 0, 0));
  R(epoll_wait(f, out, 1, 0));
  R(epoll_wait(ep, out, 1, 5));

  // Timerfd
  int tf=timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec it={{0, 10000000}, {0, 5000000}}, o;
  R(timerfd_settime(tf, 0, &it, 0));
  R(read(tf, &v, 8));
  struct timespec ts={0, 37000000};
  nanosleep(&ts, 0);
  R(read(tf, &v, 8));
  printf("ticks %d\n", v>=4&&v<20);
  R(timerfd_gettime(tf, &o));
  printf("%d %ld\n", o.it_value.tv_nsec>0&&o.it_value.tv_nsec<=10000000, o.it_interval.tv_nsec);
  pf[0].fd=tf;
  pf[0].events=POLLIN;
  R(poll(pf, 1, 1000));
  it.it_value.tv_nsec=0;
  R(timerfd_settime(tf, 0, &it, &o));
  R(poll(pf, 1, 15));
  R(timerfd_create(77, 0));
  R(timerfd_settime(f, 0, &it, 0));
  it.it_value.tv_nsec=1000000000;
  R(timerfd_settime(tf, 0, &it, 0));

  // Select
  R(pipe(p));
  fd_set rs, ws;
  FD_ZERO(&rs);
  FD_ZERO(&ws);
  FD_SET(p[0], &rs);
  FD_SET(p[1], &ws);
  struct timeval tv={0, 10000};
  R(select(p[1]+1, &rs, &ws, 0, &tv));
  printf("%d %d %d\n", !!FD_ISSET(p[0], &rs), !!FD_ISSET(p[1], &ws), tv.tv_usec>0);
  FD_SET(p[0], &rs);
  tv.tv_usec=10000;
  R(select(p[1]+1, &rs, 0, 0, &tv));
  printf("%ld %ld\n", tv.tv_sec, tv.tv_usec);
  FD_ZERO(&rs);
  FD_SET(500, &rs);
  R(select(501, &rs, 0, 0, &tv));
  R(select(-1, 0, 0, 0, 0));

  // Dup/fcntl
  R(dup2(p[0], 50));
  R(dup3(p[0], 50, 0));
  R(dup3(50, 50, 0));
  R(dup2(50, 50));
  R(dup2(200, 50));
  R(fcntl(p[0], F_DUPFD, 60));
  R(fcntl(p[0], F_DUPFD_CLOEXEC, 60));
  R(fcntl(61, F_GETFD));
  R(fcntl(60, F_GETFD));
  R(fcntl(60, F_DUPFD, -1));
  R(fcntl(60, F_DUPFD, 1<<30));
  R(close(200));
  R(dup2(0, -1));
  R(fcntl(60, 9999));
  R(close_range(50, 70, 0));
  R(fcntl(60, F_GETFD));
  R(close_range(5, 3, 0));
  R(fcntl(f, F_GETFL));
  int op=open("/etc/passwd", O_PATH);
  R(fcntl(op, F_GETFL));
  R(read(op, b, 1));
  R(ioctl(op, FIONREAD, &n));
  R(ioctl(f, FIONREAD, &n));
  R(ioctl(p[0], TCGETS, b));
  R(ioctl(f, 0x1234, b));

  // Locks
  char name[]="/tmp/lockXXXXXX";
  int l=mkstemp(name), l2=open(name, O_RDWR);
  R(flock(l, LOCK_EX));
  R(flock(l2, LOCK_EX|LOCK_NB));
  R(flock(l2, LOCK_SH|LOCK_NB));
  R(flock(l, LOCK_SH));
  R(flock(l2, LOCK_SH|LOCK_NB));
  R(flock(l, LOCK_EX|LOCK_NB));
  R(flock(l2, LOCK_UN));
  R(flock(l, 77));
  struct flock fl={F_WRLCK, SEEK_SET, 10, 20, 0};
  R(fcntl(l, F_SETLK, &fl));
  fl.l_start=15;
  fl.l_len=2;
  fl.l_type=F_UNLCK;
  R(fcntl(l, F_SETLK, &fl));
  if (!fork()) {
    struct flock g={F_WRLCK, SEEK_SET, 0, 0, 0};
    fcntl(l2, F_GETLK, &g);
    printf("child sees %d %ld %ld %d\n", g.l_type, (long)g.l_start, (long)g.l_len, g.l_pid==getppid());
    g=(struct flock){F_WRLCK, SEEK_SET, 15, 2, 0};
    R(fcntl(l2, F_SETLK, &g));
    g.l_start=16;
    R(fcntl(l2, F_SETLK, &g));
    g=(struct flock){F_RDLCK, SEEK_SET, 17, 1, 0};
    R(fcntl(l2, F_SETLKW, &g));
    printf("got\n");
    _exit(0);
  }
  ts.tv_nsec=100000000;
  nanosleep(&ts, 0);
  fl=(struct flock){F_UNLCK, SEEK_SET, 17, 100, 0};
  fcntl(l, F_SETLK, &fl);
  wait(0);
  fl=(struct flock){F_WRLCK, SEEK_SET, 0, 5, 0};
  R(fcntl(l, F_OFD_SETLK, &fl));
  R(fcntl(l2, F_OFD_SETLK, &fl));
  R(fcntl(l2, F_OFD_GETLK, &fl));
  printf("%d %d\n", fl.l_type, fl.l_pid);

  // Deadlock
  fl=(struct flock){F_WRLCK, SEEK_SET, 100, 1, 0};
  R(fcntl(l, F_SETLK, &fl));
  if (!fork()) {
    struct flock g={F_WRLCK, SEEK_SET, 101, 1, 0};
    R(fcntl(l, F_SETLK, &g));
    g.l_start=100;
    int r=fcntl(l, F_SETLKW, &g);
    printf("child %d\n", r);
    _exit(0);
  }
  ts.tv_nsec=150000000;
  nanosleep(&ts, 0);
  fl.l_start=101;
  R(fcntl(l, F_SETLKW, &fl));
  fl.l_start=100;
  fl.l_type=F_UNLCK;
  fcntl(l, F_SETLK, &fl);
  wait(0);
  unlink(name);
  return 0;
}
