// seccomp(2): strict mode, every action of filters, precedence, inheritance, TSYNC, validation, tracing.
#include "ptrace.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static int install(unsigned flags, const struct sock_filter *filter, unsigned short length) {
  struct sock_fprog program = { length, (struct sock_filter *)filter };
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

// A filter with one rule: calls of number `nr` get `action`.
static int on_call(unsigned flags, int nr, unsigned action) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, action),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return install(flags, filter, LENGTH(filter));
}

static void report(const char *what, long result) { printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : ""); }

// Runs the body in a child and prints how it ended.
#define IN_CHILD(what, ...)                                       \
  do {                                                            \
    fflush(stdout);                                               \
    pid_t child_ = fork();                                        \
    if (child_ == 0) {                                            \
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);                     \
      __VA_ARGS__;                                                \
      _exit(0);                                                   \
    }                                                             \
    int status_;                                                  \
    waitpid(child_, &status_, 0);                                 \
    show_status(what, status_);                                   \
  } while (0)

static void show_mode(void) {
  char line[256];
  FILE *file = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, file)) if (!strncmp(line, "NoNewPrivs", 10) || !strncmp(line, "Seccomp", 7)) fputs(line, stdout);
  fclose(file);
  printf("mode %d\n", prctl(PR_GET_SECCOMP));
  fflush(stdout);
}

static void on_sys(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  printf("SIGSYS code %d errno %d nr %d arch %x rax %lld here %d\n", info->si_code, info->si_errno, info->si_syscall, info->si_arch, uc->uc_mcontext.gregs[REG_RAX],
         info->si_call_addr == (void *)uc->uc_mcontext.gregs[REG_RIP]);
  uc->uc_mcontext.gregs[REG_RAX] = 77;
}

static void trapping(void) {
  struct sigaction action = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
  sigaction(SIGSYS, &action, 0);
  on_call(0, SYS_getppid, SECCOMP_RET_TRAP | 12);
  report("trapped", syscall(SYS_getppid));
  fflush(stdout);
}

static void precedence(void) {
  on_call(0, SYS_getppid, SECCOMP_RET_ERRNO | 1);
  on_call(0, SYS_getppid, SECCOMP_RET_ALLOW);
  report("errno before allow", syscall(SYS_getppid));
  on_call(0, SYS_getppid, SECCOMP_RET_ERRNO | 2);
  report("newest errno", syscall(SYS_getppid));
  on_call(0, SYS_getppid, SECCOMP_RET_LOG);
  report("log is weaker", syscall(SYS_getppid));
  on_call(0, SYS_getppid, SECCOMP_RET_TRACE);
  report("trace is weaker", syscall(SYS_getppid));
  on_call(0, SYS_getuid, SECCOMP_RET_TRACE);
  report("nobody traces", syscall(SYS_getuid));
  on_call(0, SYS_getgid, SECCOMP_RET_ERRNO | 9999);
  report("big errno", syscall(SYS_getgid));
  on_call(0, SYS_geteuid, SECCOMP_RET_LOG);
  report("logged", syscall(SYS_geteuid) >= 0 ? 0 : -1);
  show_mode();
  on_call(0, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
  syscall(SYS_getppid);
}

// The low words of arguments decide: arithmetic, scratch memory, jumps.
static void arguments(void) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
    BPF_STMT(BPF_ST, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_LD | BPF_MEM, 3),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5),
    BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 1),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1),
    BPF_STMT(BPF_ALU | BPF_NEG, 0),
    BPF_STMT(BPF_ALU | BPF_NEG, 0),
    BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
    BPF_STMT(BPF_STX, 0),
    BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0),
    BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 90, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
    BPF_STMT(BPF_RET | BPF_A, 0),
  };
  report("install", install(0, filter, LENGTH(filter)));
  report("3 * 4", syscall(SYS_lseek, -1, 3, 4));
  report("10 * 2", syscall(SYS_lseek, -1, 10, 2));
  report("30 * 2", syscall(SYS_lseek, -1, 30, 2));
  fflush(stdout);
  report("division by 0", syscall(SYS_lseek, -1, 30, 0));
}

static void refuse(const char *what, const struct sock_filter *filter, unsigned short length) { report(what, install(0, filter, length)); }
#define REFUSE(what, ...) refuse(what, (struct sock_filter[]){ __VA_ARGS__ }, LENGTH(((struct sock_filter[]){ __VA_ARGS__ })))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void validation(void) {
  REFUSE("no return", BPF_STMT(BPF_LD | BPF_IMM, 0));
  REFUSE("load of a byte", BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ALLOW);
  REFUSE("load past the end", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ALLOW);
  REFUSE("unaligned load", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ALLOW);
  REFUSE("indirect load", BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ALLOW);
  REFUSE("jump past the end", BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), ALLOW);
  REFUSE("jump to the end", BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0), ALLOW);
  REFUSE("long jump", BPF_STMT(BPF_JMP | BPF_JA, 1), ALLOW);
  REFUSE("division by 0", BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ALLOW);
  REFUSE("modulo", BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ALLOW);
  REFUSE("shift by 32", BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ALLOW);
  REFUSE("memory word 16", BPF_STMT(BPF_ST, 16), ALLOW);
  REFUSE("memory never stored", BPF_STMT(BPF_LD | BPF_MEM, 1), ALLOW);
  REFUSE("memory stored on one path", BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), ALLOW);
  REFUSE("return X", BPF_STMT(BPF_RET | BPF_X, 0));
  refuse("empty", 0, 0);
  struct sock_filter allow = ALLOW;
  refuse("too long", &allow, 4097);
  report("bad pointer", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (void *)8));
  report("bad flags", install(1 << 20, &allow, 1));
  report("tsync with listener", install(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, &allow, 1));
  report("killable without listener", install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &allow, 1));
  report("bad operation", syscall(SYS_seccomp, 77, 0, 0));
  report("strict with flags", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, 0));
  report("bad mode", prctl(PR_SET_SECCOMP, 3, 0));
  unsigned actions[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000 };
  for (int i = 0; i < LENGTH(actions); i++) report("action", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
  struct seccomp_notif_sizes sizes;
  report("sizes", syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
  printf("%d %d %d\n", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
  report("filter", install(SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &allow, 1));
  report("strict after filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
  show_mode();
}

static void *thread_call(void *argument) {
  usleep(20000);
  return (void *)syscall(SYS_getppid);
}

static void *thread_killed(void *argument) {
  on_call(0, SYS_getppid, SECCOMP_RET_KILL_THREAD);
  syscall(SYS_getppid);
  return 0;
}

static void *thread_own_filter(void *argument) {
  on_call(0, SYS_getegid, SECCOMP_RET_ERRNO | 3);
  *(volatile int *)argument = 1;
  for (;;) pause();
}

static void threads(void) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, 0, thread_call, 0);
  report("tsync", on_call(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | 7));
  pthread_join(thread, &result);
  printf("thread got %ld\n", (long)result);
  volatile int ready = 0;
  pthread_create(&thread, 0, thread_own_filter, (void *)&ready);
  while (!ready) usleep(1000);
  int tid = on_call(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | 8);
  printf("diverged %d\n", tid > 0 && tid != getpid());
  report("diverged", on_call(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SYS_getppid, SECCOMP_RET_ERRNO | 8));
  pthread_create(&thread, 0, thread_killed, 0);
  usleep(50000);
  report("alive after the thread died", syscall(SYS_getppid));
  fflush(stdout);
}

static void inherited(void) {
  on_call(0, SYS_getppid, SECCOMP_RET_ERRNO | 5);
  pid_t child = fork();
  if (child == 0) {
    report("forked", syscall(SYS_getppid));
    fflush(stdout);
    execl("/proc/self/exe", "seccomp", "again", (char *)0);
  }
  waitpid(child, 0, 0);
}

static void unprivileged(void) {
  struct sock_filter allow = ALLOW;
  setresuid(1000, 1000, 1000);
  report("without no_new_privs", install(0, &allow, 1));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  report("with no_new_privs", install(0, &allow, 1));
  fflush(stdout);
}

static void traced(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    on_call(0, SYS_getppid, SECCOMP_RET_TRACE | 42);
    on_call(0, SYS_getgid, SECCOMP_RET_ERRNO | 6);
    raise(SIGSTOP);
    long first = syscall(SYS_getppid);
    long second = syscall(SYS_getppid);
    long third = syscall(SYS_getppid);
    _exit(first == 1234 && second == getpid() && third == -1 ? 0 : 1);
  }
  await("first", pid);
  ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD));
  for (int i = 0; i < 3; i++) {
    ptrace(i == 2 ? PTRACE_CONT : PTRACE_CONT, pid, 0, 0);
    await("call", pid);
    struct __ptrace_syscall_info info = { 0 };
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    printf("op %d size %ld nr %lld data %u message %lu\n", info.op, size, info.seccomp.nr, info.seccomp.ret_data, message);
    if (i == 0) {
      ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), (void *)-1);
      ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), (void *)1234);
    } else ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), (void *)(long)(i == 1 ? SYS_getpid : SYS_getgid));
  }
  ptrace(PTRACE_SYSCALL, pid, 0, 0);
  await("exit of the call", pid);
  ptrace(PTRACE_CONT, pid, 0, 0);
  await("end", pid);
}

// A tracer suspends filters and reads them.
static void suspended(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    on_call(0, SYS_getppid, SECCOMP_RET_ERRNO | 6);
    struct sock_filter allow = ALLOW;
    install(0, &allow, 1);
    raise(SIGSTOP);
    _exit(syscall(SYS_getppid) == -1);
  }
  await("first", pid);
  struct sock_filter filter[16];
  for (int i = 0; i < 3; i++) {
    long length = request("filter", PTRACE_SECCOMP_GET_FILTER, pid, (void *)(long)i, filter);
    if (length > 0) printf("filter %d: %ld last %x %x\n", i, length, filter[length - 1].code, filter[length - 1].k);
  }
  long length = request("length", PTRACE_SECCOMP_GET_FILTER, pid, 0, 0);
  printf("length %ld\n", length);
  request("suspend", PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_SUSPEND_SECCOMP);
  ptrace(PTRACE_CONT, pid, 0, 0);
  await("end", pid);
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  if (argc > 1) {
    report("executed", syscall(SYS_getppid));
    show_mode();
    return 0;
  }
  IN_CHILD("strict", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), write(1, "strict\n", 7), syscall(SYS_exit, 4));
  IN_CHILD("strict kill", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), syscall(SYS_getpid));
  IN_CHILD("strict call", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0), syscall(SYS_exit_group, 4));
  IN_CHILD("trap", trapping());
  IN_CHILD("trap without handler", on_call(0, SYS_getppid, SECCOMP_RET_TRAP), syscall(SYS_getppid));
  IN_CHILD("trap ignored", signal(SIGSYS, SIG_IGN), on_call(0, SYS_getppid, SECCOMP_RET_TRAP), syscall(SYS_getppid));
  IN_CHILD("kill thread", on_call(0, SYS_getppid, SECCOMP_RET_KILL_THREAD), syscall(SYS_getppid));
  IN_CHILD("unknown action", on_call(0, SYS_getppid, 0x12340000), syscall(SYS_getppid));
  IN_CHILD("precedence", precedence());
  IN_CHILD("arguments", arguments());
  IN_CHILD("validation", validation());
  IN_CHILD("threads", threads());
  IN_CHILD("inherited", inherited());
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) { unprivileged(); _exit(0); }
  await("unprivileged", pid);
  traced();
  suspended();
  return 0;
}
