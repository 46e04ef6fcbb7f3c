/* What serving a load cost the server, read from /proc; and how the load generator fails. */
#ifndef COST_H
#define COST_H
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("relay_load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* CPU time of a process up to `at_us`, and how long its threads were ready to run but others held the CPU. */
struct usage {
    uint64_t at_us, ran_ns, waited_ns;
};

static struct usage usage_of(int pid) {
    struct usage usage = {.at_us = now_us()};
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *threads = opendir(path);
    if (!threads) fail("%s: %s: has the server ended?", path, strerror(errno));
    for (struct dirent *thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread->d_name);
        FILE *file = fopen(path, "r");
        uint64_t ran, waited;
        if (!file) continue; /* the thread has ended */
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2) fail("%s: no scheduler figures in it", path);
        usage.ran_ns += ran;
        usage.waited_ns += waited;
        fclose(file);
    }
    closedir(threads);
    return usage;
}

static long resident_kb(int pid) {
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file && kb < 0 && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kb);
    if (kb < 0) fail("%s: no VmRSS: has the server ended?", path);
    fclose(file);
    return kb;
}

#endif
