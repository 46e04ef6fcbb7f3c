/* Load of WebSocket subscribers to a stream of events, and what sending to them cost.
 *
 *   gateway netd|plain|nats -p PORT -l PUBLISHER'S-PORT -s PID -n SUBSCRIBERS -b BYTES -e EVENTS -i MS -u WARM-UP-MS -t SPAN-MS
 *   gateway netd|plain|nats -p PORT -l PUBLISHER'S-PORT -s PID -n SUBSCRIBERS -b BYTES
 *
 * A publisher says EVENTS numbers in one TCP segment, every MS milliseconds; every subscriber must read each of them once and in
 * order.  To netd the publisher is an agent that says samples (docs/protocols/session.md), and subscribers call bus.subscribe
 * (docs/protocols/gateway.md); a plain server sends what comes at /publish to all that connected to /; nats-server speaks NATS
 * over WebSocket to subscribers and over TCP to the publisher.  Without -i, subscribers are many and silent: tells the
 * server's memory, and how long it took until all were there and until one event had reached all.
 *
 * Messages to a plain server and to nats-server are made so that what they send has BYTES with its WebSocket or NATS head.  An item
 * is an event at a subscriber; a time is how long after the publisher wrote it.
 *
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/timerfd.h>

enum {
    KEPT = 1 << 16,   /* events whose time is known */
    FIRST_IDLE = 100, /* idle subscribers before the first reading: what a server allocates once is not counted */
    BURST = 20,       /* idle subscribers opened before the others are looked after, under the usual listen backlog of 50 */
    SEGMENT = 1 << 16
};

struct options {
    int port, publisher_port, pid, subscribers, bytes, events, interval_ms, warm_up_ms, span_ms;
};

/* What was read and is not yet whole. */
struct rest {
    unsigned char *bytes;
    size_t length;
};

struct subscriber {
    int fd;
    bool is_subscribed, is_placed; /* whether `next`, the number of its next event, is known */
    uint64_t next, seq;
    struct rest frames, lines;
};

struct load;

/* How a server is spoken to. */
struct dialect {
    const char *name, *path, *headers;
    int opcode; /* of what subscribers say and read */
    const char *subscription;
    size_t (*put)(const struct load *load, char *at, uint64_t number);
    int (*dial)(const struct options *options);
    void (*take)(struct load *load, struct subscriber *subscriber, const struct frame *frame);
};

struct load {
    const struct options *options;
    const struct dialect *dialect;
    struct subscriber *subscribers;
    int count, subscribed, timer, publisher;
    struct loop loop;
    struct span *span;
    uint64_t published, reached, bytes, first, published_at[KEPT]; /* `reached` counts in all subscribers together */
};

/* Puts what `rest` has before `count` bytes at `at`, which have room before them; gives how many there are then. */
static size_t with_rest(struct rest *rest, unsigned char *at, const unsigned char *bytes, size_t count) {
    memcpy(at, rest->bytes, rest->length);
    memmove(at + rest->length, bytes, count);
    return rest->length + count;
}

static void keep_rest(struct rest *rest, const unsigned char *bytes, size_t length) {
    free(rest->bytes);
    rest->bytes = length ? memcpy(allocate(length, 1), bytes, length) : NULL;
    rest->length = length;
}

static void have_event(struct load *load, struct subscriber *subscriber, uint64_t number, size_t length) {
    if (!subscriber->is_placed) subscriber->next = number;
    subscriber->is_placed = true;
    if (number != subscriber->next || number >= load->published || load->published - number > KEPT)
        fail("a subscriber read event %" PRIu64 " of %" PRIu64 " after %" PRIu64, number, load->published, subscriber->next);
    subscriber->next++;
    load->reached++;
    if (!load->span->is_open) return;
    load->span->items++;
    load->bytes += length;
    note_time(load->span, now_us() - load->published_at[number % KEPT]);
}

static void have_subscription(struct load *load, struct subscriber *subscriber) {
    if (!subscriber->is_subscribed) load->subscribed++;
    subscriber->is_subscribed = true;
}

/* ---- netd ------------------------------------------------------------------------------------------------------------ */

static const char EVENT[] = "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"pattern\":\"session.*.*.x\",\"seq\":";

static size_t put_sample(const struct load *load, char *at, uint64_t number) {
    (void)load;
    return (size_t)sprintf(at, "x %" PRIu64 "\n", number);
}

static int dial_agents_port(const struct options *options) {
    int fd = dial(options->publisher_port, 1);
    write_whole(fd, "{\"channels\": {\"x\": {}}}\n", 24);
    return fd;
}

static void take_notification(struct load *load, struct subscriber *subscriber, const struct frame *frame) {
    char text[512];
    if (frame->length >= sizeof text) fail("a message of %zu bytes", frame->length);
    memcpy(text, frame->payload, frame->length);
    text[frame->length] = 0;
    const char *value = strstr(text, ",\"value\":");
    if (!strncmp(text, EVENT, sizeof EVENT - 1) && value) {
        uint64_t seq = strtoull(text + sizeof EVENT - 1, NULL, 10);
        if (subscriber->seq && seq != subscriber->seq + 1) fail("a subscriber read seq %" PRIu64, seq);
        subscriber->seq = seq;
        have_event(load, subscriber, (uint64_t)strtod(value + 9, NULL), frame->length + 4);
    } else if (strstr(text, "\"id\":1") && strstr(text, "\"position\":")) {
        have_subscription(load, subscriber);
    } else {
        fail("a subscriber read: %s", text);
    }
}

/* ---- a plain server -------------------------------------------------------------------------------------------------- */

/* Twenty digits, and filling. */
static size_t put_number(char *at, uint64_t number, int length) {
    memset(at, 'x', (size_t)length);
    char digits[24];
    memcpy(at, digits, (size_t)sprintf(digits, "%020" PRIu64, number));
    return (size_t)length;
}

static size_t put_message(const struct load *load, char *at, uint64_t number) {
    char message[SEGMENT];
    return put_masked(at, TEXT, message, put_number(message, number, load->options->bytes - 4));
}

static int dial_publish(const struct options *options) { return open_websocket(options->port, "/publish", ""); }

static void take_message(struct load *load, struct subscriber *subscriber, const struct frame *frame) {
    if (frame->length != (size_t)load->options->bytes - 4) fail("a message of %zu bytes", frame->length);
    have_event(load, subscriber, strtoull((const char *)frame->payload, NULL, 10), frame->length + 4);
}

/* ---- nats-server ----------------------------------------------------------------------------------------------------- */

static const char CONNECT[] = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

static int nats_payload(const struct options *options) { return options->bytes - (int)strlen("MSG bench 1 200\r\n\r\n"); }

static size_t put_pub(const struct load *load, char *at, uint64_t number) {
    int length = nats_payload(load->options), head = sprintf(at, "PUB bench %d\r\n", length);
    put_number(at + head, number, length);
    memcpy(at + head + length, "\r\n", 2);
    return (size_t)(head + length + 2);
}

static int dial_nats(const struct options *options) {
    int fd = dial(options->publisher_port, 1);
    write_whole(fd, CONNECT, sizeof CONNECT - 1);
    return fd;
}

/* Takes one line, and of a MSG what follows it; gives its length, or 0 when it is not yet whole. */
static size_t take_line(struct load *load, struct subscriber *subscriber, const unsigned char *at, size_t have) {
    const unsigned char *end = memchr(at, '\n', have);
    int length = nats_payload(load->options), said;
    if (!end) return 0;
    size_t line = (size_t)(end + 1 - at), whole = line + (size_t)length + 2;
    if (!strncmp((const char *)at, "PONG", 4)) have_subscription(load, subscriber);
    if (strncmp((const char *)at, "MSG ", 4)) return line;
    if (sscanf((const char *)at, "MSG bench 1 %d", &said) != 1 || said != length) fail("a MSG of %d bytes", said);
    if (have < whole) return 0;
    have_event(load, subscriber, strtoull((const char *)end + 1, NULL, 10), whole);
    return whole;
}

static void take_lines(struct load *load, struct subscriber *subscriber, const struct frame *frame) {
    static unsigned char bytes[2 * READ_SIZE];
    size_t have = with_rest(&subscriber->lines, bytes, frame->payload, frame->length), at = 0;
    bytes[have] = 0;
    for (size_t length; at < have && (length = take_line(load, subscriber, bytes + at, have - at)); at += length) {}
    keep_rest(&subscriber->lines, bytes + at, have - at);
}

/* ---- what all do ----------------------------------------------------------------------------------------------------- */

static const struct dialect DIALECTS[] = {
    {"netd", "/ws", "Sec-WebSocket-Protocol: netd.v1\r\n", TEXT,
     "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"bus.subscribe\", \"params\": {\"pattern\": \"session.*.*.x\"}}", put_sample,
     dial_agents_port, take_notification},
    {"plain", "/", "", TEXT, "", put_message, dial_publish, take_message},
    {"nats", "/", "", BINARY, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB bench 1\r\nPING\r\n", put_pub, dial_nats,
     take_lines},
};

static void publish(struct load *load, int events) {
    static char segment[SEGMENT];
    size_t length = 0;
    for (int i = 0; i < events; i++, load->published++) {
        load->published_at[load->published % KEPT] = now_us();
        length += load->dialect->put(load, segment + length, load->published);
    }
    write_whole(load->publisher, segment, length);
}

static void take(void *the_load, void *the_subscriber, uint32_t events) {
    static unsigned char bytes[2 * READ_SIZE + 1];
    struct load *load = the_load;
    struct subscriber *subscriber = the_subscriber;
    uint64_t times;
    (void)events;
    if (!subscriber) { /* the timer: what the load has slept through is not made up for */
        if (read(load->timer, &times, sizeof times) == sizeof times) publish(load, load->options->events);
        return;
    }
    memcpy(bytes, subscriber->frames.bytes, subscriber->frames.length);
    ssize_t count = read(subscriber->fd, bytes + subscriber->frames.length, READ_SIZE);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a subscriber lost its connection");
    size_t have = subscriber->frames.length + (size_t)count, at = 0;
    struct frame frame;
    for (size_t length; (length = take_frame(&frame, bytes + at, have - at)); at += length)
        if (frame.opcode == load->dialect->opcode)
            load->dialect->take(load, subscriber, &frame);
        else
            take_control(subscriber->fd, &frame);
    keep_rest(&subscriber->frames, bytes + at, have - at);
}

/* Whether all have subscribed, and have every event since the last of them did. */
static bool is_settled(void *the_load) {
    const struct load *load = the_load;
    if (*load->dialect->subscription && load->subscribed < load->count) return false;
    for (int i = 0; i < load->count && load->published > load->first; i++)
        if (load->subscribers[i].next < load->published) return false;
    return true;
}

static void subscribe(struct load *load, int count) {
    char frame[512];
    const struct dialect *dialect = load->dialect;
    size_t length = put_masked(frame, dialect->opcode, dialect->subscription, strlen(dialect->subscription));
    while (load->count < count) {
        struct subscriber *subscriber = load->subscribers + load->count++;
        subscriber->fd = open_websocket(load->options->port, dialect->path, dialect->headers);
        set_blocking(subscriber->fd, false);
        if (*dialect->subscription) write_whole(subscriber->fd, frame, length);
        watch(&load->loop, subscriber->fd, subscriber, EPOLLIN, false);
        if (load->count % BURST == 0) settle(&load->loop);
    }
    settle(&load->loop);
}

/* When the server has nothing left to do; pings are answered meanwhile. */
static long settled_resident_kb(const struct load *load) {
    for (uint64_t until = now_us() + PATIENCE_US; now_us() < until; pump(&load->loop, 100000))
        if (is_at_rest(load->options->pid, 250000)) return resident_kb(load->options->pid);
    fail("the server does not come to rest with %d idle subscribers", load->count);
}

static void idle(struct load *load) {
    int all = FIRST_IDLE + load->options->subscribers;
    subscribe(load, FIRST_IDLE);
    load->publisher = load->dialect->dial(load->options);
    publish(load, 1);
    settle(&load->loop);
    long before = settled_resident_kb(load);
    uint64_t from = now_us();
    load->first = load->published;
    subscribe(load, all);
    double opened = (double)(now_us() - from) / 1e6;
    long after = settled_resident_kb(load);
    from = now_us();
    publish(load, 1);
    settle(&load->loop);
    printf("{\"subscribers\": %d, \"resident_kb_before\": %ld, \"resident_kb_after\": %ld, \"kb_each\": %.4f, \"open_s\": %.3f, "
           "\"reach_s\": %.4f}\n",
           all, before, after, (double)(after - before) / load->options->subscribers, opened, (double)(now_us() - from) / 1e6);
}

static void stream(struct load *load) {
    const struct options *options = load->options;
    long nanoseconds = options->interval_ms * 1000000L;
    struct itimerspec interval = {{0, nanoseconds}, {0, nanoseconds}};
    subscribe(load, options->subscribers);
    load->publisher = load->dialect->dial(options);
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(&load->loop, load->timer, NULL, EPOLLIN, false);
    timerfd_settime(load->timer, 0, &interval, NULL);
    pump(&load->loop, (uint64_t)options->warm_up_ms * 1000);
    open_span(load->span);
    pump(&load->loop, (uint64_t)options->span_ms * 1000);
    close_span(load->span);
    timerfd_settime(load->timer, 0, &(struct itimerspec){0}, NULL);
    settle(&load->loop);
    print_span_with(load->span, "frame_bytes", (double)load->bytes / (double)load->span->items);
}

int main(int count, char **words) {
    struct options options = {-1, -1, -1, -1, -1, 1, 0, 0, 1000};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},    {'l', &options.publisher_port, 1, 65535}, {'s', &options.pid, 1, 1 << 30},
        {'n', &options.subscribers, 1, 60000}, {'b', &options.bytes, 130, 999},      {'e', &options.events, 1, 60},
        {'i', &options.interval_ms, 1, 999}, {'u', &options.warm_up_ms, 0, 600000},  {'t', &options.span_ms, 1, 600000},
    };
    const char *name = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    struct load load = {.options = &options, .span = new_span(options.pid)};
    for (size_t i = 0; i < sizeof DIALECTS / sizeof *DIALECTS; i++)
        if (!strcmp(name, DIALECTS[i].name)) load.dialect = DIALECTS + i;
    if (!load.dialect) fail("say what the server is: netd, plain or nats");
    signal(SIGPIPE, SIG_IGN);
    load.subscribers = allocate((size_t)options.subscribers + FIRST_IDLE, sizeof *load.subscribers);
    load.loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = &load, .take = take, .is_settled = is_settled};
    if (options.interval_ms)
        stream(&load);
    else
        idle(&load);
    return 0;
}
