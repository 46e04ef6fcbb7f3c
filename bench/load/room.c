/* Load of bots that talk in one room, lines both ways (docs/protocols/room.md), and what passing on what they say cost.
 *
 *   room open  -p PORT -s PID -m MEMBERS -g GROUP -r GROUPS-A-SECOND -u WARM-UP-MS -t SPAN-MS
 *   room turns -p PORT -s PID -m MEMBERS -g ROUNDS -u WARM-UP-MS -t SPAN-MS
 *
 * open:  GROUP members say a line of 64 bytes each at once, then the next GROUP, at that rate, but none before all have heard
 *        the last.  Each member must hear every line but its own: each speaker's in order, none twice, byte for byte.
 * turns: every member replies to every message, and one reply a round goes to all others (section 3).  Each must hear the
 *        replies of those whose turn it is, in order, and a confirmation of its own.  ROUNDS is when the room ends.
 *
 * Both begin when a member has had its welcome, one line.  An item is a message that a member has heard.
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <signal.h>
#include <sys/timerfd.h>

enum { LINE = 64, CARRIED = 512, MOST = 1000 };
static const char CONFIRMATION[] = "This clients response has been sendt to the server\n";

struct options {
    int port, pid, members, group, rate, warm_up_ms, span_ms;
};

struct member {
    int fd, number;
    uint64_t heard, said;
    uint64_t *heard_of; /* lines, by speaker */
    char carried[CARRIED];
    size_t length;
};

struct load {
    const struct options *options;
    struct member *members;
    struct loop loop;
    struct span *span;
    int timer;
    uint64_t due, heard, group_heard, spoken_at;
    int next_speaker;
    bool has_turns, is_ending;
};

/* The number-th line of a speaker. */
static void compose(char line[LINE + 1], int speaker, uint64_t number) {
    int length = snprintf(line, LINE, "bot-%04d says for the %" PRIu64 "th time: ", speaker, number);
    memset(line + length, '.', LINE - 1 - (size_t)length);
    line[LINE - 1] = '\n';
    line[LINE] = 0;
}

static void say(struct member *member) {
    char line[LINE + 1];
    compose(line, member->number, ++member->said);
    write_whole(member->fd, line, LINE);
}

static void must_be(const struct member *member, const char *line, size_t length, const char *expected) {
    if (length == strlen(expected) && !memcmp(line, expected, length)) return;
    print_received(line, length);
    fail("member %d must hear something else: %s", member->number, expected);
}

/* ---- without turns --------------------------------------------------------------------------------------------------- */

static void speak(struct load *load) {
    const struct options *options = load->options;
    uint64_t passed;
    if (read(load->timer, &passed, sizeof passed) < 0 || load->is_ending || load->heard < load->due) return;
    load->spoken_at = now_us();
    load->due += (uint64_t)options->group * (uint64_t)(options->members - 1);
    for (int i = 0; i < options->group; i++) {
        say(load->members + load->next_speaker);
        load->next_speaker = (load->next_speaker + 1) % options->members;
    }
}

static void hear_line(struct load *load, struct member *member, const char *line, size_t length) {
    char expected[LINE + 1];
    int speaker = length == LINE ? atoi(line + strlen("bot-")) : -1;
    if (speaker < 0 || speaker >= load->options->members || speaker == member->number) {
        print_received(line, length);
        fail("member %d must not hear that", member->number);
    }
    compose(expected, speaker, ++member->heard_of[speaker]);
    must_be(member, line, length, expected);
    note_time(load->span, now_us() - load->spoken_at);
}

/* ---- with turns ------------------------------------------------------------------------------------------------------ */

static void hear_turn(struct load *load, struct member *member, const char *line, size_t length) {
    char expected[LINE + 1];
    uint64_t round = member->heard; /* 0: what the host says */
    int speaker = (int)((round + (uint64_t)load->options->members - 1) % (uint64_t)load->options->members);
    if (round == 0) {
        must_be(member, line, length < 8 ? length : 8, "Batman: ");
    } else if (speaker == member->number) {
        must_be(member, line, length, CONFIRMATION);
    } else {
        compose(expected, speaker, round);
        must_be(member, line, length, expected);
    }
    load->due = (uint64_t)load->options->members * (round + 1);
    if (!load->is_ending) say(member);
}

/* ---- both ------------------------------------------------------------------------------------------------------------ */

static void hear(struct load *load, struct member *member, const char *line, size_t length) {
    if (load->has_turns)
        hear_turn(load, member, line, length);
    else
        hear_line(load, member, line, length);
    member->heard++;
    load->heard++;
    if (load->span->is_open) load->span->items++;
}

static void take(void *the_load, void *the_member, uint32_t events) {
    static char bytes[READ_SIZE + CARRIED];
    (void)events;
    struct load *load = the_load;
    struct member *member = the_member;
    if (!member) {
        speak(load);
        return;
    }
    memcpy(bytes, member->carried, member->length);
    ssize_t count = read(member->fd, bytes + member->length, READ_SIZE);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("member %d lost its connection", member->number);
    char *at = bytes, *end = bytes + member->length + count;
    for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
        hear(load, member, at, (size_t)(newline + 1 - at));
    member->length = (size_t)(end - at);
    if (member->length > CARRIED) fail("member %d hears a line that does not end", member->number);
    memcpy(member->carried, at, member->length);
}

static bool is_settled(void *the_load) {
    const struct load *load = the_load;
    if (load->heard > load->due) fail("more was heard than said");
    return load->heard == load->due;
}

static void join_all(struct load *load) {
    char line[CARRIED];
    for (int i = 0; i < load->options->members; i++) {
        struct member *member = load->members + i;
        member->number = i;
        member->fd = dial(load->options->port, 1);
        member->heard_of = allocate((size_t)load->options->members, sizeof *member->heard_of);
        int length = snprintf(line, sizeof line, "bot-%04d\n", i);
        write_whole(member->fd, line, (size_t)length);
        length = (int)read_until(member->fd, line, sizeof line - 1, "\n");
        line[length] = 0;
        if (!strstr(line, "bot-")) fail("member %d is not welcome: %s", i, line);
        set_blocking(member->fd, false);
        watch(&load->loop, member->fd, member, EPOLLIN, false);
    }
}

static void start_timer(struct load *load) {
    long nanoseconds = 1000000000L / load->options->rate;
    struct timespec every = {nanoseconds / 1000000000L, nanoseconds % 1000000000L};
    struct itimerspec spec = {.it_interval = every, .it_value = every};
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timerfd_settime(load->timer, 0, &spec, NULL)) fail("timerfd: %s", strerror(errno));
    watch(&load->loop, load->timer, NULL, EPOLLIN, false);
}

/* As long as asked for; where the room would end before, not quite so long. */
static void run_turns(struct load *load) {
    const struct options *options = load->options;
    uint64_t last = (uint64_t)(options->group - 10) * (uint64_t)options->members;
    for (uint64_t until = now_us() + (uint64_t)options->span_ms * 1000; now_us() < until && load->heard < last;)
        pump(&load->loop, 1000);
}

static void run(const struct options *options, bool has_turns) {
    struct load load = {.options = options, .has_turns = has_turns, .span = new_span(options->pid)};
    load.members = allocate((size_t)options->members, sizeof *load.members);
    load.loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = &load, .take = take, .is_settled = is_settled};
    join_all(&load);
    if (!has_turns) start_timer(&load);
    pump(&load.loop, (uint64_t)options->warm_up_ms * 1000);
    open_span(load.span);
    if (has_turns)
        run_turns(&load);
    else
        pump(&load.loop, (uint64_t)options->span_ms * 1000);
    close_span(load.span);
    load.is_ending = true;
    settle(&load.loop);
    print_span(load.span);
}

int main(int count, char **words) {
    struct options options = {-1, -1, -1, -1, 1, -1, -1};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},    {'s', &options.pid, 1, 1 << 30},       {'m', &options.members, 2, MOST},
        {'g', &options.group, 1, 1000000}, {'r', &options.rate, 1, 100000},       {'t', &options.span_ms, 1, 600000},
        {'u', &options.warm_up_ms, 0, 600000},
    };
    const char *mode = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "open") && strcmp(mode, "turns")) fail("say what to do: open or turns");
    if (!strcmp(mode, "open") && options.group > options.members) fail("a group of %d is more than all members", options.group);
    run(&options, !strcmp(mode, "turns"));
    return 0;
}
