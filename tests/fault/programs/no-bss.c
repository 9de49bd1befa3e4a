/* Static data in its last file page and no bss, so that a file cut there is loaded and dies at its first access. */
#include <unistd.h>

static char message[16384] = "loaded\n";

void _start(void) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(1), "D"(1), "S"(message), "d"(7L) : "rcx", "r11", "memory");
    message[16383] = 1;
    __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
    __builtin_unreachable();
}
