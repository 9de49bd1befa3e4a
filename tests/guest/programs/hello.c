#include <stdio.h>
int main(int argc, char **argv) {
  printf("hello %d %s\n", argc, argc > 1 ? argv[1] : "-");
  printf("%.3f %g %s\n", 3.14159, 1e100, "text");
  return argc > 2 ? 3 : 0;
}
