// Pseudoterminals: line editing, raw reads, output processing, packet mode, job control, hang-up.
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <signal.h>
#include <poll.h>
#include <termios.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#define R(e) do{ errno=0; long rr_=(long)(e); printf("%-60s = %ld %s\n", #e, rr_, rr_<0?strerrorname_np(errno):""); }while(0)
#define IN(x) do{printf("IN %s\n",#x);in(x,sizeof(x)-1);}while(0)

static int m, s;
static int sigs[65];
static void h(int n) {
  sigs[n]++;
}
static void show(const char*t, const char*b, int n) {
  printf("%s %d ", t, n);
  for (int i=0;i<n;i++) {
    unsigned char c=b[i];
    if (c>=32&&c<127)putchar(c);
    else printf("\\x%02x", c);
  }
  puts("");
}
// The line discipline works in the background.
static int typed(int fd, const char *x, int n) {
  int done = write(fd, x, n);
  usleep(10000);
  return done;
}
static void rd(const char*t, int fd) {
  usleep(10000);
  char b[5000];
  errno=0;
  int n=read(fd, b, sizeof b);
  show(t, b, n);
  if (n<0)puts(strerrorname_np(errno));
}
static void in(const char*x, int n) {
  typed(m, x, n);
  usleep(4000);
  rd("echo", m);
  rd("read", s);
}
static int pol(int fd) {
  struct pollfd p={fd, POLLIN|POLLOUT|POLLPRI, 0};
  poll(&p, 1, 0);
  return p.revents;
}
int main() {
  setvbuf(stdout, 0, _IONBF, 0);
  if (fork()) {

    // The rest must not lead a session
    int st;
    wait(&st);
    return WEXITSTATUS(st);
  }
  struct termios t;
  struct winsize w={24, 80, 0, 0};
  char b[200];
  int n;
  m=posix_openpt(O_RDWR|O_NOCTTY);
  R(open(ptsname(m), O_RDWR|O_NOCTTY));
  R(grantpt(m));
  R(unlockpt(m));
  printf("%x\n", pol(m));
  s=open(ptsname(m), O_RDWR|O_NOCTTY|O_NONBLOCK);
  fcntl(m, F_SETFL, O_NONBLOCK);
  R(isatty(m));
  R(isatty(s));
  R(tcgetattr(s, &t));
  printf("%o %o %o %o %d\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line);
  show("cc", (char*)t.c_cc, 19);
  R(ioctl(s, TIOCGWINSZ, &w));
  printf("%d %d\n", w.ws_row, w.ws_col);
  struct stat st;
  fstat(s, &st);
  printf("%o %d\n", st.st_mode&S_IFMT, (int)major(st.st_rdev));
  IN("hello\n");
  IN("ab");
  IN("c\x7f\x7f" "d\n");
  IN("word1 word2  \x17x\n");
  IN("kill me\x15ok\n");
  IN("a\tb\x7f\x7f\x7fz\n");
  IN("\x01\x02\n");
  IN("\x01\x7f\n");
  IN("lit\x16\x03\n");
  IN("rep\x12rint\n");
  IN("part\x04");
  IN("\x04");
  IN("cr\r");
  IN("l1\nl2\nl3\n");
  rd("r2", s);
  rd("r3", s);
  IN("eof\n\x04");
  rd("x", s);
  typed(m,"abcdef\n", 7);
  usleep(20000);
  R(read(s, b, 3));
  R(read(s, b, 100));
  typed(m,"abc\x04", 4);
  R(read(s, b, 3));
  R(read(s, b, 100));
  rd("echo", m);
  R(ioctl(s, FIONREAD, &n));
  typed(m,"xyz\nq", 5);
  usleep(20000);
  R(ioctl(s, FIONREAD, &n));
  printf("%d %x\n", n, pol(s));
  rd("read", s);
  rd("read", s);
  R(ioctl(m, FIONREAD, &n));
  printf("%d\n", n);
  rd("echo", m);
  write(s,"out\nx\ty\r\n\x01", 9);
  rd("m", m);
  t.c_oflag|=XTABS;
  R(tcsetattr(s, TCSANOW, &t));
  write(s,"a\tb\n", 4);
  rd("m", m);
  t.c_oflag&=~(OPOST);
  tcsetattr(s, TCSANOW, &t);
  write(s,"raw\n", 4);
  rd("m", m);
  t.c_oflag|=OPOST;
  t.c_oflag&=~XTABS;
  t.c_oflag|=OCRNL;
  tcsetattr(s, TCSANOW, &t);
  write(s,"a\rb", 3);
  rd("m", m);
  t.c_oflag&=~OCRNL;
  t.c_lflag&=~ECHOE;
  tcsetattr(s, TCSANOW, &t);
  IN("ab\x7f\x15zz\n");
  t.c_lflag&=~ECHOK;
  t.c_lflag|=ECHOPRT|ECHOE;
  tcsetattr(s, TCSANOW, &t);
  IN("abc\x7f\x7fx\n");
  t.c_lflag=ICANON|ECHONL;
  tcsetattr(s, TCSANOW, &t);
  IN("silent\n");
  t.c_lflag=ICANON|ECHO|ECHOE|ECHOK;
  tcsetattr(s, TCSANOW, &t);
  IN("\x03" "ctl\x17\n");

  // Raw
  tcgetattr(s, &t);
  typed(m,"part", 4);
  cfmakeraw(&t);
  tcsetattr(s, TCSANOW, &t);
  rd("raw", s);
  IN("x\r\n\x03\x04");
  typed(m,"q", 1);
  t.c_lflag|=ICANON;
  tcsetattr(s, TCSANOW, &t);
  rd("back", s);
  t.c_lflag&=~ICANON;
  fcntl(s, F_SETFL, 0);
  t.c_cc[VMIN]=0;
  t.c_cc[VTIME]=0;
  tcsetattr(s, TCSANOW, &t);
  R(read(s, b, 10));
  t.c_cc[VTIME]=1;
  tcsetattr(s, TCSANOW, &t);
  R(read(s, b, 10));
  typed(m,"k", 1);
  R(read(s, b, 10));
  t.c_cc[VMIN]=5;
  tcsetattr(s, TCSANOW, &t);
  typed(m,"ab", 2);
  R(read(s, b, 10));
  t.c_cc[VMIN]=3;
  t.c_cc[VTIME]=0;
  tcsetattr(s, TCSANOW, &t);
  printf("%x\n", pol(s));
  typed(m,"ab", 2);
  printf("%x\n", pol(s));
  typed(m,"c", 1);
  printf("%x\n", pol(s));
  R(read(s, b, 2));
  R(read(s, b, 1));
  if (!fork()) {
    usleep(20000);
    typed(m,"1", 1);
    usleep(20000);
    typed(m,"23", 2);
    _exit(0);
  }
  R(read(s, b, 10));
  wait(0);
  rd("e", m);

  // Packet
  t.c_lflag=ICANON|ECHO|ISIG|IEXTEN;
  t.c_iflag=ICRNL|IXON;
  t.c_oflag=OPOST|ONLCR;
  tcsetattr(s, TCSANOW, &t);
  n=1;
  R(ioctl(m, TIOCPKT, &n));
  write(s,"pk", 2);
  rd("m", m);
  tcflush(s, TCIFLUSH);
  rd("m", m);
  tcflush(s, TCIOFLUSH);
  printf("%x\n", pol(m));
  rd("m", m);
  tcflow(s, TCOOFF);
  rd("m", m);
  tcflow(s, TCOON);
  rd("m", m);
  t.c_iflag&=~IXON;
  tcsetattr(s, TCSANOW, &t);
  rd("m", m);
  t.c_iflag|=IXON;
  tcsetattr(s, TCSANOW, &t);
  rd("m", m);
  n=0;
  ioctl(m, TIOCPKT, &n);
  fcntl(s, F_SETFL, O_NONBLOCK);
  typed(m,"\x13", 1);
  usleep(20000);
  R(write(s,"stop", 4));
  printf("%x\n", pol(s));
  typed(m,"\x11", 1);
  usleep(20000);
  R(write(s,"go", 2));
  rd("m", m);

  // Job control
  R(ioctl(s, TIOCGPGRP, &n));
  R(ioctl(m, TIOCGPGRP, &n));
  printf("%d\n", n);
  R(ioctl(s, TIOCGSID, &n));
  n=getpid();
  R(ioctl(s, TIOCSPGRP, &n));
  R(ioctl(s, TIOCSCTTY, 0));
  fcntl(s, F_SETFL, 0);
  int p[2];
  pipe(p);
  pid_t c=fork();
  if (!c) {
    close(m);
    setsid();
    R(open("/dev/tty", O_RDWR));
    R(ioctl(s, TIOCSCTTY, 0));
    R(ioctl(s, TIOCSCTTY, 0));
    R(tcgetpgrp(s)==getpid());
    R(tcgetsid(s)==getpid());
    int tt;
    R((tt=open("/dev/tty", O_RDWR))>0);
    R(write(tt,"ctty", 4));
    close(tt);
    signal(SIGINT, h);
    signal(SIGWINCH, h);
    signal(SIGTSTP, h);
    signal(SIGQUIT, h);
    signal(SIGHUP, h);
    signal(SIGCONT, h);
    pid_t g=fork();
    if (!g) {
      setpgid(0, 0);
      signal(SIGTTIN, SIG_DFL);
      signal(SIGTTOU, SIG_DFL);
      char x[10];
      errno=0;
      int r=read(s, x, 10);
      printf("bg read %d %.3s\n", r, x);
      R(tcsetpgrp(s, getpid()));
      printf("bg done\n");
      _exit(0);
    }
    setpgid(g, g);
    int ws;
    waitpid(g, &ws, WUNTRACED);
    printf("stopped %d by %d\n", WIFSTOPPED(ws), WSTOPSIG(ws));
    R(tcsetpgrp(s, g));
    write(p[1],"1", 1);
    kill(g, SIGCONT);
    waitpid(g, &ws, WUNTRACED);
    printf("end %d %d\n", WIFEXITED(ws), WEXITSTATUS(ws));
    signal(SIGTTOU, SIG_IGN);
    R(tcsetpgrp(s, getpid()));
    R(tcsetpgrp(s, 99999));
    R(tcsetpgrp(s, 1));
    g=fork();
    if (!g) {
      setpgid(0, 0);
      signal(SIGTTIN, SIG_IGN);
      char x;
      R(read(s, &x, 1));
      signal(SIGTTIN, SIG_DFL);
      R(write(s,"bgw", 3));
      struct termios q;
      tcgetattr(s, &q);
      q.c_lflag|=TOSTOP;
      signal(SIGTTOU, SIG_IGN);
      R(tcsetattr(s, TCSANOW, &q));
      R(write(s,"w2", 2));
      signal(SIGTTOU, SIG_DFL);
      R(write(s,"w3", 2));
      _exit(3);
    }
    setpgid(g, g);
    waitpid(g, &ws, WUNTRACED);
    printf("stopped %d by %d\n", WIFSTOPPED(ws), WSTOPSIG(ws));
    kill(g, SIGKILL);
    waitpid(g, &ws, 0);
    printf("sig %d\n", WTERMSIG(ws));
    write(p[1],"2", 1);
    for (int i=0;i<200&&!sigs[SIGINT];i++)usleep(5000);
    printf("INT %d\n", sigs[SIGINT]);
    write(p[1],"3", 1);
    for (int i=0;i<200&&!sigs[SIGWINCH];i++)usleep(5000);
    printf("WINCH %d\n", sigs[SIGWINCH]);
    struct winsize w2;
    ioctl(s, TIOCGWINSZ, &w2);
    printf("%d %d\n", w2.ws_row, w2.ws_col);
    write(p[1],"4", 1);
    for (int i=0;i<200&&!sigs[SIGHUP];i++)usleep(5000);
    printf("HUP %d CONT %d\n", sigs[SIGHUP], sigs[SIGCONT]);
    R(read(s, b, 10));
    R(write(s,"x", 1));
    R(tcgetattr(s, &t));
    printf("%x\n", pol(s));
    R(open("/dev/tty", O_RDWR));
    _exit(0);
  }
  close(s);
  read(p[0], b, 1);
  typed(m,"inp\n", 4);
  read(p[0], b, 1);
  typed(m,"junk\x03", 5);
  read(p[0], b, 1);
  usleep(3000);
  rd("m", m);
  w.ws_row=50;
  w.ws_col=100;
  ioctl(m, TIOCSWINSZ, &w);
  read(p[0], b, 1);
  close(m);
  wait(0);

  // Slave close
  m=posix_openpt(O_RDWR|O_NOCTTY);
  unlockpt(m);
  fcntl(m, F_SETFL, O_NONBLOCK);
  rd("noslave", m);
  s=open(ptsname(m), O_RDWR|O_NOCTTY);
  write(s,"bye", 3);
  close(s);
  printf("%x\n", pol(m));
  rd("m", m);
  rd("m", m);
  printf("%x\n", pol(m));
  s=open(ptsname(m), O_RDWR|O_NOCTTY);
  printf("%x\n", pol(m));
  rd("m", m);
  R(ioctl(m, TIOCGPTPEER, O_RDWR|O_NOCTTY)>0);
  return 0;
}
