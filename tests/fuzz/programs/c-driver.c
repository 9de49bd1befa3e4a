/* Runs the generated functions of a C file: c-driver [rounds] [case]; prints a check sum per case, with a case per round. */
#define _GNU_SOURCE
#include "c-driver.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

u8 bytes[BYTES + 64];
u32 words[WORDS + 8];
u64 longs[LONGS];
double doubles[DOUBLES];
float floats[FLOATS];
struct mixed records[RECORDS];
int fuel;
sigjmp_buf recovery;

static void on_fault(int signo) { words[1] += signo; siglongjmp(recovery, signo); }
static void on_signal(int signo) { words[2] = words[2] * 3 + signo; }
int by_value(const void *a, const void *b) { u32 x = *(const u32 *)a, y = *(const u32 *)b; return (x > y) - (x < y); }

static u64 seed;
static u64 next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }

static void prepare(int which, int round) {
  seed = c_seeds[which] * 0x9e3779b97f4a7c15u + round + 1;
  for (int i = 0; i < BYTES; i++) bytes[i] = next() >> 11;
  for (int i = 0; i < WORDS; i++) words[i] = next() >> 9;
  for (int i = 0; i < LONGS; i++) longs[i] = next();
  for (int i = 0; i < DOUBLES; i++) doubles[i] = (double)(i64)next() / (1 << 30);
  for (int i = 0; i < FLOATS; i++) floats[i] = (float)(int)next() / 1024;
  for (int i = 0; i < RECORDS; i++) { records[i].tag = next(); records[i].count = next(); records[i].value = next() / 3.0; records[i].wide = next(); }
  fuel = 3000;
}

static u64 fold(u64 sum, const void *from, size_t size) {
  for (size_t i = 0; i + 4 <= size; i += 4) { u32 v; memcpy(&v, (const char *)from + i, 4); sum = (sum << 7 | sum >> 57) * 5 + v; }
  return sum;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 20, which = argc > 2 ? atoi(argv[2]) : -1;
  struct sigaction fault = { .sa_handler = on_fault }, other = { .sa_handler = on_signal };
  for (int i = 0; i < 2; i++) sigaction((int[]){ SIGSEGV, SIGFPE }[i], &fault, 0);
  sigaction(SIGUSR1, &other, 0);
  for (int i = 0; i < c_case_count; i++) {
    u64 sum = 1;
    if (which >= 0 && which != i) continue;
    for (int round = 0; round < rounds; round++) {
      prepare(i, round);
      sum = sum * 31 + c_cases[i](round * 77 + 5, 1000003u * round, round * 0.75 - 3, 5);
      sum = fold(fold(fold(fold(fold(fold(sum, bytes, BYTES), words, sizeof words), longs, sizeof longs), doubles, sizeof doubles), floats, sizeof floats), records, sizeof records);
      if (which >= 0) printf(" round %d %016llx\n", round, (unsigned long long)sum);
    }
    printf("case %llx %016llx\n", (unsigned long long)c_seeds[i], (unsigned long long)sum);
  }
  return 0;
}
