// seccomp_unotify(2): a supervisor answers, lets calls continue, gives descriptors, and goes away.
#include "ptrace.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int listener(unsigned flags, int nr) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { 4, filter };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void report(const char *what, long result) { printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : ""); }

static void send_fd(int socket, int fd) {
  char data = 'x', control[CMSG_SPACE(sizeof fd)] = { 0 };
  struct iovec iov = { &data, 1 };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  sendmsg(socket, &message, 0);
}

static int receive_fd(int socket) {
  char data, control[CMSG_SPACE(sizeof(int))];
  struct iovec iov = { &data, 1 };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  int fd = -1;
  if (recvmsg(socket, &message, 0) > 0) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static volatile int alarms;
static void on_alarm(int signo) { alarms++; }

// The calls of the supervised process, one after the other.
static void supervised(int socket) {
  int fd = listener(0, SYS_getppid);
  printf("cloexec %d\n", fcntl(fd, F_GETFD) & FD_CLOEXEC);
  int again = listener(0, SYS_getuid);
  report("second listener", again);
  send_fd(socket, fd);
  close(fd);
  report("value", syscall(SYS_getppid, 11, 22));
  report("error", syscall(SYS_getppid));
  report("continued", syscall(SYS_getppid) == getpid() ? -2 : 0);
  long given = syscall(SYS_getppid);
  char text[8] = { 0 };
  printf("given %ld read %zd '%s'\n", given, read(7, text, 5), text);
  given = syscall(SYS_getppid);
  printf("given %d cloexec %d\n", given > 2, fcntl(given, F_GETFD) & FD_CLOEXEC);
  struct sigaction action = { .sa_handler = on_alarm };
  sigaction(SIGUSR1, &action, 0);
  report("interrupted", syscall(SYS_getppid));
  printf("alarms %d\n", alarms);
  report("after the supervisor", syscall(SYS_getppid));
  report("once more", syscall(SYS_getppid));
  _exit(9);
}

static struct seccomp_notif request_;
static void receive(int fd) {
  memset(&request_, 0, sizeof request_);
  report("recv", ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request_));
}

static long answer(int fd, unsigned long long id, long long value, int error, unsigned flags) {
  struct seccomp_notif_resp response = { id, value, error, flags };
  return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static int ready(int fd) {
  struct pollfd poll_ = { fd, POLLIN | POLLOUT };
  poll(&poll_, 1, 0);
  return poll_.revents;
}

static void supervise(pid_t pid, int fd) {
  receive(fd);
  printf("nr %d arch %x args %llu %llu pid %d flags %u\n", request_.data.nr, request_.data.arch, request_.data.args[0], request_.data.args[1], request_.pid == pid, request_.flags);
  printf("ready %x\n", ready(fd));
  report("valid", ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &request_.id));
  report("bad flags", answer(fd, request_.id, 0, 0, 4));
  report("continue with value", answer(fd, request_.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  report("unknown id", answer(fd, request_.id + 1000, 0, 0, 0));
  report("dirty recv", ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request_));
  report("answer", answer(fd, request_.id, 4321, 0, 0));
  usleep(30000);
  report("twice", answer(fd, request_.id, 4321, 0, 0));
  receive(fd);
  answer(fd, request_.id, 0, -ENOTTY, 0);
  receive(fd);
  report("continue", answer(fd, request_.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  receive(fd);
  int pipes[2];
  pipe(pipes);
  write(pipes[1], "hello", 5);
  struct seccomp_notif_addfd add = { request_.id, SECCOMP_ADDFD_FLAG_SETFD, pipes[0], 7, 0 };
  report("setfd", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.flags = 0;
  report("newfd without setfd", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.newfd = 0;
  add.srcfd = 77;
  report("bad source", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.srcfd = pipes[0];
  add.id += 5;
  report("bad id", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  answer(fd, request_.id, 70, 0, 0);
  receive(fd);
  add = (struct seccomp_notif_addfd){ request_.id, SECCOMP_ADDFD_FLAG_SEND, pipes[0], 0, O_CLOEXEC };
  printf("addfd and send %d\n", ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) > 2);
  receive(fd);
  kill(pid, SIGUSR1);
  usleep(30000);
  report("gone", ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &request_.id));
  report("answer to nobody", answer(fd, request_.id, 1, 0, 0));
  report("unknown request", ioctl(fd, SECCOMP_IO(60), 0));
  receive(fd);
  close(fd);
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  int sockets[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
  int lines[2];
  pipe(lines);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(lines[1], 1);
    close(lines[0]);
    supervised(sockets[1]);
  }
  close(lines[1]);
  int fd = receive_fd(sockets[0]);
  supervise(pid, fd);
  await("supervised", pid);
  char text[4096];
  ssize_t size;
  while ((size = read(lines[0], text, sizeof text)) > 0) fwrite(text, 1, size, stdout);
  // The filter's last user is gone: poll tells.
  pid = fork();
  if (pid == 0) {
    send_fd(sockets[1], listener(0, SYS_getuid));
    _exit(0);
  }
  waitpid(pid, 0, 0);
  fd = receive_fd(sockets[0]);
  printf("hang-up %x\n", ready(fd) & POLLHUP);
  return 0;
}
