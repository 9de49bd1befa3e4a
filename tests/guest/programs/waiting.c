// inotify, FIFOs, splice, sendfile, signalfd, waits with signal masks, signal-driven I/O.
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <signal.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/select.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/stat.h>
#define R(e) do{ errno=0; long rr_=(long)(e); printf("%-60s = %ld %s\n", #e, rr_, rr_<0?strerrorname_np(errno):""); }while(0)

static char big[1<<20];
static int got;
static void h(int s) {
  got=s;
}
static void ino(int fd) {
  char b[8192];
  errno=0;
  int n=read(fd, b, sizeof b);
  if (n<0) {
    printf("ino %s\n", strerrorname_np(errno));
    return;
  }
  unsigned last=0;
  int lc=0;
  for (int i=0;i<n;) {
    struct inotify_event*e=(void*)(b+i);
    printf("  wd=%d mask=%x cookie=%d len=%d %s\n", e->wd, e->mask, e->cookie?1:0, e->len, e->len?e->name:"");
    i+=sizeof*e+e->len;
  }
}
int main() {
  setvbuf(stdout, 0, _IONBF, 0);
  char d[]="/tmp/inoXXXXXX";
  mkdtemp(d);
  chdir(d);
  char b[300];
  int p[2], q[2];
  int in=inotify_init1(IN_NONBLOCK);
  R(inotify_add_watch(in,".", IN_ALL_EVENTS));
  ino(in);
  int f=open("a", O_CREAT|O_RDWR, 0644);
  ino(in);
  write(f,"hello", 5);
  ino(in);
  read(f, b, 1);
  lseek(f, 0, 0);
  read(f, b, 5);
  ino(in);
  ftruncate(f, 2);
  ino(in);
  fchmod(f, 0600);
  ino(in);
  close(f);
  ino(in);
  link("a","l");
  ino(in);
  rename("a","b");
  ino(in);
  mkdir("dir", 0755);
  ino(in);
  rmdir("dir");
  ino(in);
  unlink("l");
  ino(in);
  symlink("b","s");
  ino(in);
  close(open("b", O_RDONLY));
  ino(in);
  unlink("s");
  mkdir("sub", 0755);
  ino(in);
  int w;
  R(w=inotify_add_watch(in,"b", IN_ALL_EVENTS));
  R(inotify_add_watch(in,"b", IN_OPEN));
  R(inotify_add_watch(in,"b", IN_MASK_ADD|IN_CLOSE));
  close(open("b", O_WRONLY));
  ino(in);
  R(inotify_rm_watch(in, w));
  ino(in);
  R(inotify_rm_watch(in, w));
  R(inotify_add_watch(in,"b", IN_DELETE_SELF|IN_ONLYDIR));
  R(w=inotify_add_watch(in,"b", IN_DELETE_SELF|IN_ATTRIB));
  unlink("b");
  ino(in);
  R(w=inotify_add_watch(in,"sub", IN_ALL_EVENTS));
  close(open("sub/x", O_CREAT|O_WRONLY, 0644));
  ino(in);
  rename("sub/x","y");
  ino(in);
  rename("sub","sub2");
  ino(in);
  unlink("y");
  rmdir("sub2");
  ino(in);
  R(inotify_add_watch(in,"nope", IN_OPEN));
  R(inotify_add_watch(in,".", 0));
  R(inotify_add_watch(1,".", IN_OPEN));
  R(w=inotify_add_watch(in, d, IN_CREATE|IN_ONESHOT));
  close(open("z", O_CREAT|O_WRONLY, 0644));
  ino(in);
  R(read(in, b, 3));
  struct pollfd pf={in, POLLIN, 0};
  R(poll(&pf, 1, 0));
  close(in);

  // Fifo
  R(mkfifo("ff", 0600));
  R(open("ff", O_WRONLY|O_NONBLOCK));
  int r;
  R((r=open("ff", O_RDONLY|O_NONBLOCK))>0);
  R(read(r, b, 1));
  pf.fd=r;
  R(poll(&pf, 1, 0));
  int wr;
  R((wr=open("ff", O_WRONLY|O_NONBLOCK))>0);
  R(read(r, b, 1));
  R(write(wr,"x", 1));
  R(poll(&pf, 1, 0));
  printf("%x\n", pf.revents);
  close(wr);
  R(poll(&pf, 1, 0));
  printf("%x\n", pf.revents);
  R(read(r, b, 10));
  R(read(r, b, 10));
  R(poll(&pf, 1, 0));
  printf("%x\n", pf.revents);
  close(r);
  if (!fork()) {
    int k=open("ff", O_RDONLY);
    int n=read(k, b, 100);
    printf("child got %d\n", n);
    _exit(0);
  }
  R((wr=open("ff", O_WRONLY))>0);
  write(wr,"abc", 3);
  close(wr);
  wait(0);
  if (!fork()) {
    usleep(20000);
    int k=open("ff", O_WRONLY);
    write(k,"hey", 3);
    _exit(0);
  }
  R((r=open("ff", O_RDONLY))>0);
  R(read(r, b, 10));
  wait(0);
  close(r);
  signal(SIGALRM, h);
  struct sigaction sa={h};
  sigaction(SIGALRM, &sa, 0);
  ualarm(20000, 0);
  R(open("ff", O_RDONLY));
  R((r=open("ff", O_RDWR))>0);
  R(write(r,"s", 1));
  R(read(r, b, 10));
  struct stat st;
  fstat(r, &st);
  printf("%o\n", st.st_mode&S_IFMT);
  close(r);

  // Splice etc
  f=open("data", O_CREAT|O_RDWR, 0644);
  for (int i=0;i<300000;i++)big[i]=i*7;
  write(f, big, 300000);
  pipe(p);
  pipe(q);
  fcntl(p[0], F_SETFL, O_NONBLOCK);
  loff_t off=100;
  R(splice(f, &off, p[1], 0, 1000, 0));
  printf("%ld\n", (long)off);
  R(ioctl(p[0], FIONREAD, &r));
  printf("%d\n", r);
  R(tee(p[0], q[1], 500, 0));
  R(read(q[0], b, 300));
  printf("%d\n", memcmp(b, big+100, 300));
  R(splice(p[0], 0, q[1], 0, 2000, 0));
  R(read(q[0], big+500000, 5000));
  R(splice(p[0], 0, q[1], 0, 10, 0));
  R(splice(p[0], 0, q[1], 0, 10, SPLICE_F_NONBLOCK));
  R(splice(f, 0, f, 0, 10, 0));
  R(splice(p[0], &off, q[1], 0, 10, 0));
  R(splice(p[0], 0, p[1], 0, 10, 0));
  lseek(f, 0, 0);
  fcntl(p[1], F_SETFL, O_NONBLOCK);
  R(splice(f, 0, p[1], 0, 300000, 0));
  R(lseek(f, 0, 1));
  R(splice(f, 0, p[1], 0, 1, 0));
  int o=open("out", O_CREAT|O_RDWR|O_TRUNC, 0644);
  R(splice(p[0], 0, o, 0, 300000, 0));
  R(splice(p[0], 0, o, 0, 300000, 0));
  R(lseek(o, 0, 1));
  lseek(f, 10, 0);
  lseek(o, 0, 0);
  R(sendfile(o, f, 0, 100));
  R(lseek(f, 0, 1));
  off=299990;
  R(sendfile(o, f, &off, 100));
  printf("%ld\n", (long)off);
  R(sendfile(o, f, &off, 100));
  R(sendfile(o, p[0], 0, 100));
  R(sendfile(999, f, 0, 100));
  int sp[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sp);
  if (!fork()) {
    close(sp[1]);
    int t=0, n;
    while ((n=read(sp[0], big, 1<<16))>0)t+=n;
    printf("total %d\n", t);
    _exit(0);
  }
  close(sp[0]);
  off=0;
  R(sendfile(sp[1], f, &off, 400000));
  close(sp[1]);
  wait(0);
  struct iovec iv[2]={{"vm", 2}, {"splice", 6}};
  R(vmsplice(p[1], iv, 2, 0));
  R(read(p[0], b, 100));
  R(vmsplice(f, iv, 2, 0));

  // Signalfd
  sigset_t ss, os;
  sigemptyset(&ss);
  sigaddset(&ss, SIGUSR1);
  sigaddset(&ss, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &ss, &os);
  int sf=signalfd(-1, &ss, SFD_NONBLOCK);
  R(read(sf, b, 200));
  pf.fd=sf;
  R(poll(&pf, 1, 0));
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  union sigval sv={77};
  sigqueue(getpid(), SIGRTMIN, sv);
  sigqueue(getpid(), SIGRTMIN, sv);
  R(poll(&pf, 1, 0));
  struct signalfd_siginfo si[4];
  R(read(sf, si, sizeof si));
  printf("%d %d %d | %d %d %d %d\n", si[0].ssi_signo, si[0].ssi_pid==getpid(), si[0].ssi_code, si[1].ssi_signo, si[1].ssi_int, si[1].ssi_code, si[2].ssi_signo);
  R(read(sf, si, 10));
  int ep=epoll_create1(0);
  struct epoll_event ev={EPOLLIN};
  epoll_ctl(ep, EPOLL_CTL_ADD, sf, &ev);
  R(epoll_wait(ep, &ev, 1, 0));
  if (!fork()) {
    usleep(10000);
    kill(getppid(), SIGUSR1);
    _exit(0);
  }
  R(epoll_wait(ep, &ev, 1, 1000));
  R(read(sf, si, sizeof si));
  wait(0);
  sigaddset(&ss, SIGUSR2);
  R(signalfd(sf, &ss, 0)==sf);
  R(signalfd(0, &ss, 0));
  close(sf);

  // Ppoll/pselect with mask
  signal(SIGUSR1, h);
  got=0;
  kill(getpid(), SIGUSR1);
  struct timespec ts={1, 0};
  R(ppoll(0, 0, &ts, &os));
  printf("got %d\n", got);
  got=0;
  kill(getpid(), SIGUSR1);
  R(pselect(0, 0, 0, 0, &ts, &os));
  printf("got %d\n", got);
  got=0;
  kill(getpid(), SIGUSR1);
  R(epoll_pwait(ep, &ev, 1, 1000, &os));
  printf("got %d\n", got);
  sigprocmask(SIG_SETMASK, 0, &ss);
  printf("%d\n", sigismember(&ss, SIGUSR1));
  ts.tv_sec=0;
  ts.tv_nsec=10000000;
  R(ppoll(0, 0, &ts, 0));
  R(poll(0, 0, -5>0));
  sigprocmask(SIG_SETMASK, &os, 0);
  sa.sa_handler=h;
  sigaction(SIGALRM, &sa, 0);
  ualarm(10000, 0);
  R(poll(0, 0, 1000));
  sa.sa_flags=SA_RESTART;
  sigaction(SIGALRM, &sa, 0);
  ualarm(10000, 0);
  R(select(0, 0, 0, 0, &(struct timeval){1, 0}));
  ualarm(10000, 0);
  R(epoll_wait(ep, &ev, 1, 1000));
  ualarm(10000, 0);
  if (!fork()) {
    usleep(30000);
    write(q[1],"r", 1);
    _exit(0);
  }
  R(read(q[0], b, 1));
  wait(0);
  sa.sa_flags=0;
  sigaction(SIGALRM, &sa, 0);
  ualarm(10000, 0);
  R(read(q[0], b, 1));
  memset(big, 1, sizeof big);
  fcntl(q[1], F_SETFL, 0);
  ualarm(20000, 0);
  R(write(q[1], big, 100000));
  ts.tv_sec=-1;
  R(ppoll(0, 0, &ts, 0));

  // SIGIO
  int ap[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ap);
  signal(SIGIO, h);
  got=0;
  R(fcntl(ap[0], F_SETOWN, getpid()));
  int one=1;
  R(ioctl(ap[0], FIOASYNC, &one));
  R(fcntl(ap[0], F_GETFL));
  write(ap[1],"x", 1);
  printf("SIGIO %d\n", got==SIGIO);
  R(fcntl(ap[0], F_GETOWN)==getpid());
  R(poll((void*)8, 1, 0));
  R(select(1, (void*)8, 0, 0, 0));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, 1, (void*)8));
  R(eventfd(0, 5555));
  R(sizeof(long));
  chdir("/");
  char cmd[100];
  sprintf(cmd,"rm -rf %s", d);
  system(cmd);
  return 0;
}
