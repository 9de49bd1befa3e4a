/*
 * Host-CPU oracle: runs batches of instruction cases on the processor of this machine.
 *
 * Protocol (stdin/stdout, little endian, fixed records; layout.ts is the other half):
 *   request  = struct batch_head, then `count` x struct case_in
 *   response = `count` x struct case_out
 *
 * Every case ends in a synchronous signal: int3 after the code, or the fault it raised. One handler
 * does everything: it copies the interrupted state out of the signal frame, and writes the state of
 * the next case into it, so that rt_sigreturn(2) enters the next case with all registers, flags, x87
 * and SSE state loaded. One signal per case, no assembly trampoline.
 *
 * Guest layout (fixed, all below 4 GiB):
 *   DATA_ADDR   two pages, read-write; the page after them is unmapped
 *   RO_ADDR     one page, read-only
 *   CODE_ADDR   CODE_PAGES pages, read-execute (written through an alias), filled with int3
 *   + HIGH_OFFSET   data and code pages once more, above 4 GiB
 *   HIGH_TWIN       the data pages again, 16 pages after their high addresses
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA_ADDR 0x10000000ul
#define RO_ADDR 0x10004000ul
#define CODE_ADDR 0x20000000ul
#define HIGH_OFFSET 0x1f0000000ul
#define HIGH_TWIN (DATA_ADDR + HIGH_OFFSET + 0x10000)
#define DATA_BYTES 8192
#define CODE_PAGES 17
#define FX_BYTES 416
#define PATCHES 2
#define PATCH_BYTES 64
#define INLINE_DIFF_BYTES 144
#define HWCAP2_FSGSBASE 2

/* Flags that rt_sigreturn(2) loads: AC OF DF SF ZF AF PF CF. */
#define LOADABLE_FLAGS 0x40cd5ul

struct patch {
  uint32_t offset, size;
  uint8_t bytes[PATCH_BYTES];
};

struct batch_head {
  uint32_t magic, count;
  uint8_t data[DATA_BYTES];
  uint8_t ro[4096];
  /* What the code pages hold apart from the code of the cases. */
  uint8_t code[CODE_PAGES * 4096];
};

struct case_in {
  uint32_t code_addr, code_size;
  uint8_t code[32];
  uint64_t rflags;
  uint64_t gpr[16];
  uint64_t fs_base, gs_base;
  uint8_t fx[FX_BYTES];
  struct patch patch[PATCHES];
  /* 1: the code runs at its high address. */
  uint32_t high_code;
  uint8_t pad[12];
};

struct case_out {
  uint32_t signo, vector, error, si_code;
  uint64_t fault_addr;
  uint64_t rip;
  uint64_t rflags;
  uint64_t signal_addr;
  uint64_t gpr[16];
  uint64_t fs_base, gs_base;
  uint8_t fx[FX_BYTES];
  uint32_t diff_start, diff_end;
  uint64_t diff_hash;
  uint8_t diff[INLINE_DIFF_BYTES];
};

_Static_assert(sizeof(struct case_in) == 768, "case_in");
_Static_assert(sizeof(struct case_out) == 768, "case_out");

#define MAX_CASES 4096
static struct batch_head head;
static struct case_in in[MAX_CASES];
static struct case_out out[MAX_CASES];
static uint8_t shadow[DATA_BYTES] __attribute__((aligned(64)));
static uint8_t *const data = (uint8_t *)DATA_ADDR;
static uint8_t *code_alias, *ro_alias;
static uint32_t current, ticked_on;
static int running;
uint64_t host_fs, host_gs;

/* GPR numbers in encoding order -> index in the signal frame. */
static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void read_all(void *to, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = read(0, (char *)to + done, size - done);
    if (n <= 0) _exit(n == 0 && done == 0 ? 0 : 3);
    done += (size_t)n;
  }
}

static void write_all(const void *from, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = write(1, (const char *)from + done, size - done);
    if (n <= 0) _exit(4);
    done += (size_t)n;
  }
}

/* The code of all cases is there at once, as in the emulator: stray reads and jumps see the same bytes. */
static void place_code(void) {
  memcpy(code_alias, head.code, CODE_PAGES * 4096);
  for (uint32_t i = 0; i < head.count; i++) {
    const struct case_in *c = &in[i];
    if (c->code_size > 32 || c->code_addr < CODE_ADDR || c->code_addr + c->code_size > CODE_ADDR + CODE_PAGES * 4096) _exit(7);
    memcpy(code_alias + (c->code_addr - CODE_ADDR), c->code, c->code_size);
  }
}

static void read_batch(void) {
  read_all(&head, sizeof head);
  if (head.magic != 0x31435249 || head.count == 0 || head.count > MAX_CASES) _exit(5);
  read_all(in, head.count * sizeof *in);
  memcpy(data, head.data, DATA_BYTES);
  memcpy(shadow, head.data, DATA_BYTES);
  memcpy(ro_alias, head.ro, 4096);
  place_code();
  current = 0;
}

static uint64_t hash_bytes(const uint8_t *p, size_t size) {
  uint32_t a = 0x811c9dc5;
  for (size_t i = 0; i < size; i++) a = (a ^ p[i]) * 0x01000193;
  return a;
}

/* Compares the data pages with what the case started from, reports the changed range, restores. */
static void take_memory(struct case_out *o) {
  uint32_t start = 0, end = DATA_BYTES;
  o->diff_start = o->diff_end = 0;
  o->diff_hash = 0;
  if (memcmp(data, shadow, DATA_BYTES) == 0) return;
  while (data[start] == shadow[start]) start++;
  while (data[end - 1] == shadow[end - 1]) end--;
  o->diff_start = start;
  o->diff_end = end;
  o->diff_hash = hash_bytes(data + start, end - start);
  size_t shown = end - start < INLINE_DIFF_BYTES ? end - start : INLINE_DIFF_BYTES;
  memcpy(o->diff, data + start, shown);
  memcpy(data + start, shadow + start, end - start);
}

static void undo_patches(const struct case_in *c) {
  for (int i = 0; i < PATCHES; i++) {
    const struct patch *p = &c->patch[i];
    memcpy(data + p->offset, head.data + p->offset, p->size);
    memcpy(shadow + p->offset, head.data + p->offset, p->size);
  }
}

static void finish_case(int signo, siginfo_t *info, ucontext_t *uc) {
  struct case_in *c = &in[current];
  struct case_out *o = &out[current];
  greg_t *g = uc->uc_mcontext.gregs;
  memset(o, 0, sizeof *o);
  o->signo = (uint32_t)signo;
  o->vector = (uint32_t)g[REG_TRAPNO];
  o->error = (uint32_t)g[REG_ERR];
  o->si_code = (uint32_t)info->si_code;
  o->signal_addr = (uint64_t)info->si_addr;
  o->fault_addr = o->vector == 14 ? (uint64_t)g[REG_CR2] : 0;
  o->rip = (uint64_t)g[REG_RIP];
  o->rflags = (uint64_t)g[REG_EFL];
  for (int i = 0; i < 16; i++) o->gpr[i] = (uint64_t)g[greg_of[i]];
  memcpy(o->fx, uc->uc_mcontext.fpregs, FX_BYTES);
  take_memory(o);
  undo_patches(c);
}

static void start_case(ucontext_t *uc) {
  struct case_in *c = &in[current];
  greg_t *g = uc->uc_mcontext.gregs;
  for (int i = 0; i < PATCHES; i++) {
    const struct patch *p = &c->patch[i];
    if (p->size > PATCH_BYTES || p->offset + p->size > DATA_BYTES) _exit(6);
    memcpy(data + p->offset, p->bytes, p->size);
    memcpy(shadow + p->offset, p->bytes, p->size);
  }
  for (int i = 0; i < 16; i++) g[greg_of[i]] = (greg_t)c->gpr[i];
  g[REG_RIP] = (greg_t)(c->code_addr + (c->high_code ? HIGH_OFFSET : 0));
  g[REG_EFL] = (greg_t)((c->rflags & LOADABLE_FLAGS) | 0x202);
  uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
  memcpy(fp, c->fx, FX_BYTES);
  /* XSTATE_BV: x87 and SSE come from the frame. */
  *(uint64_t *)(fp + 512) |= 3;
}

/* Set by the entry stub before it restores the process's own bases. */
uint64_t guest_fs, guest_gs, next_fs, next_gs;

void handle(int signo, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  if (running) {
    if (signo == SIGVTALRM && ticked_on != current) {
      ticked_on = current;
      next_fs = guest_fs;
      next_gs = guest_gs;
      return;
    }
    finish_case(signo, info, uc);
    out[current].fs_base = guest_fs;
    out[current].gs_base = guest_gs;
    current++;
    if (current == head.count) {
      write_all(out, head.count * sizeof *out);
      read_batch();
    }
  } else {
    running = 1;
    read_batch();
  }
  ticked_on = ~0u;
  start_case(uc);
  next_fs = in[current].fs_base ? in[current].fs_base : host_fs;
  next_gs = in[current].gs_base;
}

/* The kernel lets programs use rdfsbase and the like; without it arch_prctl(2) does their work. */
int has_fsgsbase;

/* The guest may have changed AC, DF, NT, ID (which rt_sigreturn keeps) and the segment bases; C code must not run with them. */
__asm__(".globl entry\n"
        "entry:\n"
        "  pushfq\n  andq $~0x244400, (%rsp)\n  popfq\n"
        "  push %rdi\n  push %rsi\n  push %rdx\n"
        "  cmpl $0, has_fsgsbase(%rip)\n  je 1f\n"
        "  rdfsbase %rax\n  mov %rax, guest_fs(%rip)\n"
        "  rdgsbase %rax\n  mov %rax, guest_gs(%rip)\n"
        "  mov host_fs(%rip), %rax\n  wrfsbase %rax\n"
        "  jmp 2f\n"
        "1: mov $0x1003, %edi\n  lea guest_fs(%rip), %rsi\n  mov $158, %eax\n  syscall\n"
        "  mov $0x1004, %edi\n  lea guest_gs(%rip), %rsi\n  mov $158, %eax\n  syscall\n"
        "  mov $0x1002, %edi\n  mov host_fs(%rip), %rsi\n  mov $158, %eax\n  syscall\n"
        "2: pop %rdx\n  pop %rsi\n  pop %rdi\n"
        "  fninit\n  cld\n"
        "  sub $8, %rsp\n  call handle\n  add $8, %rsp\n"
        "  cmpl $0, has_fsgsbase(%rip)\n  je 3f\n"
        "  mov next_fs(%rip), %rax\n  wrfsbase %rax\n"
        "  mov next_gs(%rip), %rax\n  wrgsbase %rax\n"
        "  ret\n"
        "3: mov $0x1002, %edi\n  mov next_fs(%rip), %rsi\n  mov $158, %eax\n  syscall\n"
        "  mov $0x1001, %edi\n  mov next_gs(%rip), %rsi\n  mov $158, %eax\n  syscall\n"
        "  ret\n");
void entry(int, siginfo_t *, void *);

static void *map_alias(int fd, off_t at, size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
  if (p == MAP_FAILED) exit(8);
  return p;
}

static void map_fixed(int fd, off_t at, uint64_t addr, size_t size, int prot) {
  if (mmap((void *)addr, size, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, at) != (void *)addr) exit(9);
}

static void map_guest(void) {
  int fd = memfd_create("guest", 0);
  size_t code = CODE_PAGES * 4096;
  if (fd < 0 || ftruncate(fd, (off_t)(DATA_BYTES + 4096 + code)) != 0) exit(10);
  map_fixed(fd, 0, DATA_ADDR, DATA_BYTES, PROT_READ | PROT_WRITE);
  map_fixed(fd, 0, DATA_ADDR + HIGH_OFFSET, DATA_BYTES, PROT_READ | PROT_WRITE);
  map_fixed(fd, 0, HIGH_TWIN, DATA_BYTES, PROT_READ | PROT_WRITE);
  map_fixed(fd, DATA_BYTES, RO_ADDR, 4096, PROT_READ);
  map_fixed(fd, DATA_BYTES + 4096, CODE_ADDR, code, PROT_READ | PROT_EXEC);
  map_fixed(fd, DATA_BYTES + 4096, CODE_ADDR + HIGH_OFFSET, code, PROT_READ | PROT_EXEC);
  ro_alias = map_alias(fd, DATA_BYTES, 4096);
  code_alias = map_alias(fd, DATA_BYTES + 4096, code);
  memset(code_alias, 0xcc, code);
}

static void install_handlers(void) {
  static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGVTALRM, SIGSYS};
  stack_t stack = {.ss_sp = malloc(1 << 17), .ss_size = 1 << 17};
  struct sigaction act = {.sa_sigaction = entry, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&act.sa_mask);
  sigaltstack(&stack, NULL);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &act, NULL);
  struct itimerval tick = {{0, 200000}, {0, 200000}};
  setitimer(ITIMER_VIRTUAL, &tick, NULL);
}

int main(void) {
  has_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &host_fs);
  syscall(SYS_arch_prctl, ARCH_GET_GS, &host_gs);
  map_guest();
  install_handlers();
  __asm__ volatile("int3" ::: "memory");
  return 11;
}
