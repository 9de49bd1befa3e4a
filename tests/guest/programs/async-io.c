// io_setup, io_submit, io_getevents, io_pgetevents, io_cancel, io_destroy on regular files, with an eventfd.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %ld %s\n", #call, r_ < 0 ? -1 : r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define setup(n, id) syscall(SYS_io_setup, n, id)
#define submit(id, n, list) syscall(SYS_io_submit, id, n, list)
#define get(id, min, max, events, timeout) syscall(SYS_io_getevents, id, min, max, events, timeout)

static aio_context_t context;
static struct iocb request(int op, int fd, void *buffer, size_t size, long long at) {
  struct iocb r = {.aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (unsigned long)buffer, .aio_nbytes = size, .aio_offset = at, .aio_data = size * 1000 + op};
  return r;
}
static void show(struct io_event *events, long count) { for (long i = 0; i < count; i++) SAY("data %llu result %lld %lld\n", events[i].data, events[i].res, events[i].res2); }
static void *late(void *fd) {
  usleep(20000);
  struct iocb w = request(IOCB_CMD_PWRITE, (int)(long)fd, "late", 4, 100), *list[] = {&w};
  submit(context, 1, list);
  return 0;
}

int main(void) {
  aio_context_t none = 0, used = 5;
  TRY(setup(0, &none)); TRY(setup(4, &used)); TRY(setup(4, (void *)8));
  TRY(setup(4, &context));
  char name[] = "/tmp/async-io-XXXXXX", buffer[64] = "", second[64] = "";
  int fd = mkstemp(name), read_only = open(name, O_RDONLY), counter = eventfd(0, 0);
  unlink(name);
  struct iovec parts[] = {{second, 3}, {second + 10, 3}};
  struct iocb w = request(IOCB_CMD_PWRITE, fd, "hello world", 11, 0), r = request(IOCB_CMD_PREAD, fd, buffer, 20, 6), v = request(IOCB_CMD_PREADV, fd, parts, 2, 0), s = request(IOCB_CMD_FSYNC, fd, 0, 0, 0);
  w.aio_flags = v.aio_flags = IOCB_FLAG_RESFD;
  w.aio_resfd = v.aio_resfd = counter;
  struct iocb *list[] = {&w, &r, &v, &s};
  struct io_event events[8];
  TRY(submit(context, 4, list));
  long got = get(context, 4, 8, events, 0);
  show(events, got);
  SAY("'%s' '%s' '%s'\n", buffer, second, second + 10);
  unsigned long long count = 0;
  read(counter, &count, 8);
  SAY("counter %llu\n", count);
  struct iocb bad_fd = request(IOCB_CMD_PREAD, 99, buffer, 1, 0), bad_op = request(77, fd, buffer, 1, 0), closed = request(IOCB_CMD_PWRITE, read_only, "x", 1, 0), fault = request(IOCB_CMD_PREAD, fd, (void *)8, 4, 0);
  struct iocb *bad[] = {&bad_fd}, *op[] = {&bad_op}, *ro[] = {&closed}, *mixed[] = {&r, &bad_fd}, *faulty[] = {&fault};
  TRY(submit(context, 1, bad)); TRY(submit(context, 1, op)); TRY(submit(context, 1, ro)); TRY(submit(context, 2, mixed)); TRY(submit(context, 0, mixed)); TRY(submit(context, -1L, mixed));
  TRY(submit(context, 1, faulty));
  got = get(context, 2, 8, events, 0);
  show(events, got);
  TRY(submit(0x1000, 1, list)); TRY(submit(context, 1, (void *)8));
  struct timespec soon = {0, 10000000};
  TRY(get(context, 1, 8, events, &soon)); TRY(get(context, 0, 8, events, 0)); TRY(get(context, 3, 2, events, 0)); TRY(get(0x1000, 0, 1, events, 0));
  pthread_t thread;
  pthread_create(&thread, 0, late, (void *)(long)fd);
  TRY(get(context, 1, 8, events, 0));
  pthread_join(thread, 0);
  memset(buffer, 0, sizeof buffer);
  pread(fd, buffer, 10, 100);
  SAY("'%s'\n", buffer);
  sigset_t set;
  sigemptyset(&set);
  struct { void *set; size_t size; } mask = {&set, 8};
  TRY(syscall(SYS_io_pgetevents, context, 1, 8, events, &soon, &mask));
  mask.size = 9;
  TRY(syscall(SYS_io_pgetevents, context, 1, 8, events, &soon, &mask));
  TRY(syscall(SYS_io_cancel, context, &w, events));
  TRY(syscall(SYS_io_destroy, context)); TRY(syscall(SYS_io_destroy, context)); TRY(get(context, 0, 1, events, 0));
  return 0;
}
