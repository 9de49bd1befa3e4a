// Capabilities and ids in a user namespace: securebits, keep-caps, bounding and ambient sets, set-ID programs, no_new_privs, prctl options.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { errno = 0; long r_ = (long)(call); SAY("%s: %ld %s\n", #call, r_ < 0 ? -1 : r_, r_ < 0 ? strerrorname_np(errno) : ""); } while (0)
#define IN_CHILD for (pid_t pid_ = fork(), once_ = 1; once_; once_ = 0, pid_ ? (void)waitpid(pid_, 0, 0) : _exit(0)) if (pid_ == 0)

static int put(const char *path, const char *text) { int fd = open(path, O_WRONLY), n = fd < 0 ? -1 : write(fd, text, strlen(text)); close(fd); return n; }

static void caps(const char *what) {
  char text[4096] = "";
  int fd = open("/proc/self/status", O_RDONLY);
  read(fd, text, sizeof text - 1);
  close(fd);
  SAY("%s:", what);
  for (char *at = strstr(text, "CapInh"); at && strncmp(at, "Cap", 3) == 0; at = strchr(at, '\n') + 1) SAY(" %.3s %.16s", at + 3, at + 8);
  SAY("\n");
}

static int capset3(unsigned effective, unsigned permitted, unsigned inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}, {0, 0, 0}};
  return syscall(SYS_capset, &header, data);
}

/** A namespace with ids 0, 1 and 2 where we are privileged; with one id otherwise. */
static int enter(void) {
  unsigned uid = getuid(), gid = getgid();
  char map[96], path[64];
  int ready[2], go[2];
  pipe(ready); pipe(go);
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    char c;
    close(ready[1]);
    read(ready[0], &c, 1);
    sprintf(path, "/proc/%d/gid_map", parent);
    sprintf(map, uid == 0 ? "0 0 3\n" : "0 %u 1\n", gid);
    put(path, map);
    sprintf(path, "/proc/%d/uid_map", parent);
    sprintf(map, uid == 0 ? "0 0 3\n" : "0 %u 1\n", uid);
    put(path, map);
    _exit(0);
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) perror("unshare");
  if (uid != 0) put("/proc/self/setgroups", "deny");
  write(ready[1], "r", 1);
  waitpid(child, 0, 0);
  return uid == 0;
}

int main(int argc, char **argv) {
  alarm(30);
  if (argc > 1 && strcmp(argv[1], "show") == 0) { SAY("ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid()); caps(argv[2]); return 0; }
  int hasIds = enter();
  caps("new namespace");
  IN_CHILD {
    TRY(prctl(PR_CAPBSET_READ, 21)); TRY(prctl(PR_CAPBSET_READ, 77)); TRY(prctl(PR_CAPBSET_DROP, 21)); TRY(prctl(PR_CAPBSET_READ, 21)); TRY(prctl(PR_CAPBSET_DROP, 41));
    caps("still permitted");
    execl("/proc/self/exe", "x", "show", "gone after exec", NULL);
  }
  IN_CHILD {
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 0, 0));
    TRY(capset3(1 << 5 | 1 << 8, 1 << 5 | 1 << 8, 1 << 5));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 8, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 1, 0));
    TRY(prctl(PR_CAP_AMBIENT, 9, 5, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
    caps("ambient");
    TRY(capset3(1 << 5, 1 << 5 | 1 << 9, 0));
    TRY(prctl(PR_SET_SECUREBITS, 1 | 2 | 64));
    TRY(prctl(PR_SET_SECUREBITS, 2));
    TRY(prctl(PR_SET_SECUREBITS, 1 | 2 | 1 << 20));
    TRY(prctl(PR_GET_SECUREBITS));
    TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 0, 0));
    execl("/proc/self/exe", "x", "show", "no root privileges, ambient", NULL);
  }
  IN_CHILD { TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); TRY(capset3(0, 0, 0)); caps("nothing"); TRY(capset3(1, 1, 0)); TRY(sethostname("x", 1)); execl("/proc/self/exe", "x", "show", "root again", NULL); }
  if (hasIds) {
    IN_CHILD { TRY(setuid(1)); caps("user"); TRY(setuid(0)); execl("/proc/self/exe", "x", "show", "user", NULL); }
    IN_CHILD {
      TRY(prctl(PR_SET_KEEPCAPS, 1)); TRY(prctl(PR_GET_KEEPCAPS)); TRY(prctl(PR_SET_KEEPCAPS, 2)); TRY(prctl(PR_GET_SECUREBITS));
      TRY(setresuid(1, 1, 1));
      caps("kept");
      execl("/proc/self/exe", "x", "show", "kept until exec", NULL);
    }
    IN_CHILD { TRY(seteuid(1)); caps("effective user"); TRY(seteuid(0)); caps("and back"); }
    IN_CHILD { TRY(prctl(PR_SET_SECUREBITS, 4)); TRY(setuid(1)); caps("no fixup"); }
    char dir[] = "/tmp/privileges-XXXXXX", program[64];
    mkdtemp(dir);
    mount("none", dir, "tmpfs", 0, 0);
    chmod(dir, 0755);
    sprintf(program, "%s/program", dir);
    IN_CHILD { execlp("cp", "cp", argv[0], program, NULL); }
    chown(program, 2, 2);
    chmod(program, 06755);
    IN_CHILD { execl(program, "x", "show", "set-ID", NULL); }
    IN_CHILD { setgid(1); setuid(1); execl(program, "x", "show", "set-ID of a user", NULL); }
    IN_CHILD { TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); execl(program, "x", "show", "no new privileges", NULL); }
    mount(0, dir, 0, MS_REMOUNT | MS_BIND | MS_NOSUID, 0);
    IN_CHILD { execl(program, "x", "show", "nosuid", NULL); }
    chown(program, 0, 0);
    chmod(program, 04755);
    mount(0, dir, 0, MS_REMOUNT | MS_BIND, 0);
    IN_CHILD { setgid(1); setuid(1); execl(program, "x", "show", "set-ID root", NULL); }
    umount(dir);
    rmdir(dir);
  }
  TRY(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)); TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  TRY(prctl(PR_GET_TIMING)); TRY(prctl(PR_SET_TIMING, 1)); TRY(prctl(PR_SET_DUMPABLE, 2)); TRY(prctl(PR_GET_DUMPABLE));
  TRY(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)); TRY(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); TRY(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  int word = 0;
  TRY(prctl(PR_GET_TSC, &word)); SAY("tsc %d\n", word);
  TRY(prctl(PR_SET_PDEATHSIG, 99)); TRY(prctl(PR_SET_PDEATHSIG, SIGUSR1)); TRY(prctl(PR_GET_PDEATHSIG, &word)); SAY("signal %d\n", word);
  TRY(prctl(PR_SET_CHILD_SUBREAPER, 1)); TRY(prctl(PR_GET_CHILD_SUBREAPER, &word)); SAY("subreaper %d\n", word);
  TRY(prctl(12345)); TRY(syscall(SYS_vhangup));
  return 0;
}
