// Code written at run time: generated, rewritten, protected again, shared with a child.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  uint8_t *code = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int (*f)(void) = (int (*)(void))code; long sum = 0;
  for (int i = 0; i < 1000; i++) { code[0] = 0xb8; memcpy(code + 1, &i, 4); code[5] = 0xc3; sum += f(); }
  printf("sum %ld\n", sum);
  uint8_t *cross = code + 4096 - 3; int (*g)(void) = (int (*)(void))cross;
  for (int i = 0; i < 10; i++) { cross[0] = 0xb8; memcpy(cross + 1, &i, 4); cross[5] = 0xc3; sum += g(); }
  printf("cross %ld\n", sum);
  mprotect(code, 8192, PROT_READ | PROT_EXEC);
  if (fork() == 0) { mprotect(code, 4096, PROT_READ | PROT_WRITE); code[1] = 7; code[2] = code[3] = code[4] = 0; mprotect(code, 4096, PROT_READ | PROT_EXEC); _exit(f()); }
  int status; wait(&status); printf("child %d parent %d\n", WEXITSTATUS(status), f());
  return 0;
}
