// Local sockets of every type: names, backlog, shutdown, passed files, credentials, messages.
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <signal.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <netinet/in.h>
#define R(e) do{ errno=0; long rr_=(long)(e); printf("%-60s = %ld %s\n", #e, rr_, rr_<0?strerrorname_np(errno):""); }while(0)

static char big[1<<20];
static int sigs;
static void h(int s) {
  sigs++;
}
static socklen_t mk(struct sockaddr_un*a, const char*s, int abs){memset(a, 0, sizeof*a);a->sun_family=AF_UNIX;memcpy(a->sun_path+abs, s, strlen(s));return offsetof(struct sockaddr_un, sun_path)+abs+strlen(s)+(abs?0:1);} static void name(const char*t, int fd, int peer) {
  struct sockaddr_un a;
  memset(&a, 0x55, sizeof a);
  socklen_t l=sizeof a;
  int r=peer?getpeername(fd, (void*)&a, &l):getsockname(fd, (void*)&a, &l);
  printf("%s %d len=%d ", t, r, r?-1:l);
  if (!r)for (int i=2;i<(int)l;i++)putchar(a.sun_path[i-2]?a.sun_path[i-2]:'@');
  puts("");
}
static int pol(int fd) {
  struct pollfd p={fd, POLLIN|POLLOUT|POLLRDHUP|POLLPRI, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static int recvfds(int s, char*b, int n, int flags, int ctl, int*fds, int*nf, int*mflags, struct ucred*uc) {
  struct iovec v={b, n};
  char c[512];
  struct msghdr m={0, 0, &v, 1, c, ctl, 0};
  memset(c, 0, sizeof c);
  *nf=0;
  int r=recvmsg(s, &m, flags);
  *mflags=m.msg_flags;
  if (r<0)return r;
  for (struct cmsghdr*h=CMSG_FIRSTHDR(&m);h;h=CMSG_NXTHDR(&m, h)){if (h->cmsg_type==SCM_RIGHTS){int k=(h->cmsg_len-CMSG_LEN(0))/4;memcpy(fds, CMSG_DATA(h), k*4);*nf=k;}else if (h->cmsg_type==SCM_CREDENTIALS&&uc)memcpy(uc, CMSG_DATA(h), sizeof*uc);}printf("  controllen %zu\n", m.msg_controllen);
  return r;
}
static int sendfds(int s, const char*b, int n, int*fds, int nf) {
  struct iovec v={(void*)b, n};
  char c[512];
  struct msghdr m={0, 0, &v, 1, c, CMSG_SPACE(nf*4), 0};
  struct cmsghdr*h=CMSG_FIRSTHDR(&m);
  h->cmsg_level=SOL_SOCKET;
  h->cmsg_type=SCM_RIGHTS;
  h->cmsg_len=CMSG_LEN(nf*4);
  memcpy(CMSG_DATA(h), fds, nf*4);
  return sendmsg(s, &m, 0);
}
int main() {
  setvbuf(stdout, 0, _IONBF, 0);
  signal(SIGPIPE, h);
  int s[2];
  char b[200];
  struct sockaddr_un a;
  socklen_t al;
  int fds[10], nf, mf;
  struct ucred uc;
  char dir[]="/tmp/troupe-unix-XXXXXX";
  mkdtemp(dir);
  chdir(dir);
  R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  name("sock", s[0], 0);
  name("peer", s[0], 1);
  printf("%x\n", pol(s[0]));
  R(write(s[0],"hello", 5));
  R(send(s[0],"world", 5, 0));
  R(recv(s[1], b, 3, MSG_PEEK));
  R(recv(s[1], b, 7, 0));
  printf("%.7s %x\n", b, pol(s[1]));
  R(recv(s[1], b, 100, 0));
  R(recv(s[1], b, 100, MSG_DONTWAIT));
  int n=0;
  while ((mf=send(s[0], big, 10000, MSG_DONTWAIT))>0)n+=mf;
  printf("buffered>100k %d err=%s pol=%x\n", n>100000, strerrorname_np(errno), pol(s[0]));
  int q;
  R(ioctl(s[1], FIONREAD, &q));
  printf("%d\n", q==n);
  while (n>0&&(mf=read(s[1], big, 50000))>0)n-=mf;
  printf("n=%d %x\n", n, pol(s[0]));
  R(shutdown(s[0], SHUT_WR));
  printf("%x %x\n", pol(s[0]), pol(s[1]));
  R(read(s[1], b, 10));
  R(write(s[0],"x", 1));
  printf("sig %d\n", sigs);
  R(send(s[0],"x", 1, MSG_NOSIGNAL));
  printf("sig %d\n", sigs);
  R(write(s[1],"back", 4));
  R(read(s[0], b, 10));
  R(close(s[1]));
  printf("%x\n", pol(s[0]));
  R(read(s[0], b, 10));
  R(send(s[0],"x", 1, MSG_NOSIGNAL));
  close(s[0]);
  R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  write(s[0],"lost", 4);
  close(s[1]);
  printf("%x\n", pol(s[0]));
  R(read(s[0], b, 4));
  R(read(s[0], b, 4));
  close(s[0]);

  // Dgram
  R(socketpair(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK, 0, s));
  R(send(s[0],"abc", 3, 0));
  R(send(s[0],"", 0, 0));
  R(send(s[0],"defgh", 5, 0));
  R(recv(s[1], b, 2, MSG_TRUNC));
  R(recv(s[1], b, 10, 0));
  R(ioctl(s[1], FIONREAD, &q));
  printf("%d\n", q);
  R(recv(s[1], b, 10, 0));
  R(recv(s[1], b, 10, 0));
  R(send(s[0], big, 300000, 0));
  n=0;
  while (send(s[0],"x", 1, 0)>0)n++;
  printf("queued %d\n", n>5);
  close(s[1]);
  R(send(s[0],"x", 1, 0));
  R(recv(s[0], b, 1, 0));
  close(s[0]);
  R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
  R(send(s[0],"abc", 3, 0));
  R(send(s[0],"de", 2, 0));
  R(recvfds(s[1], b, 2, 0, 0, fds, &nf, &mf, 0));
  printf("flags %x\n", mf);
  R(recv(s[1], b, 10, 0));
  R(close(s[0]));
  R(recv(s[1], b, 10, 0));
  R(send(s[1],"x", 1, MSG_NOSIGNAL));
  close(s[1]);

  // Listen
  unlink("un.sock");
  al=mk(&a,"un.sock", 0);
  int l=socket(AF_UNIX, SOCK_STREAM, 0), c=socket(AF_UNIX, SOCK_STREAM, 0);
  printf("%x\n", pol(c));
  R(listen(l, 1));
  R(connect(c, (void*)&a, al));
  R(bind(l, (void*)&a, al));
  R(bind(c, (void*)&a, al));
  R(connect(c, (void*)&a, al));
  R(listen(l, 1));
  struct stat st;
  stat("un.sock", &st);
  printf("%o\n", st.st_mode);
  printf("%x\n", pol(l));
  R(connect(c, (void*)&a, al));
  printf("%x\n", pol(l));
  R(connect(c, (void*)&a, al));
  R(write(c,"early", 5));
  int k=accept4(l, (void*)&a, &al, SOCK_CLOEXEC);
  printf("acc %d al=%d fl=%x\n", k>0, al, fcntl(k, F_GETFD));
  name("l", l, 0);
  name("c", c, 0);
  name("c peer", c, 1);
  name("k", k, 0);
  name("k peer", k, 1);
  R(read(k, b, 10));
  al=sizeof uc;
  R(getsockopt(k, SOL_SOCKET, SO_PEERCRED, &uc, &al));
  printf("%d %d %d\n", uc.pid==getpid(), uc.uid==getuid(), uc.gid==getgid());
  int o;
  al=4;
  R(getsockopt(k, SOL_SOCKET, SO_TYPE, &o, &al));
  printf("%d\n", o);
  R(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &o, &al));
  printf("%d\n", o);
  R(getsockopt(l, SOL_SOCKET, SO_ERROR, &o, &al));
  printf("%d\n", o);
  R(getsockopt(l, SOL_SOCKET, SO_DOMAIN, &o, &al));
  printf("%d\n", o);
  R(getsockopt(l, SOL_SOCKET, 999, &o, &al));
  R(getsockopt(l, 6, 1, &o, &al));
  R(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &o, 4));
  R(setsockopt(l, 6, 1, &o, 4));
  o=1000;
  R(setsockopt(l, SOL_SOCKET, SO_SNDBUF, &o, 4));
  R(getsockopt(l, SOL_SOCKET, SO_SNDBUF, &o, &al));
  printf("%d\n", o);
  o=100000;
  R(setsockopt(l, SOL_SOCKET, SO_SNDBUF, &o, 4));
  R(getsockopt(l, SOL_SOCKET, SO_SNDBUF, &o, &al));
  printf("%d\n", o);
  fcntl(l, F_SETFL, O_NONBLOCK);
  R(accept(l, 0, 0));
  int cc[5];
  al=mk(&a,"un.sock", 0);
  for (int i=0;i<4;i++) {
    cc[i]=socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0);
    R(connect(cc[i], (void*)&a, al));
  }
  R(close(l));
  printf("%x\n", pol(cc[0]));
  R(read(cc[0], b, 1));
  R(read(cc[0], b, 1));
  R(connect(c, (void*)&a, al));
  for (int i=0;i<4;i++)close(cc[i]);
  int d=socket(AF_UNIX, SOCK_DGRAM, 0);
  R(connect(d, (void*)&a, al));
  unlink("un.sock");
  R(connect(d, (void*)&a, al));
  R(send(d,"x", 1, 0));
  R(recv(d, b, 1, MSG_DONTWAIT));
  printf("%x\n", pol(d));

  // Abstract dgram
  int e=socket(AF_UNIX, SOCK_DGRAM, 0);
  al=mk(&a,"troupetest", 1);
  R(bind(e, (void*)&a, al));
  name("e", e, 0);
  R(sendto(d,"msg", 3, 0, (void*)&a, al));
  struct sockaddr_un fr;
  socklen_t fl=sizeof fr;
  R(recvfrom(e, b, 10, 0, (void*)&fr, &fl));
  printf("fl=%d\n", fl);
  struct sockaddr_un da;
  socklen_t dl=mk(&da,"troupe2", 1);
  R(bind(d, (void*)&da, dl));
  R(sendto(d,"msg", 3, 0, (void*)&a, al));
  fl=sizeof fr;
  R(recvfrom(e, b, 10, 0, (void*)&fr, &fl));
  printf("fl=%d %.7s\n", fl, fr.sun_path+1);
  R(bind(c, (void*)&da, dl));
  R(connect(d, (void*)&a, al));
  R(send(d,"c", 1, 0));
  R(connect(e, (void*)&da, dl));
  R(connect(c, (void*)&da, dl));
  da.sun_family=AF_UNSPEC;
  R(connect(d, (void*)&da, 2));
  R(send(d,"c", 1, 0));
  da.sun_family=AF_UNIX;
  R(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void*)&da, 2));
  R(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void*)&da, 200));

  // Rights
  R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  int p[2];
  pipe(p);
  R(sendfds(s[0],"FD", 2, p, 2));
  R(write(s[0],"after", 5));
  R(recvfds(s[1], b, 100, 0, 512, fds, &nf, &mf, 0));
  printf("nf=%d mf=%x %.2s\n", nf, mf, b);
  R(write(fds[1],"via", 3));
  R(read(p[0], b, 10));
  R(recv(s[1], b, 100, 0));
  R(fcntl(fds[0], F_GETFD));
  close(fds[0]);
  close(fds[1]);
  R(sendfds(s[0],"FD", 2, p, 2));
  R(recvfds(s[1], b, 100, MSG_CMSG_CLOEXEC, CMSG_LEN(4), fds, &nf, &mf, 0));
  printf("nf=%d mf=%x %d\n", nf, mf, fcntl(fds[0], F_GETFD));
  close(fds[0]);
  R(sendfds(s[0],"FD", 2, p, 2));
  R(read(s[1], b, 1));
  R(recvfds(s[1], b, 100, 0, 512, fds, &nf, &mf, 0));
  printf("nf=%d\n", nf);
  R(sendfds(s[0],"FD", 2, p, 2));
  R(recvfds(s[1], b, 1, MSG_PEEK, 512, fds, &nf, &mf, 0));
  printf("nf=%d\n", nf);
  for (int i=0;i<nf;i++)close(fds[i]);
  R(recvfds(s[1], b, 1, 0, 512, fds, &nf, &mf, 0));
  printf("nf=%d\n", nf);
  for (int i=0;i<nf;i++)close(fds[i]);
  R(recvfds(s[1], b, 1, 0, 512, fds, &nf, &mf, 0));
  printf("nf=%d\n", nf);
  int bad=999;
  R(sendfds(s[0],"FD", 2, &bad, 1));
  o=1;
  R(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &o, 4));
  R(write(s[0],"cr", 2));
  memset(&uc, 0, sizeof uc);
  R(recvfds(s[1], b, 10, 0, 512, fds, &nf, &mf, &uc));
  printf("%d %d %d\n", uc.pid==getpid(), uc.uid==getuid(), uc.gid==getgid());

  // Waitall, timeouts
  if (!fork()) {
    usleep(30000);
    write(s[0],"abc", 3);
    usleep(30000);
    write(s[0],"defg", 4);
    _exit(0);
  }
  R(recv(s[1], b, 7, MSG_WAITALL));
  wait(0);
  struct timeval tv={0, 30000};
  R(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
  R(recv(s[1], b, 7, 0));
  if (!fork()) {
    close(s[1]);
    write(s[0],"ab", 2);
    _exit(0);
  }
  wait(0);
  R(recv(s[1], b, 7, MSG_WAITALL));

  // Mmsg
  int dg[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, dg);
  struct iovec iv[3]={{"one", 3}, {"two2", 4}, {"three", 5}};
  struct mmsghdr mm[3];
  memset(mm, 0, sizeof mm);
  for (int i=0;i<3;i++) {
    mm[i].msg_hdr.msg_iov=iv+i;
    mm[i].msg_hdr.msg_iovlen=1;
  }
  R(sendmmsg(dg[0], mm, 3, 0));
  char bb[3][10];
  for (int i=0;i<3;i++) {
    iv[i].iov_base=bb[i];
    iv[i].iov_len=10;
  }
  R(recvmmsg(dg[1], mm, 3, MSG_WAITFORONE, 0));
  printf("%d %d %d\n", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len);
  R(sendmmsg(dg[0], mm, 2, 0));
  R(recvmmsg(dg[1], mm, 3, MSG_WAITFORONE, 0));

  // Blocking big write
  if (!fork()) {
    int t=0;
    usleep(20000);
    while (t<800000) {
      int r=read(s[1], big, 30000);
      if (r<=0)break;
      t+=r;
    }
    _exit(t==800000);
  }
  R(write(s[0], big, 800000));
  int ws;
  wait(&ws);
  printf("%d\n", WEXITSTATUS(ws));
  R(socket(AF_UNIX, 77, 0));
  R(socket(AF_UNIX, SOCK_RDM, 0));
  R(socket(AF_UNIX, SOCK_STREAM, 5));
  R(socket(999, 1, 0));
  R(getsockname(p[0], (void*)&a, &al));
  R(getsockname(999, (void*)&a, &al));
  R(send(p[1],"x", 1, 0));
  R(shutdown(s[0], 9));
  R(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), 2));
  R(accept(s[0], 0, 0));
  R(listen(dg[0], 1));
  R(accept(dg[0], 0, 0));
  int u=socket(AF_UNIX, SOCK_STREAM, 0);
  R(send(u,"x", 1, 0));
  R(recv(u, b, 1, 0));
  name("u", u, 1);
  R(sendto(s[0],"x", 1, 0, (void*)&da, dl));
  R(sendto(u,"x", 1, 0, (void*)&da, dl));
  R(lseek(u, 0, 0));
  u=socket(AF_UNIX, SOCK_DGRAM, 0);
  R(send(u,"x", 1, 0));
  u=socket(AF_UNIX, SOCK_SEQPACKET, 0);
  R(send(u,"x", 1, 0));
  R(recv(u, b, 1, 0));
  R(recv(s[1], b, 1, MSG_OOB));
  rmdir(dir);
  return 0;
}
