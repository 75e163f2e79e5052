// What the floors share: a clock, whole files, SHA-256.
#pragma once
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double clock_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static inline double now(void) { return clock_seconds(CLOCK_MONOTONIC); }
static inline double cpu(void) { return clock_seconds(CLOCK_PROCESS_CPUTIME_ID); }

static inline void fail(const char *what) {
    perror(what);
    exit(1);
}

// Reads a file whole into a buffer that grows as needed; gives its size.
static inline size_t read_file(const char *path, unsigned char **buffer, size_t *room) {
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) fail(path);
    size_t size = status.st_size;
    if (size > *room) *buffer = realloc(*buffer, *room = size);
    if (pread(file, *buffer, size, 0) != (ssize_t)size) fail(path);
    close(file);
    return size;
}

static inline void hash(const void *bytes, size_t count) {
    unsigned char digest[32];
    SHA256(bytes, count, digest);
    __asm__ volatile("" : : "r"(digest) : "memory");
}

static inline void write_all(int file, const void *bytes, size_t count) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t written = write(file, at, count);
        if (written <= 0) fail("write");
        at += written;
        count -= written;
    }
}
