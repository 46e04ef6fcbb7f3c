#include "common.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <time.h>

/* ---- failing, and what every program needs --------------------------------------------------------------------------- */

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void print_received(const char *bytes, size_t count) {
    fprintf(stderr, "%s: received: ", program_invocation_short_name);
    for (size_t i = 0; i < count && i < 200; i++) fputc(isprint((unsigned char)bytes[i]) ? bytes[i] : '?', stderr);
    fputc('\n', stderr);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) fail("out of memory");
    return memory;
}

uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void read_setting(const struct setting *settings, size_t length, int letter, const char *text) {
    for (size_t i = 0; i < length; i++) {
        char *end;
        long value = strtol(text, &end, 10);
        if (settings[i].letter != letter) continue;
        if (*end || end == text || value < settings[i].least || value > settings[i].most)
            fail("-%c %s: must be %d to %d", letter, text, settings[i].least, settings[i].most);
        *settings[i].value = (int)value;
    }
}

const char *read_settings(int count, char **words, const struct setting *settings, size_t length) {
    char letters[2 * length + 1], *at = letters;
    for (size_t i = 0; i < length; i++) {
        *at++ = settings[i].letter;
        *at++ = ':';
    }
    *at = 0;
    for (int letter; (letter = getopt(count, words, letters)) != -1;) {
        if (letter == '?') exit(2);
        read_setting(settings, length, letter, optarg);
    }
    for (size_t i = 0; i < length; i++)
        if (*settings[i].value < 0) fail("-%c is needed", settings[i].letter);
    if (optind < count - 1) fail("%s: one word is enough", words[optind + 1]);
    return optind < count ? words[optind] : "";
}

/* ---- connections ----------------------------------------------------------------------------------------------------- */

int dial(int port, int source) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct timeval patience = {.tv_sec = PATIENCE_US / 1000000};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)source - 1)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) fail("socket: %s (see `ulimit -n`)", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&from, sizeof from)) fail("127.0.0.%d: %s", source, strerror(errno));
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail("port %d: %s", port, strerror(errno));
    return fd;
}

void set_blocking(int fd, bool is_blocking) {
    if (fcntl(fd, F_SETFL, is_blocking ? 0 : O_NONBLOCK)) fail("fcntl: %s", strerror(errno));
}

void write_whole(int fd, const char *bytes, size_t length) {
    if (write(fd, bytes, length) != (ssize_t)length) fail("write: %s", strerror(errno));
}

size_t read_whole(int fd, char *bytes, size_t length) {
    ssize_t count = length ? recv(fd, bytes, length, MSG_WAITALL) : 0;
    return count > 0 ? (size_t)count : 0;
}

size_t read_until(int fd, char *bytes, size_t size, const char *end) {
    size_t have = 0, length = strlen(end);
    while (have < length || memcmp(bytes + have - length, end, length)) {
        if (have == size || !read_whole(fd, bytes + have, 1)) {
            print_received(bytes, have);
            fail("that should go on, and did not");
        }
        have++;
    }
    return have;
}

/* ---- WebSockets ------------------------------------------------------------------------------------------------------ */

int open_websocket(int port, const char *path, const char *headers) {
    char line[1024];
    int fd = dial(port, 1);
    int length = snprintf(line, sizeof line,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                          path, port, headers);
    write_whole(fd, line, (size_t)length);
    line[read_until(fd, line, sizeof line - 1, "\r\n\r\n")] = 0;
    if (!strstr(line, " 101 ") || !strstr(line, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) fail("no WebSocket: %s", line);
    return fd;
}

size_t put_masked(char *at, int opcode, const char *payload, size_t length) {
    size_t head = length < 126 ? 2 : 4;
    if (length > UINT16_MAX) fail("%zu bytes are too many for a frame", length);
    at[0] = (char)(0x80 | opcode);
    at[1] = (char)(0x80 | (length < 126 ? length : 126));
    if (head == 4) {
        at[2] = (char)(length >> 8);
        at[3] = (char)length;
    }
    memset(at + head, 0, 4); /* masked with zeros */
    memcpy(at + head + 4, payload, length);
    return head + 4 + length;
}

size_t take_frame(struct frame *frame, const unsigned char *at, size_t have) {
    if (have < 2) return 0;
    size_t head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10, length = head == 2 ? at[1] : 0;
    if (at[1] > 127 || (at[0] & 0xf0) != 0x80) fail("a frame begins with %02x %02x: masked, or in parts", at[0], at[1]);
    if (have < head) return 0;
    for (size_t i = 2; i < head; i++) length = length << 8 | at[i];
    if (length > READ_SIZE) fail("a frame of %zu bytes", length);
    *frame = (struct frame){at[0] & 0xf, at + head, length};
    return have < head + length ? 0 : head + length;
}

void take_control(int fd, const struct frame *frame) {
    char pong[HEADS + 125];
    if (frame->opcode == CLOSE) fail("the server closes the WebSocket");
    if (frame->opcode != PING || frame->length > 125) fail("a frame of the kind %d, which nobody expects", frame->opcode);
    write_whole(fd, pong, put_masked(pong, PONG, (const char *)frame->payload, frame->length));
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

void watch(const struct loop *loop, int fd, void *connection, uint32_t events, bool is_watched) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(loop->epoll, is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void pump_once(const struct loop *loop) {
    struct epoll_event events[64];
    int count = epoll_wait(loop->epoll, events, 64, 10);
    for (int i = 0; i < count; i++) loop->take(loop->load, events[i].data.ptr, events[i].events);
}

void pump(const struct loop *loop, uint64_t microseconds) {
    for (uint64_t until = now_us() + microseconds; now_us() < until;) pump_once(loop);
}

void settle(const struct loop *loop) {
    for (uint64_t until = now_us() + PATIENCE_US; !loop->is_settled(loop->load); pump_once(loop))
        if (now_us() > until) fail("something that the server owes is missing, long after the end");
}

/* ---- what it cost ---------------------------------------------------------------------------------------------------- */

/* How long threads of the process were ready to run and did not; of those that have ended, it is forgotten. */
static uint64_t waited_ns_of(int pid) {
    char path[300];
    uint64_t waited_ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *threads = opendir(path);
    if (!threads) fail("%s: %s: has the server ended?", path, strerror(errno));
    for (struct dirent *thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread->d_name);
        FILE *file = fopen(path, "r");
        uint64_t waited;
        if (!file) continue; /* the thread has ended */
        if (fscanf(file, "%*u %" SCNu64, &waited) == 1) waited_ns += waited;
        fclose(file);
    }
    closedir(threads);
    return waited_ns;
}

struct usage usage_of(int pid) {
    struct timespec ran;
    clockid_t clock;
    struct usage usage = {.at_us = now_us(), .waited_ns = waited_ns_of(pid)};
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ran)) fail("process %d has no CPU time: has it ended?", pid);
    usage.ran_ns = (uint64_t)ran.tv_sec * 1000000000 + (uint64_t)ran.tv_nsec;
    return usage;
}

long resident_kb(int pid) {
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file && kb < 0 && fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kb);
    if (kb < 0) fail("%s: no VmRSS: has the server ended?", path);
    fclose(file);
    return kb;
}

bool is_at_rest(int pid, useconds_t microseconds) {
    struct usage from = usage_of(pid);
    usleep(microseconds);
    struct usage to = usage_of(pid);
    uint64_t busy_us = (to.ran_ns - from.ran_ns + (to.waited_ns > from.waited_ns ? to.waited_ns - from.waited_ns : 0)) / 1000;
    return busy_us * 20 < to.at_us - from.at_us;
}

struct span *new_span(int pid) {
    struct span *span = allocate(1, sizeof *span);
    span->pid = pid;
    return span;
}

void open_span(struct span *span) {
    span->from = usage_of(span->pid);
    span->is_open = true;
}

void close_span(struct span *span) {
    span->is_open = false;
    span->to = usage_of(span->pid);
}

void note_time(struct span *span, uint64_t took_us) {
    if (!span->is_open) return;
    span->latencies[took_us < SLOWEST_US ? took_us : SLOWEST_US]++;
    span->timed++;
}

static int percentile_us(const struct span *span, double share) {
    uint64_t below = (uint64_t)((double)span->timed * share), seen = 0;
    int latency = 0;
    while (latency < SLOWEST_US && (seen += span->latencies[latency]) <= below) latency++;
    return latency;
}

static void print_figures(const struct span *span) {
    double seconds = (double)(span->to.at_us - span->from.at_us) / 1e6, cpu = (double)(span->to.ran_ns - span->from.ran_ns) / 1e9;
    double waited = ((double)span->to.waited_ns - (double)span->from.waited_ns) / 1e9, items = (double)span->items;
    /* Threads of one server also wait for each other; the server as a whole waits at most while none of them runs. */
    if (waited > seconds - cpu) waited = seconds - cpu;
    if (waited < 0) waited = 0;
    if (!span->items) fail("nothing was done within the measured span");
    printf("{\"items\": %.0f, \"seconds\": %.4f, \"per_second\": %.1f, \"cpu_us\": %.5f, \"cpu_share\": %.4f, "
           "\"waited_share\": %.4f, \"resident_kb\": %ld",
           items, seconds, items / seconds, cpu * 1e6 / items, cpu / seconds, waited / seconds, resident_kb(span->pid));
    if (span->timed) printf(", \"p50_us\": %d, \"p99_us\": %d", percentile_us(span, 0.5), percentile_us(span, 0.99));
}

void print_span(const struct span *span) {
    print_figures(span);
    puts("}");
    fflush(stdout);
}

void print_span_with(const struct span *span, const char *name, double figure) {
    print_figures(span);
    printf(", \"%s\": %.4f}\n", name, figure);
    fflush(stdout);
}
