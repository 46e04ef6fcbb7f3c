/* Load of WebSocket subscribers to rounds of eight texts (docs/protocols/feed.md, dialect 1), and what sending to them cost.
 *
 *   feed -p PORT -s PID -n SUBSCRIBERS -u WARM-UP-MS -t SPAN-MS
 *
 * Each subscriber must read unmasked text frames, each text whole in one, and pings, which it answers.  All must read the same:
 * the first to have a round sets what every other must have next, byte for byte; the fourth text must look like a URL and the
 * seventh like a pair, which tells whole rounds from parts.  An item is a text; a time is how long after the first subscriber
 * another one had the same round.
 *
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <signal.h>

enum { TEXTS = 8, URL = 3, PAIR = 6, CARRIED = 1 << 16, KEPT = 4096 };

struct options {
    int port, pid, subscribers, warm_up_ms, span_ms;
};

struct round {
    uint64_t hash, at_us;
};

struct subscriber {
    int fd;
    uint64_t next, hash; /* its next round; what it has of it */
    bool is_placed;      /* whether `next` is known */
    int texts;
    size_t length;
    unsigned char carried[CARRIED];
};

struct load {
    const struct options *options;
    struct subscriber *subscribers;
    struct loop loop;
    struct span *span;
    struct round rounds[KEPT]; /* the newest, by number */
    uint64_t count, wanted; /* rounds that anyone has; those that everyone must have in the end */
};

static uint64_t hashed(uint64_t hash, const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 1099511628211U;
    return (hash ^ length) * 1099511628211U;
}

/* The round that a new subscriber has read, if another had it before; or the one that nobody has. */
static uint64_t place(const struct load *load, uint64_t hash) {
    for (uint64_t number = load->count > KEPT ? load->count - KEPT : 0; number < load->count; number++)
        if (load->rounds[number % KEPT].hash == hash) return number;
    return load->count;
}

static void have_round(struct load *load, struct subscriber *subscriber) {
    uint64_t now = now_us();
    if (!subscriber->is_placed) subscriber->next = place(load, subscriber->hash);
    subscriber->is_placed = true;
    struct round *round = load->rounds + subscriber->next % KEPT;
    if (subscriber->next == load->count) {
        *round = (struct round){subscriber->hash, now};
        load->count++;
    } else if (load->count - subscriber->next > KEPT) {
        fail("a subscriber is %d rounds behind", KEPT);
    } else if (round->hash != subscriber->hash) {
        fail("a subscriber has read another round than those before it");
    } else {
        note_time(load->span, now - round->at_us);
    }
    subscriber->next++;
    subscriber->hash = 0;
    subscriber->texts = 0;
}

static void have_text(struct load *load, struct subscriber *subscriber, const unsigned char *text, size_t length) {
    const char *start = subscriber->texts == URL ? "http" : subscriber->texts == PAIR ? "('" : "";
    if (!length || strncmp((const char *)text, start, strlen(start))) {
        print_received((const char *)text, length);
        fail("that is not text %d of a round", subscriber->texts + 1);
    }
    if (load->span->is_open) load->span->items++;
    subscriber->hash = hashed(subscriber->hash, text, length);
    if (++subscriber->texts == TEXTS) have_round(load, subscriber);
}

static void take(void *the_load, void *the_subscriber, uint32_t events) {
    static unsigned char bytes[READ_SIZE + CARRIED];
    (void)events;
    struct subscriber *subscriber = the_subscriber;
    memcpy(bytes, subscriber->carried, subscriber->length);
    ssize_t count = read(subscriber->fd, bytes + subscriber->length, READ_SIZE);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a subscriber lost its connection");
    size_t have = subscriber->length + (size_t)count, at = 0;
    struct frame frame;
    for (size_t length; (length = take_frame(&frame, bytes + at, have - at)); at += length)
        if (frame.opcode == TEXT)
            have_text(the_load, subscriber, frame.payload, frame.length);
        else
            take_control(subscriber->fd, &frame);
    subscriber->length = have - at;
    if (subscriber->length > CARRIED) fail("a frame is longer than %d bytes", CARRIED);
    memcpy(subscriber->carried, bytes + at, subscriber->length);
}

/* Whether all have what any of them had when the span ended. */
static bool is_settled(void *the_load) {
    const struct load *load = the_load;
    for (int i = 0; i < load->options->subscribers; i++)
        if (load->subscribers[i].next < load->wanted) return false;
    return load->wanted;
}

static void run(const struct options *options) {
    struct load *load = allocate(1, sizeof *load);
    load->options = options;
    load->span = new_span(options->pid);
    load->subscribers = allocate((size_t)options->subscribers, sizeof *load->subscribers);
    load->loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = load, .take = take, .is_settled = is_settled};
    for (int i = 0; i < options->subscribers; i++) {
        load->subscribers[i].fd = open_websocket(options->port, "/", "");
        set_blocking(load->subscribers[i].fd, false);
        watch(&load->loop, load->subscribers[i].fd, load->subscribers + i, EPOLLIN, false);
    }
    pump(&load->loop, (uint64_t)options->warm_up_ms * 1000);
    open_span(load->span);
    pump(&load->loop, (uint64_t)options->span_ms * 1000);
    close_span(load->span);
    load->wanted = load->count;
    settle(&load->loop);
    print_span(load->span);
}

int main(int count, char **words) {
    struct options options = {-1, -1, -1, -1, -1};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},        {'s', &options.pid, 1, 1 << 30},      {'n', &options.subscribers, 1, 10000},
        {'u', &options.warm_up_ms, 0, 600000}, {'t', &options.span_ms, 1, 600000},
    };
    const char *mode = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    signal(SIGPIPE, SIG_IGN);
    if (*mode) fail("%s: there is but one thing to do", mode);
    run(&options);
    return 0;
}
