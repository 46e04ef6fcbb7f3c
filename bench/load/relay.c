/* Load for a relay broker of the 64-byte-header protocol (docs/protocols/relay.md, dialect 1), and what serving it cost.
 *
 *   relay crowd -p PORT -s PID -d DEVICES -c CONTROLLERS -w WINDOW -b BYTES -u WARM-UP-MS -t SPAN-MS
 *   relay idle  -p PORT -s PID -d DEVICES
 *
 * crowd: every controller keeps WINDOW requests of BYTES payload outstanding towards its device.  Every byte that comes back
 *        is compared: controllers must read nothing but `data succesfully sent`, devices nothing but whole frames, and at the
 *        end each device must have exactly as many frames as its controllers have answers.
 * idle:  DEVICES devices register and stay silent; tells the server's resident memory before and after.
 *
 * PID is the server's.  Prints one line of JSON.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>

enum {
    HEADER = 64,
    FIRST_IDLE = 100, /* idle connections before the first reading: what a server allocates once is not counted */
    BURST = 20,       /* idle connections opened every BURST_US, under the usual listen backlog of 50 */
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
    int count;
    struct loop loop;
    struct span *span;
    bool is_ending;
};

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

static int dial_device(int port) {
    char type[HEADER + 16];
    int fd = dial(port, 1);
    write_whole(fd, type, put_frame(type, "raspberrypi", 11));
    return fd;
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

/* ---- a crowd -------------------------------------------------------------------------------------------------------- */

static void watch_connection(struct load *load, struct connection *connection, bool is_watched) {
    watch(&load->loop, connection->fd, connection, EPOLLIN | (connection->is_blocked ? EPOLLOUT : 0), is_watched);
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
    if (controller->is_blocked != was_blocked) watch_connection(load, controller, true);
}

static void ask(struct load *load, struct connection *controller, uint64_t requests, uint64_t now) {
    uint64_t window = (uint64_t)load->options->window;
    for (uint64_t i = 0; i < requests; i++) controller->asked_at[controller->asked++ % window] = now;
    controller->unsent += requests * controller->request_length;
    flush(load, controller);
}

static void take_answers(struct load *load, struct connection *controller, uint64_t answers) {
    uint64_t now = now_us(), window = (uint64_t)load->options->window;
    if (controller->frames > controller->asked) fail("a controller got more answers than it asked for");
    for (uint64_t i = controller->frames - answers; i < controller->frames; i++)
        note_time(load->span, now - controller->asked_at[i % window]);
    if (load->span->is_open) load->span->items += answers;
    if (!load->is_ending) ask(load, controller, answers, now);
}

static void take(void *the_load, void *the_connection, uint32_t events) {
    static char bytes[READ_SIZE];
    struct connection *connection = the_connection;
    if (events & EPOLLOUT) flush(the_load, connection);
    if (!(events & ~(uint32_t)EPOLLOUT)) return;
    ssize_t count = read(connection->fd, bytes, sizeof bytes);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("a %s lost its connection", connection->device ? "controller" : "device");
    uint64_t frames = match(connection, bytes, (size_t)count);
    if (connection->device && frames) take_answers(the_load, connection, frames);
}

/* Whether every answer has come and every device has all that was confirmed. */
static bool is_settled(void *the_load) {
    const struct load *load = the_load;
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
        connection->fd = is_device ? dial_device(options->port) : dial(options->port, 1);
        connection->frame = is_device ? frame : answer;
        connection->frame_length = is_device ? frame_length : answer_length;
        if (!is_device) {
            connection->device = load->connections + (i - options->devices) % options->devices;
            prepare_requests(connection, options);
            introduce(connection);
        }
        set_blocking(connection->fd, false);
        watch_connection(load, connection, false);
    }
}

static void crowd(const struct options *options) {
    int count = options->devices + options->controllers;
    struct load load = {.options = options, .count = count, .span = new_span(options->pid)};
    load.connections = allocate((size_t)count, sizeof *load.connections);
    load.loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = &load, .take = take, .is_settled = is_settled};
    connect_all(&load);
    for (int i = options->devices; i < count; i++) ask(&load, load.connections + i, (uint64_t)options->window, now_us());
    pump(&load.loop, (uint64_t)options->warm_up_ms * 1000);
    open_span(load.span);
    pump(&load.loop, (uint64_t)options->span_ms * 1000);
    close_span(load.span);
    load.is_ending = true;
    settle(&load.loop);
    print_span(load.span);
}

/* ---- idle ----------------------------------------------------------------------------------------------------------- */

/* Whether the server's kernel has everything: a connection that its backlog had no room for still holds its bytes here. */
static bool is_delivered(const int *fds, int count) {
    for (int i = 0, unsent; i < count; i++)
        if (!ioctl(fds[i], SIOCOUTQ, &unsent) && unsent) return false;
    return true;
}

/* When the server has nothing left to do. */
static long settled_resident_kb(int pid, const int *fds, int count) {
    for (uint64_t until = now_us() + PATIENCE_US; now_us() < until;)
        if (is_at_rest(pid, 250000) && is_delivered(fds, count)) return resident_kb(pid);
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

int main(int count, char **words) {
    struct options options = {.port = -1, .pid = -1, .devices = -1};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},       {'s', &options.pid, 1, 1 << 30},       {'d', &options.devices, 1, 60000},
        {'c', &options.controllers, 1, 10000}, {'w', &options.window, 1, 1000},       {'b', &options.payload, 1, 65536},
        {'u', &options.warm_up_ms, 0, 600000}, {'t', &options.span_ms, 1, 600000},
    };
    const char *mode = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(mode, "idle")) {
        idle(&options);
    } else if (!strcmp(mode, "crowd")) {
        if (!options.controllers || !options.window || !options.payload || !options.span_ms) fail("crowd needs -c, -w, -b and -t");
        crowd(&options);
    } else {
        fail("say what to do: crowd or idle");
    }
    return 0;
}
