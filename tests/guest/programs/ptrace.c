// ptrace(2): system call stops, registers, memory, signals, errors.
#include "ptrace.h"
#include <asm/prctl.h>

static volatile long word = 0x1122334455667788;
static const char constant[16] = "read only";
static char *hidden;
static volatile int handled;

static void on_usr1(int signo, siginfo_t *info, void *context) {
  handled = info->si_code == SI_QUEUE ? 100 + info->si_value.sival_int : signo;
}

static void child_main(void) {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  struct sigaction action = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };
  sigaction(SIGUSR1, &action, 0);
  raise(SIGSTOP);
  syscall(SYS_getppid);
  long first = syscall(SYS_lseek, 71, 72, 73);
  long second = syscall(SYS_getppid);
  long third = syscall(SYS_getuid);
  if (first != -1 || second != 4242 || third != 4243) _exit(70);
  raise(SIGUSR1);
  if (handled) _exit(71);
  raise(SIGUSR1);
  if (handled != SIGUSR1) _exit(72);
  raise(SIGUSR2);
  if (handled != 107) _exit(73);
  if (word != 0x99 || *(volatile const char *)constant != 'R') _exit(74);
  syscall(SYS_exit_group, 5);
}

static void show_call(const char *what, pid_t pid) {
  struct user_regs_struct regs;
  request("getregs", PTRACE_GETREGS, pid, 0, &regs);
  struct __ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  long size = request("syscall info", PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info);
  printf("%s: orig_rax %lld rax %lld cs %llx ss %llx op %d size %ld arch %x ip %d sp %d\n", what, regs.orig_rax, regs.rax, regs.cs, regs.ss, info.op, size, info.arch,
         info.instruction_pointer == regs.rip, info.stack_pointer == regs.rsp);
  if (info.op == 1) printf("  nr %llu args %d\n", (unsigned long long)info.entry.nr, info.entry.args[0] == regs.rdi && info.entry.args[2] == regs.rdx);
  if (info.op == 2) printf("  rval %lld error %d\n", (long long)info.exit.rval, info.exit.is_error);
  unsigned long message = 0;
  request("message", PTRACE_GETEVENTMSG, pid, 0, &message);
  siginfo_t si;
  request("siginfo", PTRACE_GETSIGINFO, pid, 0, &si);
  printf("  message %lu si %s code %x pid %d\n", message, signame(si.si_signo), si.si_code, si.si_pid == pid);
}

// Runs to the next stop at a system call.
static void next_call(const char *what, pid_t pid, int op) {
  request(what, op, pid, 0, 0);
  await(what, pid);
}

static void calls(pid_t pid) {
  struct user_regs_struct regs;
  request("options", PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACESYSGOOD);
  next_call("getppid enter", pid, PTRACE_SYSCALL);
  // The rest of raise comes first.
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  while (regs.orig_rax != SYS_getppid) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    stopped(pid);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
  }
  show_call("getppid enter", pid);
  next_call("getppid exit", pid, PTRACE_SYSCALL);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  printf("getppid %d\n", (pid_t)regs.rax == getpid());
  next_call("lseek enter", pid, PTRACE_SYSCALL);
  show_call("lseek enter", pid);
  printf("rdi %ld rsi %ld rdx %ld\n", ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rdi), 0), ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rsi), 0),
         ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rdx), 0));
  next_call("lseek exit", pid, PTRACE_SYSCALL);
  show_call("lseek exit", pid);
  next_call("skipped enter", pid, PTRACE_SYSCALL);
  request("skip", PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.orig_rax), (void *)-1);
  next_call("skipped exit", pid, PTRACE_SYSCALL);
  show_call("skipped exit", pid);
  request("result", PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.rax), (void *)4242);
  next_call("emulated enter", pid, PTRACE_SYSEMU);
  request("result", PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.rax), (void *)4243);
}

static void bases(pid_t pid) {
  struct user_regs_struct regs;
  unsigned long fs = 0, gs = 0;
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  request("get fs", PTRACE_ARCH_PRCTL, pid, &fs, (void *)ARCH_GET_FS);
  printf("fs %d\n", fs != 0 && fs == regs.fs_base);
  request("set gs", PTRACE_ARCH_PRCTL, pid, (void *)0x123456, (void *)ARCH_SET_GS);
  request("get gs", PTRACE_ARCH_PRCTL, pid, &gs, (void *)ARCH_GET_GS);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  printf("gs %lx %d\n", gs, gs == regs.gs_base);
  request("too high", PTRACE_ARCH_PRCTL, pid, (void *)-4096l, (void *)ARCH_SET_FS);
  request("nowhere", PTRACE_ARCH_PRCTL, pid, (void *)8, (void *)ARCH_GET_FS);
  request("no such code", PTRACE_ARCH_PRCTL, pid, 0, (void *)7);
}

static void signals(pid_t pid) {
  siginfo_t info;
  next_call("to be dropped", pid, PTRACE_CONT);
  request("siginfo", PTRACE_GETSIGINFO, pid, 0, &info);
  printf("%s code %d pid %d\n", signame(info.si_signo), info.si_code, info.si_pid == pid);
  next_call("to be passed on", pid, PTRACE_CONT);
  request("pass on", PTRACE_CONT, pid, 0, (void *)SIGUSR1);
  await("to be changed", pid);
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 7;
  request("set siginfo", PTRACE_SETSIGINFO, pid, 0, &info);
  request("poke", PTRACE_POKEDATA, pid, (void *)&word, (void *)0x99);
  printf("word %lx\n", request("peek", PTRACE_PEEKDATA, pid, (void *)&word, 0));
  long text = request("peek constant", PTRACE_PEEKTEXT, pid, (void *)constant, 0);
  text = (text & ~0xffl) | 'R';
  request("poke constant", PTRACE_POKETEXT, pid, (void *)constant, (void *)text);
  printf("ours still '%s'\n", constant);
  printf("hidden %c\n", (char)request("peek hidden", PTRACE_PEEKDATA, pid, hidden, 0));
  request("poke hidden", PTRACE_POKEDATA, pid, hidden, (void *)'q');
  printf("hidden %c\n", (char)request("peek hidden", PTRACE_PEEKDATA, pid, hidden, 0));
  char path[64], bytes[8];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int fd = open(path, O_RDWR);
  printf("mem %zd '%.4s'", pread(fd, bytes, 4, (off_t)constant), bytes);
  printf(" %zd", pread(fd, bytes, 1, (off_t)hidden));
  printf(" %c %zd\n", bytes[0], pwrite(fd, "z", 1, (off_t)hidden));
  close(fd);
  request("unmapped", PTRACE_PEEKDATA, pid, (void *)16, 0);
  request("unmapped", PTRACE_POKEDATA, pid, (void *)16, 0);
  request("bad user offset", PTRACE_PEEKUSER, pid, (void *)4, 0);
  request("bad user offset", PTRACE_PEEKUSER, pid, (void *)100000, 0);
  request("bad option", PTRACE_SETOPTIONS, pid, 0, (void *)0x800);
  request("bad signal", PTRACE_CONT, pid, 0, (void *)100);
  request("interrupt without seize", PTRACE_INTERRUPT, pid, 0, 0);
  request("listen without seize", PTRACE_LISTEN, pid, 0, 0);
  request("unknown", 0x4fff, pid, 0, 0);
  request("attach again", PTRACE_ATTACH, pid, 0, 0);
  request("attach self", PTRACE_ATTACH, getpid(), 0, 0);
  request("attach nobody", PTRACE_ATTACH, 99999, 0, 0);
}

static void register_sets(pid_t pid) {
  struct user_regs_struct regs, set;
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  struct iovec iov = { &set, sizeof set };
  request("prstatus", PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov);
  printf("prstatus %zu %d\n", iov.iov_len, memcmp(&regs, &set, sizeof regs));
  iov.iov_len = 32;
  request("prstatus", PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov);
  printf("prstatus %zu\n", iov.iov_len);
  struct user_fpregs_struct fp;
  request("getfpregs", PTRACE_GETFPREGS, pid, 0, &fp);
  fp.xmm_space[4] = 0x12345678;
  request("setfpregs", PTRACE_SETFPREGS, pid, 0, &fp);
  static char area[65536] __attribute__((aligned(64)));
  iov = (struct iovec){ area, sizeof area };
  request("xstate", PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &iov);
  printf("xstate %d xmm1 %x\n", iov.iov_len >= 576, *(int *)(area + 160 + 16));
  *(int *)(area + 160 + 16) = 0x777;
  *(unsigned long *)(area + 512) |= 2;
  request("set xstate", PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &iov);
  iov = (struct iovec){ &fp, sizeof fp };
  request("prfpreg", PTRACE_GETREGSET, pid, (void *)NT_PRFPREG, &iov);
  printf("prfpreg %zu xmm1 %x fcw %x mxcsr %x\n", iov.iov_len, fp.xmm_space[4], fp.cwd, fp.mxcsr);
  request("unknown set", PTRACE_GETREGSET, pid, (void *)0x999, &iov);
  regs.cs = 0;
  request("bad cs", PTRACE_SETREGS, pid, 0, &regs);
  unsigned long mask = 0;
  request("getsigmask", PTRACE_GETSIGMASK, pid, (void *)8, &mask);
  printf("mask %lx\n", mask);
  mask = 1ul << (SIGURG - 1) | 1ul << (SIGKILL - 1);
  request("setsigmask", PTRACE_SETSIGMASK, pid, (void *)8, &mask);
  request("getsigmask", PTRACE_GETSIGMASK, pid, (void *)8, &mask);
  printf("mask %lx\n", mask);
  request("getsigmask size", PTRACE_GETSIGMASK, pid, (void *)4, &mask);
  kill(pid, SIGURG);
  syscall(SYS_tkill, pid, SIGURG);
  struct __ptrace_peeksiginfo_args args = { 0, 0, 8 };
  siginfo_t infos[8];
  long count = request("peeksiginfo", PTRACE_PEEKSIGINFO, pid, &args, infos);
  printf("thread: %ld %s\n", count, count > 0 ? signame(infos[0].si_signo) : "");
  args.flags = PTRACE_PEEKSIGINFO_SHARED;
  count = request("peeksiginfo", PTRACE_PEEKSIGINFO, pid, &args, infos);
  printf("process: %ld %s\n", count, count > 0 ? signame(infos[0].si_signo) : "");
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  hidden = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  hidden[0] = 'h';
  mprotect(hidden, 4096, PROT_NONE);
  pid_t pid = fork();
  if (pid == 0) child_main();
  await("first stop", pid);
  show_proc("first stop", pid, getpid());
  calls(pid);
  bases(pid);
  signals(pid);
  register_sets(pid);
  request("go on", PTRACE_SYSCALL, pid, 0, (void *)SIGUSR1);
  int status;
  while (!WIFEXITED(status = stopped(pid)) && !WIFSIGNALED(status)) ptrace(PTRACE_CONT, pid, 0, 0);
  show_status("end", status);
  request("gone", PTRACE_CONT, pid, 0, 0);
  return 0;
}
