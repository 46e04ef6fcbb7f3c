/* Load for a server of JSON commands, one object a line (docs/protocols/command.md), and what serving it cost.
 *
 *   command once|kept -p PORT -s PID -c CONNECTIONS -u WARM-UP-MS -t SPAN-MS
 *
 * Each of CONNECTIONS programs sends a command, and the next one as soon as it has its answer.  Each command carries a number
 * of its own, and its answer must be exactly that of a success with this number as the result, blanks aside.
 * once: a connection for each command; its time is from connecting until the server has closed.
 * kept: all commands of a program on one connection.
 *
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <signal.h>

enum {
    ANSWER_SIZE = 256,
    LEAST = 100, /* the numbers have three digits */
    NUMBERS = 900,
    SOURCES = 200 /* addresses to come from: each has only so many ports, and closed connections hold them for a minute */
};

struct options {
    int port, pid, connections, warm_up_ms, span_ms;
};

struct program {
    int fd, number;
    uint64_t asked_at;
    char answer[ANSWER_SIZE];
    size_t received;
};

struct load {
    const struct options *options;
    struct program *programs;
    struct loop loop;
    struct span *span;
    bool is_kept, is_ending;
    uint64_t asked;
    int open;
};

static void ask(struct load *load, struct program *program) {
    char line[128];
    program->number = LEAST + (int)(load->asked++ % NUMBERS);
    program->received = 0;
    program->asked_at = now_us();
    if (!load->is_kept) {
        program->fd = dial(load->options->port, 1 + (int)(load->asked % SOURCES));
        set_blocking(program->fd, false);
        watch(&load->loop, program->fd, program, EPOLLIN, false);
        load->open++;
    }
    int length = snprintf(line, sizeof line, "{\"command_id\": \"set_lamp\", \"lamp\": \"hall\", \"level\": %d}\n", program->number);
    write_whole(program->fd, line, (size_t)length);
}

static void answered(struct load *load, struct program *program) {
    note_time(load->span, now_us() - program->asked_at);
    if (load->span->is_open) load->span->items++;
    if (!load->is_kept || load->is_ending) {
        close(program->fd);
        program->fd = -1;
        load->open--;
    }
    if (!load->is_ending) ask(load, program);
}

/* Compares what has come with the answer that must, blanks aside; whether it is whole. */
static bool is_whole(const struct program *program) {
    char expected[ANSWER_SIZE];
    int length = snprintf(expected, sizeof expected, "{\"status\":\"success\",\"result\":%d}\n", program->number), at = 0;
    for (size_t i = 0; i < program->received; i++) {
        if (program->answer[i] == ' ') continue;
        if (at == length || program->answer[i] != expected[at++]) {
            print_received(program->answer, program->received);
            fail("that is not the answer to %d", program->number);
        }
    }
    return at == length;
}

static void take(void *the_load, void *the_program, uint32_t events) {
    (void)events;
    struct load *load = the_load;
    struct program *program = the_program;
    ssize_t count = read(program->fd, program->answer + program->received, ANSWER_SIZE - program->received);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) fail("a command lost its connection: %s", strerror(errno));
    program->received += (size_t)count;
    bool is_answered = is_whole(program);
    if (!count && (load->is_kept || !is_answered)) fail("the server closed without an answer");
    if (load->is_kept ? is_answered : !count) answered(load, program);
}

static bool is_settled(void *the_load) { return !((struct load *)the_load)->open; }

static void run(const struct options *options, bool is_kept) {
    struct load load = {.options = options, .is_kept = is_kept, .span = new_span(options->pid)};
    load.programs = allocate((size_t)options->connections, sizeof *load.programs);
    load.loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = &load, .take = take, .is_settled = is_settled};
    for (int i = 0; i < options->connections; i++) {
        if (is_kept) {
            load.programs[i].fd = dial(options->port, 1);
            set_blocking(load.programs[i].fd, false);
            watch(&load.loop, load.programs[i].fd, load.programs + i, EPOLLIN, false);
            load.open++;
        }
        ask(&load, load.programs + i);
    }
    pump(&load.loop, (uint64_t)options->warm_up_ms * 1000);
    open_span(load.span);
    pump(&load.loop, (uint64_t)options->span_ms * 1000);
    close_span(load.span);
    load.is_ending = true;
    settle(&load.loop);
    print_span(load.span);
}

int main(int count, char **words) {
    struct options options = {-1, -1, -1, -1, -1};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},        {'s', &options.pid, 1, 1 << 30},      {'c', &options.connections, 1, 10000},
        {'u', &options.warm_up_ms, 0, 600000}, {'t', &options.span_ms, 1, 600000},
    };
    const char *mode = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "once") && strcmp(mode, "kept")) fail("say what to do: once or kept");
    run(&options, !strcmp(mode, "kept"));
    return 0;
}
