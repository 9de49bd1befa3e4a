/* Executes each argument; prints the errno of execv, or how the program ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int channel[2];
        if (pipe(channel) != 0) return 1;
        pid_t pid = fork();
        if (pid == 0) {
            char *args[] = { argv[i], NULL };
            close(channel[0]);
            dup2(channel[1], 1);
            execv(argv[i], args);
            dprintf(channel[1], "errno %d", errno);
            _exit(99);
        }
        close(channel[1]);
        char text[200] = "";
        size_t length = 0;
        for (ssize_t n; (n = read(channel[0], text + length, sizeof text - 1 - length)) > 0; ) length += n;
        close(channel[0]);
        int status;
        waitpid(pid, &status, 0);
        text[strcspn(text, "\n")] = 0;
        const char *name = strrchr(argv[i], '/') + 1;
        printf("%s: %s %d, %s\n", name, WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), text);
    }
    return 0;
}
