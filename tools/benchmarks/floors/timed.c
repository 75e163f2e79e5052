// Runs a command and tells how long it took, from before its start until after its end.
//
//   timed OUTPUT COMMAND [ARGUMENT…]     its standard output goes to the file OUTPUT
//
// Prints JSON: wall-clock and processor seconds, the greatest resident memory in KiB, the exit status.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec * 1e-6; }

int main(int count, char **words) {
    if (count < 3) return 64;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, words[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    pid_t child;
    int status;
    struct rusage used;
    double start = now();
    if (posix_spawnp(&child, words[2], &actions, NULL, words + 2, environ) != 0) return 127;
    if (wait4(child, &status, 0, &used) != child) return 1;
    double wall = now() - start;
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"rss_kib\": %ld, \"status\": %d}\n", wall,
           seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return 0;
}
