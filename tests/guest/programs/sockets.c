// Unix sockets, epoll, eventfd, descriptor passing.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  int sv[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
  if (fork() == 0) {
    int p[2]; pipe(p); write(p[1], "through fd", 10);
    char cbuf[CMSG_SPACE(sizeof(int))] = {0}; struct iovec io = {"msg", 3}; struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = cbuf, .msg_controllen = sizeof cbuf};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int)); memcpy(CMSG_DATA(c), &p[0], sizeof(int));
    _exit(sendmsg(sv[1], &m, 0) == 3 ? 0 : 1);
  }
  char buf[64] = {0}, cbuf[CMSG_SPACE(sizeof(int))]; struct iovec io = {buf, 64}; struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = cbuf, .msg_controllen = sizeof cbuf};
  int n = recvmsg(sv[0], &m, 0), fd, status; struct cmsghdr *c = CMSG_FIRSTHDR(&m); memcpy(&fd, CMSG_DATA(c), sizeof fd); wait(&status);
  printf("recv %d %s child %d\n", n, buf, WEXITSTATUS(status)); memset(buf, 0, 64); n = read(fd, buf, 64); printf("passed %d %s\n", n, buf);
  struct sockaddr_un a = {.sun_family = AF_UNIX}; strcpy(a.sun_path + 1, "troupe-test"); int l = socket(AF_UNIX, SOCK_STREAM, 0);
  printf("bind %d\n", bind(l, (void *)&a, sizeof(sa_family_t) + 12)); printf("listen %d\n", listen(l, 5));
  if (fork() == 0) { int s = socket(AF_UNIX, SOCK_STREAM, 0); connect(s, (void *)&a, sizeof(sa_family_t) + 12); for (int i = 0; i < 1000; i++) write(s, "0123456789", 10); shutdown(s, SHUT_WR); char ack; read(s, &ack, 1); _exit(ack); }
  int s = accept(l, 0, 0); long total = 0; char big[4096]; while ((n = read(s, big, sizeof big)) > 0) total += n; write(s, "\x05", 1); wait(&status); printf("stream %ld ack %d\n", total, WEXITSTATUS(status));
  int ep = epoll_create1(0), ev = eventfd(0, EFD_NONBLOCK), p[2]; pipe2(p, O_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = 1}; epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e); e.events = EPOLLIN | EPOLLET; e.data.u32 = 2; epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e);
  struct epoll_event got[4]; printf("epoll none %d\n", epoll_wait(ep, got, 4, 0)); uint64_t one = 3; write(ev, &one, 8); write(p[1], "x", 1);
  n = epoll_wait(ep, got, 4, -1); printf("epoll %d sum %d\n", n, got[0].data.u32 + (n > 1 ? got[1].data.u32 : 0)); n = epoll_wait(ep, got, 4, 0); printf("edge %d %d\n", n, got[0].data.u32); read(ev, &one, 8); printf("eventfd %lu\n", one); printf("again %d\n", read(ev, &one, 8) == -1 && errno == EAGAIN);
  int dg[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, dg); send(dg[0], "one", 3, 0); send(dg[0], "three", 5, 0); printf("dgram %zd", recv(dg[1], buf, 2, MSG_TRUNC)); printf(" %zd", recv(dg[1], buf, 64, 0)); printf(" %zd\n", recv(dg[1], buf, 64, MSG_DONTWAIT));
  close(dg[0]); close(sv[1]); printf("eof %zd epipe %d\n", read(sv[0], buf, 4), send(sv[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
  struct pollfd pf[2] = {{sv[0], POLLIN, 0}, {l, POLLIN, 0}}; n = poll(pf, 2, 0); printf("poll %d hup %d\n", n, (pf[0].revents & POLLHUP) != 0); printf("inet %d\n", socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
  return 0;
}
