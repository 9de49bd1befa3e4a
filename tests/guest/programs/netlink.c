// Netlink sockets of a network namespace with a loopback device: dumps, changes, errors; abstract socket names; mq_notify by thread.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)

static struct { struct nlmsghdr head; char body[512]; } out;
static char in[16384];
static int number;

static void begin(int type, int flags, const void *body, int bytes) {
  memset(&out, 0, sizeof out);
  out.head = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(bytes), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++number};
  memcpy(NLMSG_DATA(&out.head), body, bytes);
}

static void attribute(int type, const void *data, int bytes) {
  struct rtattr *rta = (struct rtattr *)((char *)&out + NLMSG_ALIGN(out.head.nlmsg_len));
  rta->rta_type = type, rta->rta_len = RTA_LENGTH(bytes);
  memcpy(RTA_DATA(rta), data, bytes);
  out.head.nlmsg_len = NLMSG_ALIGN(out.head.nlmsg_len) + RTA_ALIGN(rta->rta_len);
}

// Sends what was begun and says what comes back.
static void ask(const char *what, int fd) {
  SAY("%s:", what);
  if (send(fd, &out, out.head.nlmsg_len, 0) < 0) { SAY(" %s\n", strerrorname_np(errno)); return; }
  for (int done = 0; !done;) {
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n < 0) { SAY(" recv %s", strerrorname_np(errno)); break; }
    for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_seq != (unsigned)number) SAY(" seq?");
      if (h->nlmsg_type == NLMSG_ERROR) { int e = ((struct nlmsgerr *)NLMSG_DATA(h))->error; SAY(" %s", e ? strerrorname_np(-e) : "ack"); done = 1; }
      else if (h->nlmsg_type == NLMSG_DONE) { SAY(" done"); done = 1; }
      else if (h->nlmsg_type == RTM_NEWLINK) {
        struct ifinfomsg *i = NLMSG_DATA(h); int left = IFLA_PAYLOAD(h);
        SAY(" link %d type %d flags %x", i->ifi_index, i->ifi_type, i->ifi_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING));
        for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
          if (a->rta_type == IFLA_IFNAME) SAY(" %s", (char *)RTA_DATA(a));
          if (a->rta_type == IFLA_MTU) SAY(" mtu %u", *(unsigned *)RTA_DATA(a));
          if (a->rta_type == IFLA_ADDRESS) SAY(" %u bytes", (unsigned)RTA_PAYLOAD(a));
        }
        done |= !(h->nlmsg_flags & NLM_F_MULTI) && !(out.head.nlmsg_flags & NLM_F_ACK);
      } else if (h->nlmsg_type == RTM_NEWADDR) {
        struct ifaddrmsg *i = NLMSG_DATA(h); int left = IFA_PAYLOAD(h); char text[64];
        if (i->ifa_family != AF_INET) continue;
        SAY(" addr /%d scope %d index %d", i->ifa_prefixlen, i->ifa_scope, i->ifa_index);
        for (struct rtattr *a = IFA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
          if (a->rta_type == IFA_ADDRESS || a->rta_type == IFA_LOCAL) SAY(" %s", inet_ntop(AF_INET, RTA_DATA(a), text, sizeof text));
          if (a->rta_type == IFA_LABEL) SAY(" %s", (char *)RTA_DATA(a));
        }
      } else SAY(" type %d", h->nlmsg_type);
    }
  }
  SAY("\n");
}

static void interfaces(void) {
  struct ifaddrs *all; char text[64];
  if (getifaddrs(&all)) { SAY("getifaddrs: %s\n", strerrorname_np(errno)); return; }
  for (struct ifaddrs *i = all; i; i = i->ifa_next) {
    if (!i->ifa_addr || i->ifa_addr->sa_family == AF_INET6) continue;
    SAY("%s family %d flags %x", i->ifa_name, i->ifa_addr->sa_family, i->ifa_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING));
    if (i->ifa_addr->sa_family == AF_INET) SAY(" %s", inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof text));
    if (i->ifa_addr->sa_family == AF_INET) SAY(" %s", inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_netmask)->sin_addr, text, sizeof text));
    SAY("\n");
  }
  freeifaddrs(all);
  struct if_nameindex *names = if_nameindex();
  for (struct if_nameindex *n = names; n && n->if_index; n++) SAY("%u %s\n", n->if_index, n->if_name);
  SAY("index %u\n", if_nametoindex("lo"));
}

static void ports(void) {
  struct sockaddr_nl a = {.nl_family = AF_NETLINK}; socklen_t n = sizeof a;
  TRY(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
  TRY(socket(AF_NETLINK, SOCK_RAW, 77));
  int one = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), two = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), three = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
  getsockname(one, (void *)&a, &n); SAY("unbound %u of %u\n", a.nl_pid, n);
  TRY(bind(one, (void *)&a, sizeof a));
  getsockname(one, (void *)&a, &n); SAY("mine %d groups %u\n", a.nl_pid == (unsigned)getpid(), a.nl_groups);
  TRY(bind(two, (void *)&a, sizeof a));
  a.nl_pid = 0; TRY(bind(two, (void *)&a, sizeof a)); getsockname(two, (void *)&a, &n); SAY("other %d\n", a.nl_pid != (unsigned)getpid() && a.nl_pid != 0);
  a.nl_pid = 4242; TRY(bind(two, (void *)&a, sizeof a)); TRY(bind(three, (void *)&a, sizeof a));
  a.nl_pid = 0; TRY(bind(three, (void *)&a, 3)); a.nl_family = AF_UNIX; TRY(bind(three, (void *)&a, sizeof a));
  TRY(listen(one, 1)); TRY(accept(one, 0, 0));
  int v = 0; n = sizeof v; getsockopt(one, SOL_SOCKET, SO_TYPE, &v, &n); SAY("type %d", v); getsockopt(one, SOL_SOCKET, SO_DOMAIN, &v, &n); SAY(" domain %d", v); getsockopt(one, SOL_SOCKET, SO_PROTOCOL, &v, &n); SAY(" protocol %d\n", v);
  v = 1; TRY(setsockopt(one, SOL_NETLINK, NETLINK_EXT_ACK, &v, sizeof v));
  a.nl_family = AF_NETLINK, a.nl_pid = 1234567; begin(RTM_GETLINK, 0, "", 1);
  TRY(sendto(one, &out, out.head.nlmsg_len, 0, (void *)&a, sizeof a));
  a.nl_pid = 0; TRY(connect(three, (void *)&a, sizeof a)); n = sizeof a; TRY(getpeername(three, (void *)&a, &n)); SAY("peer %u family %d\n", a.nl_pid, a.nl_family);
  close(one), close(two), close(three);
}

static void details(int fd) {
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  begin(RTM_GETLINK, NLM_F_DUMP, &link, sizeof link);
  poll(&p, 1, 0); SAY("before %x", p.revents);
  send(fd, &out, out.head.nlmsg_len, 0);
  poll(&p, 1, 0); SAY(" after %x\n", p.revents);
  struct sockaddr_nl from; socklen_t n = sizeof from;
  char few[16]; ssize_t peeked = recv(fd, few, sizeof few, MSG_PEEK | MSG_TRUNC), whole = recvfrom(fd, in, sizeof in, 0, (void *)&from, &n);
  SAY("peek %d from %u family %d of %u\n", peeked == whole && whole > 16, from.nl_pid, from.nl_family, n);
  struct iovec v = {few, sizeof few}; struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
  begin(RTM_GETLINK, NLM_F_DUMP, &link, sizeof link); send(fd, &out, out.head.nlmsg_len, 0);
  while (recvmsg(fd, &h, MSG_DONTWAIT) >= 0) { SAY("truncated %d", !!(h.msg_flags & MSG_TRUNC)); break; }
  while (recv(fd, in, sizeof in, MSG_DONTWAIT) >= 0) {}
  SAY(" %s\n", strerrorname_np(errno));
}

static void requests(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
  struct ifaddrmsg address = {.ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_flags = IFA_F_PERMANENT, .ifa_scope = RT_SCOPE_HOST, .ifa_index = 1};
  struct in_addr local; inet_pton(AF_INET, "127.0.0.1", &local);
  details(fd);
  begin(RTM_GETLINK, NLM_F_DUMP, &link, sizeof link); ask("links", fd);
  link.ifi_index = 1; begin(RTM_GETLINK, 0, &link, sizeof link); ask("link 1", fd);
  link.ifi_index = 99; begin(RTM_GETLINK, 0, &link, sizeof link); ask("link 99", fd);
  link.ifi_index = 0; begin(RTM_GETLINK, 0, &link, sizeof link); attribute(IFLA_IFNAME, "lo", 3); ask("link lo", fd);
  begin(RTM_GETADDR, NLM_F_DUMP, &address, sizeof address); ask("addresses", fd);
  begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &address, sizeof address); attribute(IFA_LOCAL, &local, 4); attribute(IFA_ADDRESS, &local, 4); ask("new address", fd);
  ask("again", fd);
  begin(RTM_GETADDR, NLM_F_DUMP, &address, sizeof address); ask("addresses", fd);
  link = (struct ifinfomsg){.ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(RTM_NEWLINK, NLM_F_ACK, &link, sizeof link); ask("up", fd);
  begin(RTM_GETLINK, NLM_F_DUMP, &(struct ifinfomsg){0}, sizeof link); ask("links", fd);
  interfaces();
  link.ifi_index = 99; begin(RTM_NEWLINK, NLM_F_ACK, &link, sizeof link); ask("up 99", fd);
  address.ifa_index = 99; begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK, &address, sizeof address); attribute(IFA_LOCAL, &local, 4); ask("address of 99", fd);
  address.ifa_index = 1; begin(RTM_DELADDR, NLM_F_ACK, &address, sizeof address); attribute(IFA_LOCAL, &local, 4); ask("delete", fd); ask("again", fd);
  begin(RTM_GETADDR, NLM_F_DUMP, &address, sizeof address); ask("addresses", fd);
  begin(NLMSG_NOOP, NLM_F_ACK, "", 0); ask("noop", fd);
  begin(0x7fff, NLM_F_ACK, &link, sizeof link); ask("unknown", fd);
  close(fd);
}

static int named(int type) {
  int fd = socket(AF_UNIX, type, 0);
  struct sockaddr_un a = {.sun_family = AF_UNIX}; strcpy(a.sun_path + 1, "troupe-netlink-test");
  if (bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 20) || listen(fd, 1)) SAY("bind: %s\n", strerrorname_np(errno));
  return fd;
}

static void reach(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un a = {.sun_family = AF_UNIX}; strcpy(a.sun_path + 1, "troupe-netlink-test");
  TRY(connect(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 20));
  close(fd);
}

static sem_t told;
static void on_message(union sigval v) { SAY("thread got %d\n", v.sival_int); sem_post(&told); }
static void notify(void) {
  struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 8}; char b[8];
  mqd_t q = mq_open("/troupe-netlink", O_CREAT | O_RDWR, 0600, &attr); mq_unlink("/troupe-netlink");
  sem_init(&told, 0, 0);
  struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message, .sigev_value.sival_int = 42};
  TRY(mq_notify(q, &ev)); TRY(mq_notify(q, &ev));
  mq_send(q, "a", 1, 0); sem_wait(&told); mq_receive(q, b, 8, 0);
  ev.sigev_value.sival_int = 43; TRY(mq_notify(q, &ev)); mq_send(q, "a", 1, 0); sem_wait(&told); mq_receive(q, b, 8, 0);
  TRY(mq_notify(q, &ev)); TRY(mq_notify(q, 0)); TRY(mq_notify(q, &ev));
  mq_close(q);
}

int main(void) {
  ports();
  int fd = named(SOCK_STREAM);
  reach();
  if (fork() == 0) {
    TRY(unshare(CLONE_NEWUSER | CLONE_NEWNET));
    reach();
    close(named(SOCK_STREAM));
    interfaces();
    requests();
    _exit(0);
  }
  wait(0);
  close(fd);
  notify();
  return 0;
}
