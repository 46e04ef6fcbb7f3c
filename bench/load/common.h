/* What all loads share: how they connect, wait and fail, and what the server's work cost, read from /proc. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_SIZE = 1 << 18,
    SLOWEST_US = 1000000,  /* latencies above a second count as a second */
    PATIENCE_US = 20000000 /* for anything that must come, but not within the measured span */
};

/* ---- failing, and what every program needs --------------------------------------------------------------------------- */

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
void print_received(const char *bytes, size_t count);
void *allocate(size_t count, size_t size);
uint64_t now_us(void);

/* An option of the command line: a whole number. One whose value is negative beforehand must be given. */
struct setting {
    char letter;
    int *value, least, most;
};

/* Reads the options; gives the one word behind them, or "". */
const char *read_settings(int count, char **words, const struct setting *settings, size_t length);

/* ---- connections ----------------------------------------------------------------------------------------------------- */

/* A blocking connection to 127.0.0.1. `source` is the last number of the address 127.0.0.x that it comes from. */
int dial(int port, int source);
void set_blocking(int fd, bool is_blocking);
void write_whole(int fd, const char *bytes, size_t length);

/* Reads `length` bytes, or as many as come before the server closes or stays silent. */
size_t read_whole(int fd, char *bytes, size_t length);

/* Reads up to and with `end`, byte by byte: what is behind it stays in the socket. */
size_t read_until(int fd, char *bytes, size_t size, const char *end);

/* ---- WebSockets ------------------------------------------------------------------------------------------------------ */

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, HEADS = 14 };

/* A whole frame of a server's, as it lies in what was read. */
struct frame {
    int opcode;
    const unsigned char *payload;
    size_t length;
};

/* A connection to 127.0.0.1 whose handshake is done.  `headers` are whole lines, or "". */
int open_websocket(int port, const char *path, const char *headers);

/* Puts a client's frame at `at`, which has room for HEADS bytes more than its payload; gives its length. */
size_t put_masked(char *at, int opcode, const char *payload, size_t length);

/* Takes one unmasked, unfragmented frame; gives its length with its head, or 0 when it is not yet whole. */
size_t take_frame(struct frame *frame, const unsigned char *at, size_t have);

/* Answers a ping; fails for a close frame. */
void take_control(int fd, const struct frame *frame);

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

/* Connections that are waited for together. `take` gets the connection that something happened to. */
struct loop {
    int epoll;
    void *load;
    void (*take)(void *load, void *connection, uint32_t events);
    bool (*is_settled)(void *load);
};

void watch(const struct loop *loop, int fd, void *connection, uint32_t events, bool is_watched);

/* Take what comes, for so long. */
void pump(const struct loop *loop, uint64_t microseconds);

/* Take what comes until nothing is missing; fails when that does not come about. */
void settle(const struct loop *loop);

/* ---- what it cost ---------------------------------------------------------------------------------------------------- */

/* CPU time of a process up to `at_us`, and how long its threads were ready to run but others held the CPU. */
struct usage {
    uint64_t at_us, ran_ns, waited_ns;
};

/* What is measured: items within a span of time, and how long each took. */
struct span {
    int pid;
    bool is_open;
    struct usage from, to;
    uint64_t items, timed;
    uint32_t latencies[SLOWEST_US + 1];
};

struct usage usage_of(int pid);
long resident_kb(int pid);

/* Whether the process neither ran nor wanted to for 95 % of so many microseconds. */
bool is_at_rest(int pid, useconds_t microseconds);

struct span *new_span(int pid);
void open_span(struct span *span);
void close_span(struct span *span);

/* Notes, within the span, how long something took. */
void note_time(struct span *span, uint64_t took_us);

/* One line of JSON; `name` is one figure more. */
void print_span(const struct span *span);
void print_span_with(const struct span *span, const char *name, double figure);
#endif
