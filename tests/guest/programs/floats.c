// Floating point: exception flags, rounding modes, SIGFPE with its cause, FTZ and DAZ, state across signals and threads.
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <nmmintrin.h>
static volatile double zero = 0, one = 1, two = 2, three = 3, big = 1e308, small = 1e-308;
static volatile float fone = 1, fthree = 3;
static volatile long double lone = 1, lthree = 3;
static sigjmp_buf back;
static volatile int code;

static void flags(const char *what) {
  int e = fetestexcept(FE_ALL_EXCEPT);
  printf("%s:%s%s%s%s%s\n", what, e & FE_INVALID ? " invalid" : "", e & FE_DIVBYZERO ? " zero" : "", e & FE_OVERFLOW ? " overflow" : "",
         e & FE_UNDERFLOW ? " underflow" : "", e & FE_INEXACT ? " inexact" : "");
  feclearexcept(FE_ALL_EXCEPT);
}

static double root(double x) { __m128d v = _mm_set_sd(x); return _mm_cvtsd_f64(_mm_sqrt_sd(v, v)); }

static void exceptions(void) {
  volatile double r;
  volatile float f;
  volatile int i;
  feclearexcept(FE_ALL_EXCEPT);
  r = one + two; flags("1 + 2");
  r = one / three; flags("1 / 3");
  r = one / zero; flags("1 / 0");
  r = zero / zero; flags("0 / 0");
  r = big * big; flags("overflow");
  r = small * small; flags("underflow");
  r = small / 4 - small / 8; flags("denormal");
  r = root(-one); flags("root of -1");
  i = (int)big; flags("to int");
  i = (int)(one / two); flags("truncated");
  f = (float)big; flags("to float");
  f = fone / fthree; flags("float");
  r = lone / lthree; flags("x87 to double");
  (void)r; (void)f; (void)i;
}

static void rounding(void) {
  static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  for (int m = 0; m < 4; m++) {
    fesetround(modes[m]);
    volatile double a = one / three, b = -one / three, c = root(two);
    volatile float f = fone / fthree;
    volatile long double l = lone / lthree;
    printf("%a %a %a %a %La %.3f %d %d\n", a, b, c, (double)f, l, 2.0005, _mm_cvtsd_si32(_mm_set_sd(2.5)), _mm_cvtsd_si32(_mm_set_sd(-2.5)));
  }
  fesetround(FE_TONEAREST);
}

static void on_fpe(int s, siginfo_t *info, void *context) {
  (void)s; (void)context;
  code = info->si_code;
  siglongjmp(back, 1);
}

static void trap(const char *what, int except, double (*f)(void)) {
  feclearexcept(FE_ALL_EXCEPT);
  if (sigsetjmp(back, 1) == 0) {
    feenableexcept(except);
    volatile double r = f();
    fedisableexcept(FE_ALL_EXCEPT);
    printf("%s: no signal %g\n", what, r);
  } else {
    fedisableexcept(FE_ALL_EXCEPT);
    printf("%s: SIGFPE code %d\n", what, code);
  }
}

static double by_zero(void) { return one / zero; }
static double invalid(void) { return zero / zero; }
static double overflow(void) { return big * big; }
static double inexact(void) { return one / three; }
static double exact(void) { return one / two; }
static double x87_by_zero(void) { volatile long double z = zero; volatile long double r = lone / z; return r + lone; }
static double int_by_zero(void) { volatile int z = 0; return 7 / z; }

static void signals(void) {
  struct sigaction sa = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
  sigaction(SIGFPE, &sa, 0);
  trap("divide by zero", FE_DIVBYZERO, by_zero);
  trap("invalid", FE_INVALID, invalid);
  trap("overflow", FE_OVERFLOW, overflow);
  trap("inexact", FE_INEXACT, inexact);
  trap("exact", FE_ALL_EXCEPT, exact);
  trap("x87", FE_DIVBYZERO, x87_by_zero);
  trap("integer", 0, int_by_zero);
}

static void on_usr(int s) {
  (void)s;
  volatile double r = one / three;
  __m128 junk = _mm_set1_ps(7);
  __asm__ volatile("movaps %0, %%xmm5" ::"x"(junk) : "xmm5");
  fesetround(FE_UPWARD);
  (void)r;
}

static void kept(void) {
  signal(SIGUSR1, on_usr);
  feclearexcept(FE_ALL_EXCEPT);
  float out[4];
  __m128 v = _mm_setr_ps(1, 2, 3, 4);
  long pid_call = 39, tid;
  (void)pid_call;
  __asm__ volatile("movaps %1, %%xmm5\n\tmov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\tmovups %%xmm5, (%2)"
                   : "=&a"(tid) : "x"(v), "r"(out) : "xmm5", "rdi", "rsi", "rcx", "r11", "memory");
  printf("xmm5 %g %g %g %g rounding %d kill %ld\n", out[0], out[1], out[2], out[3], fegetround(), tid);
  flags("after the handler");
}

static void *thread(void *arg) {
  (void)arg;
  printf("thread starts with %d\n", fegetround() == FE_DOWNWARD);
  fesetround(FE_UPWARD);
  volatile double r = one / three;
  (void)r;
  return 0;
}

static void threads(void) {
  fesetround(FE_DOWNWARD);
  feclearexcept(FE_ALL_EXCEPT);
  pthread_t t;
  pthread_create(&t, 0, thread, 0);
  pthread_join(t, 0);
  printf("still %d\n", fegetround() == FE_DOWNWARD);
  fesetround(FE_TONEAREST);
  flags("own flags");
}

static void flush(void) {
  unsigned old = _mm_getcsr();
  volatile double r = small / 4;
  printf("%a ", r);
  _mm_setcsr(old | 0x8000);
  r = small / 4;
  printf("%a ", r);
  _mm_setcsr(old | 0x40);
  r = r + 4e-320;
  printf("%a\n", r);
  _mm_setcsr(old);
}

__attribute__((target("sse4.2"))) static void vectors(void) {
  const char *text = "The quick brown fox jumps over the lazy dog, twice";
  __m128i vowels = _mm_setr_epi8('a', 'e', 'i', 'o', 'u', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  uint32_t crc = ~0u;
  for (int i = 0; i + 16 <= (int)strlen(text); i++) {
    printf("%d ", _mm_cmpistri(vowels, _mm_loadu_si128((const __m128i *)(text + i)), _SIDD_CMP_EQUAL_ANY));
    crc = _mm_crc32_u8(crc, (unsigned char)text[i]);
  }
  __m128i sum = _mm_setzero_si128();
  for (int i = 0; i < 48; i += 16) sum = _mm_add_epi64(sum, _mm_sad_epu8(_mm_loadu_si128((const __m128i *)(text + i)), sum));
  printf("%08x %lld %lld\n", crc, (long long)_mm_extract_epi64(sum, 0), (long long)_mm_extract_epi64(sum, 1));
}

int main(void) {
  exceptions();
  rounding();
  signals();
  kept();
  threads();
  flush();
  vectors();
  return 0;
}
