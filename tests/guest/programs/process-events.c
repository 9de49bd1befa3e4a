// NETLINK_CONNECTOR: the events of processes (linux/cn_proc.h), as those of this program and its children.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(e) do { long r_ = (e); printf("%s = %ld %s\n", #e, r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)

/* Ids in the order in which they came into being. */
static int ids[64], count;
static const char *shown(int id) {
  static char texts[4][16];
  static int turn;
  for (int i = 0; i < count; i++) if (ids[i] == id) { char *t = texts[turn++ & 3]; sprintf(t, "#%d", i); return t; }
  return id == 0 ? "0" : "other";
}
static int is_ours(int id) { for (int i = 0; i < count; i++) if (ids[i] == id) return 1; return 0; }

static int sock = -1;
static struct __attribute__((packed)) { struct nlmsghdr head; struct cn_msg message; unsigned op; } out;
static void control(unsigned op, int bytes, int ack) {
  memset(&out, 0, sizeof out);
  out.head = (struct nlmsghdr){.nlmsg_len = sizeof out.head + sizeof out.message + bytes, .nlmsg_type = NLMSG_DONE, .nlmsg_pid = getpid()};
  out.message.id.idx = CN_IDX_PROC, out.message.id.val = CN_VAL_PROC, out.message.len = bytes, out.message.seq = 77, out.message.ack = ack;
  out.op = op;
  if (send(sock, &out, out.head.nlmsg_len, 0) != out.head.nlmsg_len) printf("send %s\n", strerrorname_np(errno));
}

static const char *name_of(unsigned what) {
  switch (what) {
    case PROC_EVENT_NONE: return "none"; case PROC_EVENT_FORK: return "fork"; case PROC_EVENT_EXEC: return "exec"; case PROC_EVENT_UID: return "uid";
    case PROC_EVENT_GID: return "gid"; case PROC_EVENT_SID: return "sid"; case PROC_EVENT_PTRACE: return "ptrace"; case PROC_EVENT_COMM: return "comm";
    case PROC_EVENT_COREDUMP: return "coredump"; case PROC_EVENT_EXIT: return "exit"; default: return "?";
  }
}

/* Prints an event of ours. */
static void show(const struct proc_event *e) {
  const int pid = e->event_data.exec.process_pid, tgid = e->event_data.exec.process_tgid;
  if (e->what == PROC_EVENT_FORK && is_ours(e->event_data.fork.parent_tgid)) ids[count++] = e->event_data.fork.child_pid;
  if (e->what != PROC_EVENT_NONE && !is_ours(pid)) return;
  if (e->what != PROC_EVENT_NONE) printf("  %s %s of %s", name_of(e->what), shown(pid), shown(tgid));
  switch (e->what) {
    case PROC_EVENT_NONE: printf("  none %u", e->event_data.ack.err); break;
    case PROC_EVENT_FORK: printf(" makes %s of %s", shown(e->event_data.fork.child_pid), shown(e->event_data.fork.child_tgid)); break;
    case PROC_EVENT_UID: case PROC_EVENT_GID: printf(" %u %u", e->event_data.id.r.ruid, e->event_data.id.e.euid); break;
    case PROC_EVENT_PTRACE: printf(" by %s of %s", shown(e->event_data.ptrace.tracer_pid), shown(e->event_data.ptrace.tracer_tgid)); break;
    case PROC_EVENT_COMM: printf(" \"%s\"", e->event_data.comm.comm); break;
    case PROC_EVENT_COREDUMP: printf(" parent %s of %s", shown(e->event_data.coredump.parent_pid), shown(e->event_data.coredump.parent_tgid)); break;
    case PROC_EVENT_EXIT: printf(" code %x signal %d parent %s of %s", e->event_data.exit.exit_code, (int)e->event_data.exit.exit_signal, shown(e->event_data.exit.parent_pid), shown(e->event_data.exit.parent_tgid)); break;
    default: break;
  }
  puts("");
}

/* Reads until the event `end` of the process `id`. */
static void until(unsigned end, int id) {
  char in[4096] __attribute__((aligned(8)));
  struct pollfd p = {sock, POLLIN, 0};
  while (poll(&p, 1, 10000) == 1) {
    struct sockaddr_nl from; socklen_t n = sizeof from;
    ssize_t got = recvfrom(sock, in, sizeof in, 0, (void *)&from, &n);
    if (got < 0) { printf("recv %s\n", strerrorname_np(errno)); return; }
    struct nlmsghdr *h = (void *)in; struct cn_msg *m = NLMSG_DATA(h); struct proc_event *e = (void *)m->data;
    if (h->nlmsg_type != NLMSG_DONE || h->nlmsg_pid || h->nlmsg_seq != m->seq || m->id.idx != CN_IDX_PROC || m->id.val != CN_VAL_PROC || from.nl_pid || from.nl_groups != 1) puts("odd head");
    if (h->nlmsg_len != got || m->len != sizeof *e || got != (ssize_t)(sizeof *h + sizeof *m + sizeof *e) || e->timestamp_ns == 0) printf("odd size %zd %u %u\n", got, h->nlmsg_len, m->len);
    if (e->what == PROC_EVENT_NONE) printf("  ack %u\n", m->ack);
    show(e);
    if (e->what == end && (end == PROC_EVENT_NONE || e->event_data.exec.process_pid == id)) return;
  }
  puts("  nothing more");
}

/* The event of an end comes a little later than what waits for it goes on. */
static void settle(void) { struct timespec t = {0, 100000000}; nanosleep(&t, 0); }
static void *thread(void *unused) { (void)unused; prctl(PR_SET_NAME, "worker"); return 0; }
static void in_thread(void) { pthread_t t; pthread_create(&t, 0, thread, 0); pthread_join(t, 0); settle(); }
static void exits(void) { _exit(3); }
static void signalled(void) { raise(SIGKILL); }
static void dumps(void) { struct rlimit none = {0, 0}; setrlimit(RLIMIT_CORE, &none); abort(); }
static void session(void) { if (setsid() < 0) _exit(1); if (setsid() >= 0) _exit(2); }
static void named(void) { prctl(PR_SET_NAME, "a name that is too long"); int f = syscall(SYS_openat, -100, "/proc/self/comm", 1, 0); if (write(f, "other", 5) != 5) _exit(1); }
static void groups(void) { if (syscall(SYS_setresgid, 5, 6, 7) || syscall(SYS_setresgid, 5, 6, 7) || syscall(SYS_setfsgid, 8) < 0 || syscall(SYS_setgid, 9)) _exit(1); }
static void users(void) { if (syscall(SYS_setresuid, -1, -1, 5) || syscall(SYS_setfsuid, 6) < 0 || syscall(SYS_setuid, 7) || syscall(SYS_setuid, 7)) _exit(1); }
static void executes(void) { execl("/proc/self/exe", "process-events", "end", (char *)0); _exit(1); }
static void virtual(void) { if (vfork() == 0) _exit(4); int s; wait(&s); settle(); }
static void clones(void) { if (syscall(SYS_clone, 0, 0, 0, 0, 0) == 0) _exit(0); int s; waitpid(-1, &s, __WALL); settle(); }

static void child(const char *name, void (*run)(void)) {
  printf("%s\n", name); fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { run(); _exit(0); }
  until(PROC_EVENT_EXIT, pid);
  int status; waitpid(pid, &status, 0); printf("  status %x\n", status);
}

static void traced(void) {
  puts("traced"); fflush(stdout);
  pid_t pid = fork(); int status;
  if (pid == 0) for (;;) pause();
  ptrace(PTRACE_SEIZE, pid, 0, 0), ptrace(PTRACE_INTERRUPT, pid, 0, 0), waitpid(pid, &status, __WALL), ptrace(PTRACE_DETACH, pid, 0, 0), kill(pid, SIGTERM);
  until(PROC_EVENT_EXIT, pid), waitpid(pid, &status, 0);
}

static int listen_again(void) {
  struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
  int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
  if (fd < 0 || bind(fd, (void *)&a, sizeof a)) printf("socket: %s\n", strerrorname_np(errno));
  return fd;
}

int main(int argc, char **argv) {
  if (argc > 1) return 5;
  if (geteuid() != 0) { puts("not root"); return 0; }
  ids[count++] = getpid();
  sock = listen_again();
  control(PROC_CN_MCAST_LISTEN, 4, 5), until(PROC_EVENT_NONE, 0);
  child("exit", exits), child("signal", signalled), child("dump", dumps), child("thread", in_thread), child("session", session), child("name", named), child("group", groups), child("user", users), child("exec", executes), child("vfork", virtual), child("clone", clones);
  traced();
  int other = listen_again(), first = sock;
  child("two sockets", exits);
  sock = other, puts("the other"), until(PROC_EVENT_EXIT, ids[count - 1]);
  close(other), sock = first;
  control(9, 4, 0), until(PROC_EVENT_NONE, 0);
  close(sock), fflush(stdout);
  if (fork() == 0) { TRY(unshare(CLONE_NEWNET)); sock = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR), control(PROC_CN_MCAST_LISTEN, 4, 0), exit(0); }
  wait(0);
  return 0;
}
