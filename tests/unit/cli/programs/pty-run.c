/*
 * pty-run DELAY_MS LINE COMMAND…: runs a command on a terminal, types the line after the delay, and end of
 * file once the line was seen twice and nothing more came for a while. Prints what the terminal showed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_MS = 400, LIMIT_MS = 40000 };

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int count(const char *text, const char *word) {
    int found = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word)) found++;
    return found;
}

static pid_t start(int master, char **command) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    setsid();
    int slave = open(ptsname(master), O_RDWR);
    ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
    close(slave);
    close(master);
    execvp(command[0], command);
    _exit(127);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    pid_t pid = start(master, argv + 3);
    static char shown[65536];
    size_t length = 0;
    int typed = 0, ended = 0;
    long began = now_ms(), delay = atol(argv[1]), last = began;
    while (now_ms() - began < LIMIT_MS && length < sizeof shown - 1) {
        if (!typed && now_ms() - began >= delay) typed = dprintf(master, "%s\n", argv[2]) > 0;
        if (typed && !ended && count(shown, argv[2]) >= 2 && now_ms() - last > QUIET_MS) ended = write(master, "\004", 1) == 1;
        struct pollfd ready = { .fd = master, .events = POLLIN };
        if (poll(&ready, 1, 5) <= 0) continue;
        ssize_t n = read(master, shown + length, sizeof shown - 1 - length);
        if (n <= 0) break;
        length += n;
        last = now_ms();
    }
    fputs(shown, stdout);
    if (now_ms() - began >= LIMIT_MS) fputs("(timed out)\n", stdout);
    close(master);
    waitpid(pid, NULL, 0);
    return 0;
}
