/* System calls that do not exist answer ENOSYS. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  for (long nr = 990; nr < 994; nr++) printf("%ld %d\n", syscall(nr, 1, 2, 3) == -1, errno == ENOSYS);
  return 0;
}
