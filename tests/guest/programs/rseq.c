// Restartable sequences: registration, per-CPU counters without atomics, sections that signals and other threads interrupt.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)
#define TRY(call) do { long r_ = (long)(call); SAY("%s: %s\n", #call, r_ < 0 ? strerrorname_np(errno) : "ok"); } while (0)
enum { SIGNATURE = 0x53053053, THREADS = 4, ROUNDS = 40000, CPUS = 256, STRIDE = 8 };

static struct rseq *area(void) { return (void *)((char *)__builtin_thread_pointer() + __rseq_offset); }
static long ask(void *at, unsigned bytes, int flags, unsigned signature) { return syscall(SYS_rseq, at, bytes, flags, signature); }

static long slots[CPUS * STRIDE];

// One more in the slot of this CPU: 1, or 0 when the section was left.
static int add(struct rseq *r) {
  int cpu = r->cpu_id_start;
  __asm__ goto(
    ".pushsection __rseq_cs, \"aw\"\n .balign 32\n 3: .long 0, 0\n .quad 1f, (2f - 1f), 4f\n .popsection\n"
    "leaq 3b(%%rip), %%rax\n movq %%rax, %[cs]\n"
    "1: cmpl %[cpu], %[cpu_id]\n jnz %l[left]\n"
    "movq %[slot], %%rax\n addq $1, %%rax\n pause\n movq %%rax, %[slot]\n 2:\n"
    ".pushsection __rseq_failure, \"ax\"\n .long 0x53053053\n 4: jmp %l[left]\n .popsection\n"
    : : [cs] "m"(r->rseq_cs), [cpu] "r"(cpu), [cpu_id] "m"(r->cpu_id), [slot] "m"(slots[cpu * STRIDE]) : "rax", "memory", "cc" : left);
  return 1;
left:
  return 0;
}

// Stays in a section until it is thrown out.
#define SPIN(name, signature) \
  static int name(struct rseq *r) { \
    __asm__ goto( \
      ".pushsection __rseq_cs, \"aw\"\n .balign 32\n 3: .long 0, 0\n .quad 1f, (2f - 1f), 4f\n .popsection\n" \
      "leaq 3b(%%rip), %%rax\n movq %%rax, %[cs]\n 1: pause\n jmp 1b\n 2:\n" \
      ".pushsection __rseq_failure, \"ax\"\n .long " signature "\n 4: jmp %l[left]\n .popsection\n" \
      : : [cs] "m"(r->rseq_cs) : "rax", "memory", "cc" : left); \
    return 0; \
  left: \
    return 1; \
  }
SPIN(spin, "0x53053053")
SPIN(spin_badly, "0x12345678")

static void *count(void *arg) {
  (void)arg;
  for (int n = 0; n < ROUNDS;) n += add(area());
  return 0;
}

static volatile int handled;
static void on_alarm(int signo) { (void)signo; handled++; }
static void arm(void) { struct itimerval t = {{0, 0}, {0, 20000}}; setitimer(ITIMER_REAL, &t, 0); }

static volatile int stop;
static void *compete(void *arg) { (void)arg; while (!stop) sched_yield(); return 0; }

/* An area above 4 GiB: whether it knows the CPU or not, sched_getcpu does. */
static void *far_away(void *at) {
  struct rseq *r = mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  TRY(ask(area(), 32, RSEQ_FLAG_UNREGISTER, SIGNATURE)); TRY(ask(r, 32, 0, SIGNATURE)); TRY(ask(r, 32, 0, SIGNATURE));
  int same = (int)r->cpu_id < CPUS, cpu = sched_getcpu();
  SAY("far away %d %d\n", same, cpu >= 0 && cpu < CPUS);
  TRY(ask(r, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE)); SAY("unknown %d\n", (int)r->cpu_id);
  TRY(ask((void *)0x7ffffffff000, 32, 0, SIGNATURE)); TRY(ask((void *)0x700000000000, 32, 0, SIGNATURE));
  return 0;
}

static void registration(void) {
  static struct rseq other __attribute__((aligned(32)));
  struct rseq *r = area();
  unsigned bytes = 32;
  SAY("known %d\n", r->cpu_id_start < CPUS && r->cpu_id < CPUS);
  TRY(ask(r, bytes, 0, SIGNATURE)); TRY(ask(r, bytes, 0, 1)); TRY(ask(&other, bytes, 0, SIGNATURE)); TRY(ask(r, bytes, 2, SIGNATURE));
  TRY(ask(r, bytes, RSEQ_FLAG_UNREGISTER, 1)); TRY(ask(&other, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE)); TRY(ask(r, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  SAY("unknown %d\n", (int)r->cpu_id); TRY(ask(r, bytes, RSEQ_FLAG_UNREGISTER, SIGNATURE));
  TRY(ask((char *)&other + 8, bytes, 0, SIGNATURE)); TRY(ask(&other, 16, 0, SIGNATURE)); TRY(ask((void *)-4096L, bytes, 0, SIGNATURE));
  TRY(ask(r, bytes, 0, SIGNATURE)); SAY("known %d\n", r->cpu_id < CPUS);
}

int main(void) {
  registration();
  pthread_t threads[THREADS];
  for (int n = 0; n < THREADS; n++) pthread_create(&threads[n], 0, count, 0);
  for (int n = 0; n < THREADS; n++) pthread_join(threads[n], 0);
  pthread_create(&threads[0], 0, far_away, (void *)0x600000000000), pthread_join(threads[0], 0);
  long sum = 0;
  for (int n = 0; n < CPUS; n++) sum += slots[n * STRIDE];
  SAY("counted %ld\n", sum);

  signal(SIGALRM, on_alarm);
  arm(); while (!handled) spin(area());
  SAY("signals %d\n", handled);

  cpu_set_t first, all; sched_getaffinity(0, sizeof all, &all); CPU_ZERO(&first);
  for (int n = 0; n < CPUS; n++) if (CPU_ISSET(n, &all)) { CPU_SET(n, &first); break; }
  sched_setaffinity(0, sizeof first, &first);
  SAY("pinned %d\n", CPU_ISSET(area()->cpu_id, &first) && sched_getcpu() == (int)area()->cpu_id);
  pthread_create(&threads[0], 0, compete, 0); SAY("left %d\n", spin(area())); stop = 1; pthread_join(threads[0], 0);
  sched_setaffinity(0, sizeof all, &all);

  pid_t pid = fork();
  if (pid == 0) {
    SAY("child %d", area()->cpu_id < CPUS); SAY(" %s\n", ask(area(), 32, 0, SIGNATURE) < 0 ? strerrorname_np(errno) : "ok");
    arm(); _exit(spin_badly(area()));
  }
  int status; waitpid(pid, &status, 0); SAY("bad signature: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  TRY(syscall(SYS_membarrier, 128, 0, 0)); TRY(syscall(SYS_membarrier, 256, 0, 0)); TRY(syscall(SYS_membarrier, 128, 0, 0));
  return 0;
}
