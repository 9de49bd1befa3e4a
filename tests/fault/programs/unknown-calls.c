/* System calls that do not exist answer ENOSYS. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  for (long nr = 990; nr < 994; nr++) {
    long result = syscall(nr, 1, 2, 3);
    printf("%d %d\n", result == -1, errno == ENOSYS);
  }
  return 0;
}
