// Calls on contents and attributes of files, with results and errors.
#include "file-report.h"

static void basic_io(void) {
  R(fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0666));
  R(open("f", O_RDWR | O_CREAT | O_EXCL, 0666));
  R(write(fd, "hello world", 11));
  R(lseek(fd, 0, SEEK_SET));
  R(read(fd, buf, 5));
  R(lseek(fd, 0, SEEK_CUR));
  R(lseek(fd, -1, SEEK_SET));
  R(lseek(fd, -3, SEEK_END));
  R(lseek(fd, 0, 99));
  R(pread(fd, buf, 100, 6));
  R(pread(fd, buf, 100, -1));
  R(pwrite(fd, "XY", 2, 20));
  st("f");
  R(pread(fd, buf, 100, 11));
  printf("%d %d %c\n", buf[0], buf[8], buf[9]);
  R(fcntl(fd, F_GETFL));
  R(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
  R(fcntl(fd, F_GETFL));
  R(pwrite(fd, "app", 3, 0));
  st("f");
  R(fcntl(fd, F_SETFL, 0));
  struct iovec iov[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
  R(writev(fd, iov, 3));
  R(writev(fd, iov, -1));
  R(writev(fd, iov, 1025));
  R(pwritev(fd, iov, 3, 0));
  R(pwritev2(fd, iov, 3, -1, 0));
  R(preadv(fd, (struct iovec[]){{buf, 3}, {buf + 10, 3}}, 2, 0));
  printf("%.3s %.3s\n", buf, buf + 10);
  R(preadv2(fd, (struct iovec[]){{buf, 3}}, 1, 0, 0x1000));
  R(read(fd, (void *)8, 5));
  R(write(fd, (void *)8, 5));
  R(read(99, buf, 1));
  R(write(99, buf, 1));
  R(read(fd, buf, 0));
  R(write(fd, buf, 0));
  R(fd2 = open("f", O_RDONLY));
  R(write(fd2, "x", 1));
  R(ftruncate(fd2, 1));
  R(fallocate(fd2, 0, 0, 10));
  close(fd2);
  R(fd2 = open("f", O_WRONLY));
  R(read(fd2, buf, 1));
  close(fd2);
  R(ftruncate(fd, 5));
  st("f");
  R(ftruncate(fd, -1));
  R(truncate("f", 7));
  R(truncate("nope", 7));
  R(truncate(".", 7));
  st("f");
  R(fallocate(fd, 0, 0, 100));
  st("f");
  R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 200));
  st("f");
  R(fallocate(fd, 0, -1, 10));
  R(fallocate(fd, 0, 0, 0));
  R(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  R(posix_fadvise(fd, 0, 0, 77));
  R(readahead(fd, 0, 100));
  R(sync_file_range(fd, 0, 0, 2));
  R(fsync(fd));
  R(fdatasync(fd));
  R(syncfs(fd));
}

static void big_io(void) {
  char *big = malloc(BIG);
  memset(big, 'q', BIG);
  R(pwrite(fd, big, BIG, 0));
  memset(big, 0, BIG);
  R(pread(fd, big, BIG, 0));
  printf("%c%c\n", big[0], big[BIG - 1]);
}

static void names(void) {
  R(mkdir("d", 0755));
  R(mkdir("e", 0777));
  R(symlink("f", "l"));
  R(dfd = open("e", O_RDONLY));
  R(close(open("e/in", O_CREAT | O_WRONLY, 0600)));
}

static void owners_and_modes(void) {
  R(chmod("f", 04755));
  st("f");
  R(chmod("nope", 0));
  R(fchmod(fd, 0640));
  R(fchmodat(AT_FDCWD, "f", 0600, 0));
  st("f");
  R(chown("f", 12, 34));
  st("f");
  R(chmod("f", 06755));
  R(chown("f", -1, 35));
  st("f");
  R(lchown("l", 7, 8));
  st("l");
  R(fchown(fd, 0, 0));
  R(fchownat(AT_FDCWD, "l", 1, 2, AT_SYMLINK_NOFOLLOW));
  st("l");
  R(fchownat(fd, "", 3, 4, AT_EMPTY_PATH));
  st("f");
  R(fchownat(fd, "", 3, 4, 0));
  R(chown("f", 0, 0));
  chmod("f", 0644);
}

static void access_checks(void) {
  R(access("f", R_OK | W_OK));
  R(access("f", X_OK));
  R(access("nope", F_OK));
  R(access("f", 99));
  R(faccessat(AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW));
  R(access("f/x", F_OK));
}

static void times(void) {
  R(utimensat(AT_FDCWD, "f", ts, 0));
  st_times();
  ts[0].tv_nsec = UTIME_OMIT;
  ts[1].tv_sec = 3000;
  R(futimens(fd, ts));
  st_times();
  ts[0].tv_nsec = 1000000000;
  R(utimensat(AT_FDCWD, "f", ts, 0));
  R(utimensat(AT_FDCWD, "nope", 0, 0));
  struct utimbuf ub = {11, 22};
  R(utime("f", &ub));
  st_times();
  struct timeval tv[2] = {{5, 6}, {7, 8}};
  R(utimes("f", tv));
  st_times();
}

static void stat_calls(void) {
  struct statx sx;
  R(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
  printf("%o %llu %u\n", sx.stx_mode, (unsigned long long)sx.stx_size, sx.stx_nlink);
  R(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &sx));
  R(statx(fd, "", 0, STATX_ALL, &sx));
  R(statx(AT_FDCWD, "f", 0x8000, STATX_ALL, &sx));
  R(statx(AT_FDCWD, "f", 0, 0x80000000, &sx));
  R(fstatat(fd, "", &s, AT_EMPTY_PATH));
  R(fstatat(AT_FDCWD, "l", &s, AT_SYMLINK_NOFOLLOW));
  R(fstatat(AT_FDCWD, "l", &s, 0x40));
  R(fstat(99, &s));
  R(stat("f", (void *)8));
  R(stat((void *)8, &s));
  ls(".");
  ls("nope");
  ls("f");
}

static void copy_ranges(void) {
  loff_t a = 0, b = 4;
  R(c = open("copy", O_RDWR | O_CREAT, 0600));
  R(copy_file_range(fd, &a, c, &b, 1000, 0));
  printf("%ld %ld\n", (long)a, (long)b);
  R(copy_file_range(fd, NULL, c, NULL, 0, 1));
  R(copy_file_range(dfd, NULL, c, NULL, 10, 0));
  st("copy");
}

static void mappings(void) {
  R((m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0)) == MAP_FAILED ? -1 : 0);
  memcpy(m, "mapped!", 7);
  R(pread(c, buf, 7, 0));
  printf("%.7s\n", buf);
  R(pwrite(c, "WRITTEN", 7, 0));
  printf("%.7s\n", m);
  R(msync(m, 8192, MS_SYNC));
  R(munmap(m, 8192));
}

static void memory_files(void) {
  int mf;
  R(mf = memfd_create("mm", MFD_ALLOW_SEALING));
  R(ftruncate(mf, 100));
  R(fcntl(mf, F_ADD_SEALS, F_SEAL_SHRINK));
  R(ftruncate(mf, 10));
  R(ftruncate(mf, 1000));
  R(fcntl(mf, F_GET_SEALS));
  sprintf(buf, "/proc/self/fd/%d", mf);
  R(readlink(buf, cwd, 100));
  printf("%.22s\n", cwd);
  R(memfd_create("mm", 0x800));
  R(lseek(mf, 0, SEEK_DATA));
  R(lseek(mf, 0, SEEK_HOLE));
  R(lseek(mf, 5000, SEEK_HOLE));
  R(pwrite(mf, "x", 1, 8192));
  R(lseek(mf, 0, SEEK_DATA));
  R(lseek(mf, 0, SEEK_HOLE));
}

static void size_limit(void) {
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit rl = {10, RLIM_INFINITY};
  R(setrlimit(RLIMIT_FSIZE, &rl));
  R(fd2 = open("lim", O_CREAT | O_RDWR, 0600));
  R(write(fd2, "123456789012345", 15));
  R(write(fd2, "1", 1));
  R(ftruncate(fd2, 11));
  rl.rlim_cur = RLIM_INFINITY;
  R(setrlimit(RLIMIT_FSIZE, &rl));
}

static void file_system_info(void) {
  struct statfs sf;
  R(statfs(".", &sf));
  R(fstatfs(fd, &sf));
  R(statfs("nope", &sf));
  R(umask(077));
  R(umask(022));
}

static void devices(void) {
  R(open("/dev/full", O_WRONLY) > 0);
  fd2 = open("/dev/full", O_RDWR);
  R(write(fd2, "x", 1));
  R(read(fd2, buf, 5));
  fd2 = open("/dev/null", O_RDWR);
  R(write(fd2, "x", 1));
  R(read(fd2, buf, 1));
  R(lseek(fd2, 100, SEEK_SET));
  fd2 = open("/dev/zero", O_RDWR);
  R(read(fd2, buf, 100));
  R((m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd2, 0)) == MAP_FAILED);
  R(m[0] = 5);
  fd2 = open("/dev/urandom", O_RDONLY);
  R(read(fd2, buf, 256));
  st("/dev/null");
}

static void as_other_user(void) {
  setgid(1000);
  setuid(1000);
  R(open("f", O_WRONLY));
  R(open("f", O_RDONLY));
  R(mkdir("nope", 0700));
  R(unlink("f"));
  R(chmod("f", 0777));
  R(chown("f", 1000, 1000));
  R(rename("f", "f2"));
  R(utimensat(AT_FDCWD, "f", ts, 0));
  R(link("f", "f3"));
  R(access("f", W_OK));
  R(open("e/in", O_RDONLY));
  R(mkdir("e/mine", 0700));
  R(rmdir("e/in2"));
  R(unlink("e/in"));
  R(mknod("e/dev", S_IFCHR | 0600, 0x103));
  R(chroot("/"));
  R(setxattr("f", "trusted.k", "v", 1, 0));
  R(open("e/u", O_CREAT | O_WRONLY, 0600));
  R(chmod("e/u", 02777));
  st("e/u");
  R(chown("e/u", 1000, 1001));
  R(chown("e/u", 0, -1));
}

int main(void) {
  static void (*const steps[])(void) = {basic_io, big_io, names, owners_and_modes, access_checks, times, stat_calls, copy_ranges, mappings, memory_files, size_limit, file_system_info, devices, as_other_user, 0};
  return in_fresh_directory(steps);
}
