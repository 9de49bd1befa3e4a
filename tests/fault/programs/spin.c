/* Runs for ever, or for argv[1] rounds; says "ready" first and a check sum last. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    unsigned long rounds = argc > 1 ? strtoul(argv[1], 0, 10) : 0;
    volatile unsigned sum = 1;
    if (write(1, "ready\n", 6) != 6) return 1;
    for (unsigned long i = 0; rounds == 0 || i < rounds; i++) sum = sum * 1664525u + 1013904223u;
    printf("%u\n", sum);
    return 0;
}
