// The file system as programs see it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>
#define CHECK(e) do { errno = 0; long r = (long)(e); printf("%-44s %ld %s\n", #e, r < 0 ? -1 : r, r < 0 ? strerrorname_np(errno) : ""); } while (0)
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static void list(const char *path) {
  DIR *d = opendir(path); char *names[64]; int n = 0; struct dirent *e;
  while ((e = readdir(d)) && n < 64) { char t = e->d_type == DT_DIR ? '/' : e->d_type == DT_LNK ? '@' : e->d_type == DT_FIFO ? '|' : ' '; char *s; asprintf(&s, "%s%c", e->d_name, t); names[n++] = s; }
  closedir(d); qsort(names, n, sizeof *names, compare);
  printf("%s:", path); for (int i = 0; i < n; i++) printf(" %s", names[i]); printf("\n");
}
int main(void) {
  char dir[] = "/tmp/filesXXXXXX"; mkdtemp(dir); chdir(dir); umask(022);
  CHECK(mkdir("a", 0755)); CHECK(mkdir("a", 0755)); CHECK(mkdir("x/y", 0755)); CHECK(symlink("a", "link")); CHECK(symlink("loop", "loop"));
  CHECK(open("loop/x", O_RDONLY) < 0 ? -1 : 0); CHECK(access("link/", F_OK)); CHECK(mkfifo("fifo", 0600));
  int fd = open("link/file", O_CREAT | O_RDWR | O_EXCL, 0666);
  CHECK(open("a/file", O_CREAT | O_EXCL, 0666)); CHECK(write(fd, "hello world", 11)); CHECK(pwrite(fd, "W", 1, 6)); CHECK(lseek(fd, 0, SEEK_SET));
  char buf[64] = {0}; CHECK(read(fd, buf, 64)); printf("[%s]\n", buf);
  struct iovec iov[2] = {{"ab", 2}, {"cd", 2}}; CHECK(writev(fd, iov, 2)); CHECK(lseek(fd, 5, SEEK_CUR)); CHECK(write(fd, "!", 1)); CHECK(lseek(fd, -3, SEEK_END));
  CHECK(lseek(fd, -30, SEEK_END)); CHECK(ftruncate(fd, 8)); struct stat st; CHECK(fstat(fd, &st)); printf("size %ld mode %o nlink %ld\n", st.st_size, st.st_mode, st.st_nlink);
  CHECK(link("a/file", "hard")); CHECK(stat("hard", &st)); printf("nlink %ld\n", st.st_nlink); CHECK(rename("hard", "a/other")); CHECK(unlink("hard"));
  CHECK(rename("a", "a/b")); CHECK(rmdir("a")); CHECK(unlink("a")); CHECK(chmod("a/file", 0400)); CHECK(stat("a/file", &st)); printf("mode %o\n", st.st_mode & 07777);
  struct timespec ts[2] = {{1000000000, 5}, {1500000000, 7}}; CHECK(utimensat(AT_FDCWD, "a/file", ts, 0)); stat("a/file", &st); printf("times %ld.%ld %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  CHECK(readlink("link", buf, 64)); CHECK(readlink("a", buf, 64)); int d2 = dup(fd); CHECK(d2 == fd + 1); CHECK(fcntl(d2, F_GETFD)); CHECK(fcntl(d2, F_SETFD, FD_CLOEXEC)); CHECK(fcntl(d2, F_GETFD));
  CHECK(fcntl(fd, F_GETFL) & O_ACCMODE); CHECK(dup2(fd, 50)); CHECK(close(50)); CHECK(close(50)); CHECK(flock(fd, LOCK_EX)); CHECK(openat(AT_FDCWD, "nothing", O_RDONLY)); CHECK(open("a/file/x", O_RDONLY)); CHECK(open("a", O_WRONLY));
  int dfd = open("a", O_RDONLY | O_DIRECTORY); CHECK(fstatat(dfd, "file", &st, 0)); CHECK(unlinkat(dfd, "other", 0)); CHECK(fchdir(dfd)); char cwd[256]; getcwd(cwd, 256); printf("%s\n", cwd + strlen(dir)); chdir("..");
  list("."); list("a"); int out = open("copy", O_CREAT | O_WRONLY, 0644); off_t off = 0; CHECK(sendfile(out, fd, &off, 100)); CHECK(stat("copy", &st)); printf("copy %ld\n", st.st_size);
  for (int i = 0; i < 300; i++) { char n[32]; sprintf(n, "many%03d", i); close(open(n, O_CREAT | O_WRONLY, 0600)); }
  DIR *dd = opendir("."); int n = 0; while (readdir(dd)) n++; closedir(dd); printf("entries %d\n", n);
  for (int i = 0; i < 300; i++) { char nm[32]; sprintf(nm, "many%03d", i); unlink(nm); }
  CHECK(faccessat(AT_FDCWD, "copy", X_OK, 0)); CHECK(truncate("copy", 100000)); stat("copy", &st); printf("sparse %ld %d\n", st.st_size, st.st_blocks < 200); CHECK(fallocate(out, 0, 0, 200000)); CHECK(open("/dev/null", O_RDWR) >= 0); CHECK(open("", O_RDONLY));
  int z = open("/dev/zero", O_RDONLY); CHECK(read(z, buf, 16)); printf("zero %d\n", buf[0] + buf[15]); CHECK(unlink("link")); CHECK(unlink("loop")); CHECK(unlink("fifo")); CHECK(unlink("copy")); CHECK(unlink("a/file")); CHECK(rmdir("a")); chdir("/"); CHECK(rmdir(dir));
  return 0;
}
