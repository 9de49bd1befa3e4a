/* timed NAME CMD ARG...: runs the command, prints a check sum of what it wrote and how long it ran, as the programs of
   tests/bench/cpu do. The clock starts before fork, so that starting the process counts, and the emulator does not. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static unsigned char buffer[65536];
int main(int argc, char **argv) {
  int ends[2], status;
  if (argc < 3 || pipe(ends)) return 125;
  double start = now();
  pid_t pid = fork();
  if (pid == 0) { dup2(ends[1], 1); close(ends[0]); close(ends[1]); execv(argv[2], argv + 2); perror(argv[2]); _exit(127); }
  close(ends[1]);
  uint64_t sum = 0xcbf29ce484222325u, bytes = 0;
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0; bytes += n) for (ssize_t i = 0; i < n; i++) sum = (sum ^ buffer[i]) * 0x100000001b3u;
  if (waitpid(pid, &status, 0) != pid || status != 0) { fprintf(stderr, "%s: status %x\n", argv[1], status); return 1; }
  double seconds = now() - start;
  printf("CHECK %s bytes=%llu sum=%016llx\nTIME %s %.6f\n", argv[1], (unsigned long long)bytes, (unsigned long long)sum, argv[1], seconds);
  return 0;
}
