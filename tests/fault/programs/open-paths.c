/* Says which of its arguments can be opened, and makes a file on the volume. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    printf("%s %s\n", argv[i], fd < 0 ? strerrorname_np(errno) : "ok");
  }
  int made = open("/v/made", O_CREAT | O_WRONLY, 0644);
  printf("/v/made %s\n", made >= 0 && write(made, "made\n", 5) == 5 ? "ok" : "failed");
  return 0;
}
