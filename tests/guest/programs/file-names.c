// Calls on names: directories, links, renames, paths, with results and errors.
#include "file-report.h"

static void setup(void) {
  R(fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0666));
  R(write(fd, "some bytes", 10));
}

static void directories(void) {
  R(mkdir("d", 0777));
  R(mkdir("d", 0777));
  R(mkdir("d/", 0777));
  R(mkdir("x/y", 0777));
  R(mkdir("f/y", 0777));
  R(mkdir("e/", 01777));
  st("d");
  st("e");
  R(mkdir("", 0777));
  R(mkdir(".", 0777));
  R(mkdir("d/..", 0777));
  R(mkdir("/", 0777));
  R(rmdir("d/."));
  R(rmdir("d/.."));
  R(rmdir("/"));
  R(rmdir("f"));
  R(rmdir("nope"));
  R(mkdirat(AT_FDCWD, "d/s", 0700));
  R(rmdir("d"));
  R(unlink("d"));
  R(unlink("d/"));
  R(unlink("f/"));
  R(unlink("nope"));
  R(unlink("."));
  R(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
  R(unlinkat(AT_FDCWD, "f", 0x77));
  R(unlinkat(98, "f", 0));
  R(unlinkat(fd, "f", 0));
}

static void links_and_open_flags(void) {
  R(symlink("f", "l"));
  R(symlink("f", "l"));
  R(symlink("", "l2"));
  R(symlink("nowhere", "dang"));
  R(symlink("loop", "loop"));
  R(readlink("l", buf, 1));
  R(readlink("l", buf, 100));
  R(readlink("f", buf, 100));
  R(readlink("l", buf, 0));
  R(readlink("l", buf, -1));
  R(open("loop", O_RDONLY));
  R(open("l", O_RDONLY | O_NOFOLLOW));
  R(open("dang", O_RDONLY));
  R(open("dang", O_CREAT | O_EXCL, 0600));
  R(open("l/", O_RDONLY));
  R(open("f/", O_RDONLY));
  R(open("new/", O_CREAT | O_WRONLY, 0600));
  R(open("d", O_WRONLY));
  R(open("d", O_CREAT, 0600));
  R(open("f", O_DIRECTORY));
  R(open("", O_RDONLY));
  R(open("d", O_CREAT | O_DIRECTORY, 0600));
}

static void hard_links(void) {
  R(link("f", "h"));
  R(link("f", "h"));
  R(link("d", "hd"));
  R(link("nope", "h2"));
  R(link("l", "hl"));
  st("hl");
  R(linkat(AT_FDCWD, "l", AT_FDCWD, "hf", AT_SYMLINK_FOLLOW));
  st("hf");
  st("f");
}

static void renames(void) {
  R(rename("hf", "h"));
  st("h");
  R(rename("nope", "x"));
  R(rename("f", "d"));
  R(rename("d", "f"));
  R(rename("d", "d/s/x"));
  R(rename("d/s", "d"));
  R(rename("f", "g/"));
  R(rename("d", "dd/"));
  R(rename("dd", "d"));
  R(rename("d/.", "z"));
  R(rename("d", "e/.."));
  R(rename("h", "h"));
  R(renameat2(AT_FDCWD, "h", AT_FDCWD, "f", RENAME_NOREPLACE));
  R(renameat2(AT_FDCWD, "f", AT_FDCWD, "d", RENAME_EXCHANGE));
  st("f");
  st("d");
  R(renameat2(AT_FDCWD, "f", AT_FDCWD, "d", RENAME_EXCHANGE));
  R(renameat2(AT_FDCWD, "f", AT_FDCWD, "nope", RENAME_EXCHANGE));
  R(renameat2(AT_FDCWD, "f", AT_FDCWD, "d", 3));
  R(renameat2(AT_FDCWD, "f", AT_FDCWD, "d", 64));
}

static void working_directory(void) {
  R(chdir("d"));
  getcwd(cwd, sizeof cwd);
  printf("%s\n", strrchr(cwd, '/'));
  R(syscall(SYS_getcwd, cwd, 2));
  R(chdir("nope"));
  R(chdir("../f"));
  R(chdir(".."));
  R(dfd = open("d", O_RDONLY | O_DIRECTORY));
  R(fchdir(dfd));
  R(rename("../d", "../ren"));
  getcwd(cwd, sizeof cwd);
  printf("%s\n", strrchr(cwd, '/'));
  R(chdir(".."));
  R(rmdir("ren/s"));
  R(chdir("ren"));
  R(rmdir("../ren"));
  R((long)getcwd(cwd, sizeof cwd) == 0 ? -1 : 0);
  R(open("x", O_CREAT, 0600));
  R(mkdir("y", 0700));
  R(chdir(".."));
  R(syscall(SYS_getdents64, dfd, buf, 4096));
  close(dfd);
}

static void directory_descriptors(void) {
  R(dfd = open("e", O_RDONLY));
  R(openat(dfd, "in", O_CREAT | O_WRONLY, 0600));
  R(openat(fd, "in", O_RDONLY));
  R(openat(97, "in", O_RDONLY));
  R(read(dfd, buf, 10));
  R(write(dfd, buf, 10));
  R(lseek(dfd, 0, SEEK_SET));
  R(syscall(SYS_getdents64, dfd, buf, 10));
  R(ftruncate(dfd, 0));
  R(fsync(dfd));
  R(syscall(SYS_getdents64, fd, buf, 1000));
}

static void open_how_rules(void) {
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
  R(syscall(SYS_openat2, dfd, "in", &how, sizeof how));
  R(syscall(SYS_openat2, dfd, "../f", &how, sizeof how));
  R(syscall(SYS_openat2, dfd, "/etc", &how, sizeof how));
  how.resolve = RESOLVE_IN_ROOT;
  R(syscall(SYS_openat2, dfd, "/in", &how, sizeof how));
  how.resolve = RESOLVE_NO_SYMLINKS;
  R(syscall(SYS_openat2, AT_FDCWD, "l", &how, sizeof how));
  how.resolve = 0x4000;
  R(syscall(SYS_openat2, dfd, "in", &how, sizeof how));
  how.resolve = 0;
  R(syscall(SYS_openat2, dfd, "in", &how, 8));
  how.mode = 0644;
  R(syscall(SYS_openat2, dfd, "in", &how, sizeof how));
}

static void path_descriptors(void) {
  int p;
  R(p = open("e", O_PATH));
  R(fstat(p, &s));
  R(fchmod(p, 0700));
  R(read(p, buf, 1));
  R(openat(p, "in", O_RDONLY));
  R(fchdir(p));
  R(chdir(".."));
  R(ioctl(p, 0x5401, buf));
  R(fcntl(p, F_GETFL) & O_PATH);
  R(lseek(p, 0, SEEK_SET));
}

static void unnamed_files(void) {
  int t;
  R(t = open(".", O_TMPFILE | O_RDWR, 0600));
  R(write(t, "tmp", 3));
  R(fstat(t, &s));
  printf("nlink %d\n", (int)s.st_nlink);
  sprintf(buf, "/proc/self/fd/%d", t);
  R(linkat(AT_FDCWD, buf, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
  st("linked");
  R(open(".", O_TMPFILE, 0600));
}

static void nodes(void) {
  R(mknod("ff", S_IFIFO | 0666, 0));
  st("ff");
  R(mknod("reg", S_IFREG | 0666, 0));
  st("reg");
  R(mknod("dirn", S_IFDIR | 0666, 0));
  R(mkfifo("ff", 0600));
  R(open("ff", O_WRONLY | O_NONBLOCK));
  R(open("ff", O_RDONLY | O_NONBLOCK));
}

int main(void) {
  static void (*const steps[])(void) = {setup, directories, links_and_open_flags, hard_links, renames, working_directory, directory_descriptors, open_how_rules, path_descriptors, unnamed_files, nodes, 0};
  return in_fresh_directory(steps);
}
