/* Load for a relay broker of the 64-byte-header protocol (docs/protocols/relay.md, dialect 1), and what serving it cost.
 *
 *   relay_load relay -p PORT -s PID -d DEVICES -c CONTROLLERS -w WINDOW -b BYTES -u WARM-UP-MS -t SPAN-MS
 *   relay_load idle  -p PORT -s PID -d DEVICES
 *
 * relay: every controller keeps WINDOW requests of BYTES payload outstanding towards its device.  Every byte that comes back
 *        is compared: controllers must read nothing but `data succesfully sent`, devices nothing but whole frames, and at the
 *        end each device must have exactly as many frames as its controllers have answers.
 * idle:  DEVICES devices register and stay silent; tells the server's resident memory before and after.
 *
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cost.h"

enum {
    HEADER = 64,
    READ_SIZE = 1 << 18,
    SLOWEST_US = 1000000,   /* latencies above a second count as a second */
    PATIENCE_US = 20000000, /* for anything that must come, but not within the measured span */
    FIRST_IDLE = 100,       /* idle connections before the first reading: what a server allocates once is not counted */
    BURST = 20,             /* idle connections opened every BURST_US, under the usual listen backlog of 50 */
    BURST_US = 10000
};
static const char SENT[] = "data succesfully sent", NOT_FOUND[] = "|target not found|";

struct options {
    int port, pid, devices, controllers, window, payload, warm_up_ms, span_ms;
};

struct connection {
    int fd;
    const char *frame; /* all that may arrive: this frame, again and again */
    size_t frame_length, position;
    uint64_t frames;
    struct connection *device; /* a controller's; NULL marks a device */
    char *requests;            /* a controller's whole window, ready to write */
    size_t request_length, unsent, offset;
    uint64_t asked, *asked_at;
    bool is_blocked;
};

struct load {
    const struct options *options;
    struct connection *connections; /* devices first */
    int count, epoll;
    bool is_counting, is_ending;
    uint64_t answers; /* while counting */
    uint32_t latencies[SLOWEST_US + 1];
};

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) fail("out of memory");
    return memory;
}

/* ---- frames and connections ----------------------------------------------------------------------------------------- */

static size_t put_field(char *at, const char *text) {
    size_t length = strlen(text);
    memset(at, ' ', HEADER);
    memcpy(at, text, length);
    return HEADER;
}

static size_t put_frame(char *at, const char *payload, size_t length) {
    char header[HEADER];
    snprintf(header, sizeof header, "%zu", length);
    put_field(at, header);
    memcpy(at + HEADER, payload, length);
    return HEADER + length;
}

static int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct timeval patience = {.tv_sec = PATIENCE_US / 1000000};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) fail("socket: %s (see `ulimit -n`)", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("port %d: %s", port, strerror(errno));
    return fd;
}

static void write_whole(int fd, const char *bytes, size_t length) {
    if (write(fd, bytes, length) != (ssize_t)length) fail("write: %s", strerror(errno));
}

/* Reads `length` bytes, or as many as come before the server closes or stays silent. */
static size_t read_whole(int fd, char *bytes, size_t length) {
    ssize_t count = length ? recv(fd, bytes, length, MSG_WAITALL) : 0;
    return count > 0 ? (size_t)count : 0;
}

static int dial_device(int port) {
    char type[HEADER + 16];
    int fd = dial(port);
    write_whole(fd, type, put_frame(type, "raspberrypi", 11));
    return fd;
}

static void print_received(const char *bytes, size_t count) {
    fputs("relay_load: received: ", stderr);
    for (size_t i = 0; i < count && i < 200; i++) fputc(isprint((unsigned char)bytes[i]) ? bytes[i] : '?', stderr);
    fputc('\n', stderr);
}

/* Compares what arrived with the frame that must; returns how many frames became whole. */
static uint64_t match(struct connection *connection, const char *bytes, size_t count) {
    uint64_t before = connection->frames;
    for (size_t part; count; bytes += part, count -= part) {
        part = connection->frame_length - connection->position;
        if (part > count) part = count;
        if (memcmp(bytes, connection->frame + connection->position, part)) {
            print_received(bytes, count);
            fail("that is not what a %s must read", connection->device ? "controller" : "device");
        }
        connection->position += part;
        if (connection->position == connection->frame_length) {
            connection->position = 0;
            connection->frames++;
        }
    }
    return connection->frames - before;
}

static void prepare_requests(struct connection *controller, const struct options *options) {
    char target[HEADER];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(controller->device->fd, (struct sockaddr *)&address, &size);
    snprintf(target, sizeof target, "('127.0.0.1', %d)", ntohs(address.sin_port));
    controller->request_length = 2 * HEADER + strlen("python") + controller->device->frame_length;
    controller->requests = allocate((size_t)options->window, controller->request_length);
    controller->asked_at = allocate((size_t)options->window, sizeof *controller->asked_at);
    char *at = controller->requests;
    for (int i = 0; i < options->window; i++) {
        at += put_frame(at, "python", 6);
        at += put_field(at, target);
        memcpy(at, controller->device->frame, controller->device->frame_length);
        at += controller->device->frame_length;
    }
}

/* Sends one request and reads its answer, until the device is known to the server. */
static void introduce(struct connection *controller) {
    char missing[HEADER + sizeof NOT_FOUND], answer[2 * HEADER];
    size_t missing_length = put_frame(missing, NOT_FOUND, strlen(NOT_FOUND));
    for (uint64_t until = now_us() + PATIENCE_US; now_us() < until; usleep(10000)) {
        write_whole(controller->fd, controller->requests, controller->request_length);
        size_t count = read_whole(controller->fd, answer, missing_length); /* the shorter of the two answers */
        if (count == missing_length && !memcmp(answer, missing, count)) continue;
        if (count == missing_length) count += read_whole(controller->fd, answer + count, controller->frame_length - count);
        controller->asked = match(controller, answer, count);
        if (!controller->asked) fail("the server does not answer a controller: %zu bytes of %zu", count, controller->frame_length);
        return;
    }
    fail("the server answers %s for a device that is connected", NOT_FOUND);
}

/* ---- relay ---------------------------------------------------------------------------------------------------------- */

static void watch(struct load *load, struct connection *connection, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (connection->is_blocked ? EPOLLOUT : 0), .data.ptr = connection};
    if (epoll_ctl(load->epoll, operation, connection->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void flush(struct load *load, struct connection *controller) {
    size_t window_length = controller->request_length * (size_t)load->options->window;
    bool was_blocked = controller->is_blocked;
    controller->is_blocked = false;
    while (controller->unsent && !controller->is_blocked) {
        size_t part = window_length - controller->offset;
        if (part > controller->unsent) part = controller->unsent;
        ssize_t count = write(controller->fd, controller->requests + controller->offset, part);
        if (count < 0 && errno != EAGAIN) fail("write: %s", strerror(errno));
        if (count < 0) {
            controller->is_blocked = true;
        } else {
            controller->unsent -= (size_t)count;
            controller->offset = (controller->offset + (size_t)count) % controller->request_length;
        }
    }
    if (controller->is_blocked != was_blocked) watch(load, controller, EPOLL_CTL_MOD);
}

static void ask(struct load *load, struct connection *controller, uint64_t requests, uint64_t now) {
    uint64_t window = (uint64_t)load->options->window;
    for (uint64_t i = 0; i < requests; i++) controller->asked_at[controller->asked++ % window] = now;
    controller->unsent += requests * controller->request_length;
    flush(load, controller);
}

static void take_answers(struct load *load, struct connection *controller, uint64_t answers) {
    uint64_t now = now_us();
    if (controller->frames > controller->asked) fail("a controller got more answers than it asked for");
    for (uint64_t i = controller->frames - answers; load->is_counting && i < controller->frames; i++) {
        uint64_t took = now - controller->asked_at[i % (uint64_t)load->options->window];
        load->latencies[took < SLOWEST_US ? took : SLOWEST_US]++;
        load->answers++;
    }
    if (!load->is_ending) ask(load, controller, answers, now);
}

static void take_input(struct load *load, struct connection *connection) {
    static char bytes[READ_SIZE];
    ssize_t count = read(connection->fd, bytes, sizeof bytes);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a %s lost its connection", connection->device ? "controller" : "device");
    uint64_t frames = match(connection, bytes, (size_t)count);
    if (connection->device && frames) take_answers(load, connection, frames);
}

/* Whether every answer has come and every device has all that was confirmed. */
static bool is_settled(const struct load *load) {
    const struct options *options = load->options;
    uint64_t due[options->devices];
    memset(due, 0, sizeof due);
    for (int i = options->devices; i < load->count; i++) {
        const struct connection *controller = load->connections + i;
        if (controller->frames < controller->asked) return false;
        due[controller->device - load->connections] += controller->frames;
    }
    for (int i = 0; i < options->devices; i++) {
        if (load->connections[i].frames > due[i]) fail("device %d has more frames than were sent to it", i);
        if (load->connections[i].frames < due[i]) return false;
    }
    return true;
}

static void pump(struct load *load, uint64_t microseconds) {
    struct epoll_event events[64];
    for (uint64_t until = now_us() + microseconds; now_us() < until;) {
        if (load->is_ending && is_settled(load)) return;
        int count = epoll_wait(load->epoll, events, 64, 10);
        for (int i = 0; i < count; i++) {
            if (events[i].events & EPOLLOUT) flush(load, events[i].data.ptr);
            if (events[i].events & ~(uint32_t)EPOLLOUT) take_input(load, events[i].data.ptr);
        }
    }
    if (load->is_ending) fail("frames or answers are missing, long after the last request");
}

static void connect_all(struct load *load) {
    const struct options *options = load->options;
    static char answer[HEADER + sizeof SENT];
    size_t answer_length = put_frame(answer, SENT, strlen(SENT));
    char *payload = allocate((size_t)options->payload + 1, 1), *frame = allocate(HEADER + (size_t)options->payload, 1);
    for (int i = 0; i < options->payload; i++) payload[i] = (char)('a' + i % 26);
    size_t frame_length = put_frame(frame, payload, (size_t)options->payload);
    free(payload);
    for (int i = 0; i < load->count; i++) {
        struct connection *connection = load->connections + i;
        bool is_device = i < options->devices;
        connection->fd = is_device ? dial_device(options->port) : dial(options->port);
        connection->frame = is_device ? frame : answer;
        connection->frame_length = is_device ? frame_length : answer_length;
        if (!is_device) {
            connection->device = load->connections + (i - options->devices) % options->devices;
            prepare_requests(connection, options);
            introduce(connection);
        }
        fcntl(connection->fd, F_SETFL, O_NONBLOCK);
        watch(load, connection, EPOLL_CTL_ADD);
    }
}

static int percentile_us(const struct load *load, double share) {
    uint64_t below = (uint64_t)((double)load->answers * share), seen = 0;
    int latency = 0;
    while (latency < SLOWEST_US && (seen += load->latencies[latency]) <= below) latency++;
    return latency;
}

static void print_cost(const struct load *load, struct usage from, struct usage to) {
    double seconds = (double)(to.at_us - from.at_us) / 1e6, cpu = (double)(to.ran_ns - from.ran_ns) / 1e9;
    double waited = (double)(to.waited_ns - from.waited_ns) / 1e9, answers = (double)load->answers;
    /* Threads of one server also wait for each other; the server as a whole waits at most while none of them runs. */
    if (waited > seconds - cpu) waited = seconds > cpu ? seconds - cpu : 0;
    if (!load->answers) fail("no request was answered within the measured span");
    printf("{\"requests\": %.0f, \"seconds\": %.4f, \"requests_per_second\": %.1f, \"cpu_us_per_request\": %.4f, "
           "\"cpu_share\": %.4f, \"waited_share\": %.4f, \"p50_us\": %d, \"p99_us\": %d, \"resident_kb\": %ld}\n",
           answers, seconds, answers / seconds, cpu * 1e6 / answers, cpu / seconds, waited / seconds,
           percentile_us(load, 0.5), percentile_us(load, 0.99), resident_kb(load->options->pid));
}

static void relay(const struct options *options) {
    struct load *load = allocate(1, sizeof *load);
    load->options = options;
    load->count = options->devices + options->controllers;
    load->connections = allocate((size_t)load->count, sizeof *load->connections);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    connect_all(load);
    for (int i = options->devices; i < load->count; i++)
        ask(load, load->connections + i, (uint64_t)options->window, now_us());
    pump(load, (uint64_t)options->warm_up_ms * 1000);
    struct usage from = usage_of(options->pid);
    load->is_counting = true;
    pump(load, (uint64_t)options->span_ms * 1000);
    load->is_counting = false;
    struct usage to = usage_of(options->pid);
    load->is_ending = true;
    pump(load, PATIENCE_US);
    print_cost(load, from, to);
}

/* ---- idle ----------------------------------------------------------------------------------------------------------- */

/* Whether the server's kernel has everything: a connection that its backlog had no room for still holds its bytes here. */
static bool is_delivered(const int *fds, int count) {
    for (int i = 0, unsent; i < count; i++)
        if (!ioctl(fds[i], SIOCOUTQ, &unsent) && unsent) return false;
    return true;
}

/* Until the server has nothing left to do: it neither ran nor wanted to for 95 % of a quarter of a second. */
static long settled_resident_kb(int pid, const int *fds, int count) {
    for (uint64_t until = now_us() + PATIENCE_US; now_us() < until;) {
        struct usage from = usage_of(pid);
        usleep(250000);
        struct usage to = usage_of(pid);
        uint64_t busy_us = (to.ran_ns - from.ran_ns + to.waited_ns - from.waited_ns) / 1000;
        if (is_delivered(fds, count) && busy_us * 20 < to.at_us - from.at_us) return resident_kb(pid);
    }
    fail("the server does not come to rest with %d idle devices", count);
}

static void idle(const struct options *options) {
    int count = 0, all = FIRST_IDLE + options->devices, *fds = allocate((size_t)all, sizeof *fds);
    while (count < FIRST_IDLE) fds[count++] = dial_device(options->port);
    long before = settled_resident_kb(options->pid, fds, count);
    while (count < all) {
        fds[count++] = dial_device(options->port);
        if (count % BURST == 0) usleep(BURST_US);
    }
    long after = settled_resident_kb(options->pid, fds, count);
    char byte;
    for (int i = 0; i < all; i++)
        if (recv(fds[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            fail("the server did not keep idle device %d of %d: it closed or said something", i + 1, all);
    printf("{\"devices\": %d, \"resident_kb_before\": %ld, \"resident_kb_after\": %ld, \"kb_per_device\": %.4f}\n",
           options->devices, before, after, (double)(after - before) / options->devices);
}

/* ---- command line --------------------------------------------------------------------------------------------------- */

static int number(char option, const char *text, long least, long most) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < least || value > most) fail("-%c %s: must be %ld to %ld", option, text, least, most);
    return (int)value;
}

int main(int count, char **words) {
    struct options options = {0};
    for (int option; (option = getopt(count, words, "p:s:d:c:w:b:u:t:")) != -1;) switch (option) {
        case 'p': options.port = number('p', optarg, 1, 65535); break;
        case 's': options.pid = number('s', optarg, 1, 1 << 30); break;
        case 'd': options.devices = number('d', optarg, 1, 60000); break;
        case 'c': options.controllers = number('c', optarg, 1, 10000); break;
        case 'w': options.window = number('w', optarg, 1, 1000); break;
        case 'b': options.payload = number('b', optarg, 1, 65536); break;
        case 'u': options.warm_up_ms = number('u', optarg, 0, 600000); break;
        case 't': options.span_ms = number('t', optarg, 1, 600000); break;
        default: return 2;
    }
    const char *mode = optind == count - 1 ? words[optind] : "";
    signal(SIGPIPE, SIG_IGN);
    if (!options.port || !options.pid || !options.devices) fail("-p, -s and -d are needed");
    if (!strcmp(mode, "idle")) {
        idle(&options);
    } else if (!strcmp(mode, "relay")) {
        if (!options.controllers || !options.window || !options.payload || !options.span_ms) fail("relay needs -c, -w, -b and -t");
        relay(&options);
    } else {
        fail("say what to do: relay or idle");
    }
    return 0;
}
