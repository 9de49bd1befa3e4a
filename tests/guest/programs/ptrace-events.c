// ptrace(2): events of fork, vfork, clone, exec and exit; traced threads; seized tasks, interrupt, listen; tracers that die.
#include "ptrace.h"
#include <pthread.h>

static void *thread_main(void *argument) {
  syscall(SYS_exit, 9);
  return 0;
}

static void family(void) {
  raise(SIGSTOP);
  pid_t child = fork();
  if (child == 0) _exit(21);
  waitpid(child, 0, 0);
  child = vfork();
  if (child == 0) _exit(22);
  waitpid(child, 0, 0);
  pthread_t thread;
  pthread_create(&thread, 0, thread_main, 0);
  pthread_join(thread, 0);
  execl("/proc/self/exe", "ptrace-events", "again", (char *)0);
}

static const char *event_name(int event) {
  static const char *const names[] = { "none", "FORK", "VFORK", "CLONE", "EXEC", "VFORK_DONE", "EXIT", "SECCOMP" };
  return event == PTRACE_EVENT_STOP ? "STOP" : names[event & 7];
}

// Waits for any tracee and lets it go on, until the first one has ended. Children report under the number they came with.
static void follow(pid_t first) {
  pid_t known[8] = { first };
  int count = 1, status;
  char lines[8][4096] = { { 0 } };
  for (int live = 1; live > 0;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0) break;
    int who = 0;
    while (who < count && known[who] != pid) who++;
    if (who == count) { known[count++] = pid; live++; }
    char *line = lines[who] + strlen(lines[who]);
    size_t room = sizeof lines[who] - strlen(lines[who]);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      live--;
      snprintf(line, room, WIFEXITED(status) ? "  ended %d\n" : "  killed %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
      continue;
    }
    int event = status >> 16;
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    if (event == PTRACE_EVENT_EXIT) snprintf(line, room, "  event EXIT %lx\n", message);
    else if (event == PTRACE_EVENT_EXEC) snprintf(line, room, "  event EXEC %d\n", (pid_t)message == pid);
    else if (event && event != PTRACE_EVENT_STOP) snprintf(line, room, "  event %s %d\n", event_name(event), message > 0);
    else snprintf(line, room, "  stop %s %s\n", signame(WSTOPSIG(status)), event_name(event));
    int signo = event == 0 && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
    ptrace(PTRACE_CONT, pid, 0, (void *)(long)signo);
  }
  for (int i = 0; i < count; i++) printf("task %d\n%s", i, lines[i]);
}

static void events(void) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    family();
  }
  await("first", pid);
  request("options", PTRACE_SETOPTIONS, pid, 0,
          (void *)(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT));
  ptrace(PTRACE_CONT, pid, 0, 0);
  follow(pid);
}

static void exec_without_option(void) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execl("/proc/self/exe", "ptrace-events", "again", (char *)0);
  }
  await("plain exec", pid);
  siginfo_t info;
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("code %d\n", info.si_code);
  ptrace(PTRACE_DETACH, pid, 0, 0);
  await("detached", pid);
}

static void seized(void) {
  int fds[2];
  pipe(fds);
  pid_t pid = fork();
  if (pid == 0) {
    char byte;
    read(fds[0], &byte, 1);
    _exit(byte);
  }
  usleep(20000);
  request("seize addr", PTRACE_SEIZE, pid, (void *)1, 0);
  request("seize option", PTRACE_SEIZE, pid, 0, (void *)0x400);
  request("seize", PTRACE_SEIZE, pid, 0, (void *)PTRACE_O_TRACESYSGOOD);
  request("cont running", PTRACE_CONT, pid, 0, 0);
  request("interrupt", PTRACE_INTERRUPT, pid, 0, 0);
  await("interrupted", pid);
  show_proc("interrupted", pid, getpid());
  struct user_regs_struct regs;
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  printf("orig_rax %lld rax %lld\n", regs.orig_rax, regs.rax);
  siginfo_t info;
  ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
  printf("si %s code %x\n", signame(info.si_signo), info.si_code);
  char path[64], line[256] = { 0 };
  snprintf(path, sizeof path, "/proc/%d/syscall", pid);
  FILE *file = fopen(path, "r");
  unsigned long long in[9] = { 0 };
  fgets(line, sizeof line, file);
  fclose(file);
  int fields = sscanf(line, "%llu %llx %llx %llx %llx %llx %llx %llx %llx", in, in + 1, in + 2, in + 3, in + 4, in + 5, in + 6, in + 7, in + 8);
  printf("syscall %d: %llu %d %d %d\n", fields, in[0], in[1] == fds[0], in[3] == 1, in[7] == regs.rsp && in[8] == regs.rip);
  request("syscall", PTRACE_SYSCALL, pid, 0, 0);
  await("restarted", pid);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  printf("orig_rax %lld rax %lld\n", regs.orig_rax, regs.rax);
  request("cont", PTRACE_CONT, pid, 0, 0);
  kill(pid, SIGSTOP);
  await("signal", pid);
  request("pass on", PTRACE_CONT, pid, 0, (void *)SIGSTOP);
  await("group stop", pid);
  show_proc("group stop", pid, getpid());
  request("listen", PTRACE_LISTEN, pid, 0, 0);
  request("while listening", PTRACE_PEEKDATA, pid, &fds, 0);
  int status = 0;
  printf("quiet %d\n", waitpid(pid, &status, WNOHANG | __WALL));
  kill(pid, SIGCONT);
  await("woken", pid);
  request("cont", PTRACE_CONT, pid, 0, 0);
  await("continue signal", pid);
  request("cont", PTRACE_CONT, pid, 0, (void *)SIGCONT);
  siginfo_t waited;
  write(fds[1], "\x11", 1);
  memset(&waited, 0, sizeof waited);
  waitid(P_PID, pid, &waited, WEXITED | WNOWAIT);
  printf("waitid code %d status %d\n", waited.si_code, waited.si_status);
  await("end", pid);
}

static void wait_forms(void) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(0);
  }
  siginfo_t info = { 0 };
  waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT);
  printf("waitid code %d status %d pid %d\n", info.si_code, info.si_status, info.si_pid == pid);
  int status = 0;
  printf("wait4 without WUNTRACED %d %x\n", waitpid(pid, &status, 0) == pid, status);
  printf("again %d\n", waitpid(pid, &status, WNOHANG));
  ptrace(PTRACE_CONT, pid, 0, (void *)SIGSTOP);
  await("group stop", pid);
  siginfo_t none;
  request("siginfo of group stop", PTRACE_GETSIGINFO, pid, 0, &none);
  ptrace(PTRACE_KILL, pid, 0, 0);
  await("killed", pid);
}

static void attached(void) {
  pid_t pid = fork();
  if (pid == 0) for (;;) pause();
  usleep(20000);
  request("attach", PTRACE_ATTACH, pid, 0, 0);
  await("attached", pid);
  request("detach with signal", PTRACE_DETACH, pid, 0, (void *)SIGTERM);
  await("terminated", pid);
  pid = fork();
  if (pid == 0) for (;;) pause();
  kill(pid, SIGSTOP);
  await("plain stop (not seen without WUNTRACED)", (waitpid(pid, 0, WUNTRACED), request("attach stopped", PTRACE_ATTACH, pid, 0, 0), pid));
  request("detach", PTRACE_DETACH, pid, 0, 0);
  kill(pid, SIGKILL);
  await("killed", pid);
}

// The tracer of a grandchild dies: the tracee goes on, or is killed with PTRACE_O_EXITKILL.
static void orphaned(long options) {
  int fds[2];
  pipe(fds);
  pid_t target = fork();
  if (target == 0) {
    char byte = 0;
    close(fds[1]);
    while (read(fds[0], &byte, 1) < 0) ;
    _exit(byte);
  }
  pid_t tracer = fork();
  if (tracer == 0) {
    ptrace(PTRACE_SEIZE, target, 0, (void *)options);
    ptrace(PTRACE_INTERRUPT, target, 0, 0);
    waitpid(target, 0, __WALL);
    _exit(3);
  }
  await("tracer", tracer);
  usleep(30000);
  if (!options) show_proc("orphan", target, getpid());
  write(fds[1], "\x0c", 1);
  await("target", target);
  close(fds[0]);
  close(fds[1]);
}

static void *waiting(void *argument) {
  char byte;
  read(*(int *)argument, &byte, 1);
  return 0;
}

// A thread traced by another process: its end is reported there.
static void foreign_thread(void) {
  int fds[2], ids[2];
  pipe(fds);
  pipe(ids);
  pid_t target = fork();
  if (target == 0) {
    pthread_t thread;
    pthread_create(&thread, 0, waiting, &fds[0]);
    pid_t tid = getpid() + 1;
    write(ids[1], &tid, sizeof tid);
    pthread_join(thread, 0);
    waiting(&fds[0]);
    _exit(6);
  }
  pid_t tid;
  read(ids[0], &tid, sizeof tid);
  usleep(20000);
  request("seize thread", PTRACE_SEIZE, tid, 0, 0);
  request("interrupt thread", PTRACE_INTERRUPT, tid, 0, 0);
  await("thread", tid);
  request("cont thread", PTRACE_CONT, tid, 0, 0);
  write(fds[1], "x", 1);
  await("thread", tid);
  write(fds[1], "x", 1);
  await("process", target);
}

int main(int argc, char **argv) {
  if (argc > 1) return 23;
  setvbuf(stdout, 0, _IOLBF, 0);
  printf("-- events\n"); events();
  printf("-- exec\n"); exec_without_option();
  printf("-- seized\n"); seized();
  printf("-- wait\n"); wait_forms();
  printf("-- attached\n"); attached();
  printf("-- orphaned\n"); orphaned(0);
  printf("-- exitkill\n"); orphaned(PTRACE_O_EXITKILL);
  printf("-- thread\n"); foreign_thread();
  return 0;
}
