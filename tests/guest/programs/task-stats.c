// NETLINK_GENERIC: the controller, and statistics of tasks (linux/genetlink.h, linux/taskstats.h).
#define _GNU_SOURCE
#include <errno.h>
#include <linux/acct.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fd, family;
static struct { struct nlmsghdr n; struct genlmsghdr g; char data[512]; } out;
static char in[65536] __attribute__((aligned(8)));

static void begin(int type, int flags, int cmd) {
  memset(&out, 0, sizeof out);
  out.n = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 7};
  out.g.cmd = cmd, out.g.version = 1;
}
static void attribute(int type, const void *data, int size) {
  struct nlattr *a = (void *)((char *)&out + out.n.nlmsg_len);
  a->nla_type = type, a->nla_len = NLA_HDRLEN + size, memcpy(a + 1, data, size), out.n.nlmsg_len += NLA_ALIGN(a->nla_len);
}
static struct nlattr *find(void *from, int bytes, int type) {
  for (char *p = from; p < (char *)from + bytes; p += NLA_ALIGN(((struct nlattr *)p)->nla_len)) if (((struct nlattr *)p)->nla_type == type) return (void *)p;
  return 0;
}

static int base;
static void stats(const struct nlattr *all) {
  void *inside = (void *)(all + 1); int bytes = all->nla_len - NLA_HDRLEN, is_group = all->nla_type == TASKSTATS_TYPE_AGGR_TGID;
  struct nlattr *id = find(inside, bytes, is_group ? TASKSTATS_TYPE_TGID : TASKSTATS_TYPE_PID), *s = find(inside, bytes, TASKSTATS_TYPE_STATS);
  static struct taskstats t; memset(&t, 0, sizeof t), memcpy(&t, s + 1, sizeof t);
  printf("  %s %d enough %d", is_group ? "tgid" : "pid", *(int *)(id + 1) - base, s->nla_len >= NLA_HDRLEN + (int)sizeof t && t.version >= (is_group ? 0 : TASKSTATS_VERSION));
  if (is_group) { puts(*(int *)(id + 1) == getpid() ? "" : t.nvcsw + t.nivcsw > 1 ? " has waited" : " has not waited"); return; }
  printf(" \"%s\" uid %u gid %u pid %d tgid %d ppid %d nice %d sched %u exit %x flag %x", t.ac_comm, t.ac_uid, t.ac_gid, (int)t.ac_pid - base, (int)t.ac_tgid - base, t.ac_ppid == (unsigned)getpid() || t.ac_ppid == (unsigned)getppid(), (signed char)t.ac_nice, t.ac_sched, t.ac_exitcode, t.ac_flag & ~(ASU | ACORE));
  printf(" time %d begin %d faults %d\n", t.ac_etime > 0 && t.ac_etime < 60000000, labs((long)t.ac_btime64 - time(0)) < 60, t.ac_minflt > 0);
}

static void show(int n) {
  for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
    if (h->nlmsg_type == NLMSG_ERROR) printf("  error %d flags %x\n", *(int *)NLMSG_DATA(h), h->nlmsg_flags);
    else if (h->nlmsg_type == NLMSG_DONE) puts("  done");
    else {
      struct genlmsghdr *g = NLMSG_DATA(h); void *data = g + 1; int bytes = h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
      if (h->nlmsg_type == GENL_ID_CTRL) {
        char *name = (char *)(find(data, bytes, CTRL_ATTR_FAMILY_NAME) + 1); int id = *(unsigned short *)(find(data, bytes, CTRL_ATTR_FAMILY_ID) + 1);
        if (strcmp(name, "TASKSTATS") == 0) family = id; else if (strcmp(name, "nlctrl")) continue;
        printf("  cmd %d version %d flags %x %s version %u header %u max %u%s\n", g->cmd, g->version, h->nlmsg_flags, name, *(unsigned *)(find(data, bytes, CTRL_ATTR_VERSION) + 1), *(unsigned *)(find(data, bytes, CTRL_ATTR_HDRSIZE) + 1), *(unsigned *)(find(data, bytes, CTRL_ATTR_MAXATTR) + 1), id == GENL_ID_CTRL ? " fixed" : "");
        struct nlattr *ops = find(data, bytes, CTRL_ATTR_OPS), *op = (void *)(ops + 1);
        printf("  first op %d type %d id %u flags %x\n", id == GENL_ID_CTRL, op->nla_type, *(unsigned *)((char *)op + 8), *(unsigned *)((char *)op + 16));
      } else {
        printf("  cmd %d version %d flags %x seq %u to me %d\n", g->cmd, g->version, h->nlmsg_flags, h->nlmsg_pid ? h->nlmsg_seq : 0, h->nlmsg_pid != 0);
        for (int type = TASKSTATS_TYPE_AGGR_PID; type <= TASKSTATS_TYPE_AGGR_TGID; type++) { struct nlattr *a = find(data, bytes, type); if (a) stats(a); }
      }
    }
  }
}
static void ask(const char *what) {
  printf("%s %d\n", what, (int)send(fd, &out, out.n.nlmsg_len, 0) == (int)out.n.nlmsg_len);
  for (int n; (n = recv(fd, in, sizeof in, MSG_DONTWAIT)) > 0;) show(n);
}
static void ask_for(const char *what, int attr, int id) { begin(family, 0, TASKSTATS_CMD_GET), attribute(attr, &id, 4), ask(what); }

/* The messages about the ends of `count` tasks from `first` on. */
static void ends(const char *what, int first, int count) {
  puts(what);
  struct pollfd p = {fd, POLLIN, 0};
  while (count > 0 && poll(&p, 1, 5000) == 1) {
    int n = recv(fd, in, sizeof in, 0);
    struct nlattr *a = find((char *)in + NLMSG_LENGTH(GENL_HDRLEN), n - NLMSG_LENGTH(GENL_HDRLEN), TASKSTATS_TYPE_AGGR_PID);
    int id = a ? *(int *)((char *)(a + 1) + NLA_HDRLEN) : 0;
    if (id >= first && id < first + 2) show(n), count--;
  }
}

static void *thread(void *sleeps) { prctl(PR_SET_NAME, "worker"); struct timespec t = {0, 20000000}; nanosleep(&t, 0); return sleeps; }

static void families(void) {
  unsigned short ctrl = GENL_ID_CTRL, none = 0x3ff;
  begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10), ask("by name");
  begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_ID, &ctrl, 2), ask("by id");
  begin(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10), ask("acknowledged");
  begin(GENL_ID_CTRL, NLM_F_DUMP, CTRL_CMD_GETFAMILY), ask("all");
  begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_NAME, "nothing", 8), ask("unknown name");
  begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_ID, &none, 2), ask("unknown id");
  begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), ask("nothing");
  begin(GENL_ID_CTRL, 0, 99), ask("unknown command"), begin(none, 0, 1), ask("no family");
}

int main(void) {
  struct sockaddr_nl a = {.nl_family = AF_NETLINK};
  if (geteuid() != 0) { puts("not root"); return 0; }
  base = getpid(), prctl(PR_SET_NAME, "task stats"), setpriority(PRIO_PROCESS, 0, 15);
  fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
  if (fd < 0 || bind(fd, (void *)&a, sizeof a)) return 1;
  families();
  ask_for("pid", TASKSTATS_CMD_ATTR_PID, base), ask_for("tgid", TASKSTATS_CMD_ATTR_TGID, base), ask_for("nobody", TASKSTATS_CMD_ATTR_PID, 4194300), ask_for("no group", TASKSTATS_CMD_ATTR_TGID, 4194300);
  begin(family, 0, TASKSTATS_CMD_GET), ask("no attribute"), begin(family, NLM_F_DUMP, TASKSTATS_CMD_GET), ask("dump"), begin(family, 0, 99), ask("unknown command");
  begin(family, 0, TASKSTATS_CMD_GET), attribute(TASKSTATS_CMD_ATTR_PID, &base, 2), ask("short");
  begin(family, 0, TASKSTATS_CMD_GET), attribute(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, "what", 5), ask("bad list");
  char cores[32]; sprintf(cores, "0-%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
  begin(family, NLM_F_ACK, TASKSTATS_CMD_GET), attribute(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cores, strlen(cores) + 1), ask("register");
  fflush(stdout);
  if ((base = fork()) == 0) _exit(3);
  ends("exit", base, 1), waitpid(base, 0, 0), fflush(stdout);
  if ((base = fork()) == 0) abort();
  ends("abort", base, 1), waitpid(base, 0, 0), fflush(stdout);
  if ((base = fork()) == 0) { pthread_t t; pthread_create(&t, 0, thread, 0), pthread_join(t, 0); struct timespec s = {0, 50000000}; nanosleep(&s, 0); _exit(4); }
  ends("thread", base, 2), waitpid(base, 0, 0);
  begin(family, NLM_F_ACK, TASKSTATS_CMD_GET), attribute(TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, cores, strlen(cores) + 1), send(fd, &out, out.n.nlmsg_len, 0);
  close(fd), fflush(stdout);
  if (fork() == 0) {
    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    if (setuid(1000)) return 1;
    base = getpid(), ask_for("not allowed", TASKSTATS_CMD_ATTR_PID, base), begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY), attribute(CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10), ask("allowed"), exit(0);
  }
  wait(0);
  return 0;
}
