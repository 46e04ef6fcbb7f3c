/* Load of telemetry samples from agents of the first dialect (docs/protocols/session.md), and what taking them cost.
 *
 *   session dialled|direct -p PORT -s PID -a AGENTS -n NEWLINES -u WARM-UP-MS -t SPAN-MS [-l AGENT-PORT]
 *
 * Each agent announces its three channels, then says samples of three digits in turn, `x111 y222 z333`, as fast as the server
 * takes them; with NEWLINES 1 a newline ends each, with 0 nothing does.
 * dialled: the server dials: AGENTS control connections to AGENT-PORT, each of which says the id of a session, and the agent
 *          connects back to PORT.  Says `ready` when it listens.
 * direct:  the agents connect to PORT by themselves.  At the end each says `?` on a line, and must be answered with a line
 *          that tells how many samples came from it.
 *
 * The span begins and ends with nothing under way: sent, but not read by the server.  So its cost is that of exactly the
 * samples that were sent in it.  PID is the server's.  Prints one line of JSON, another with the number of all samples that
 * were sent, and keeps the connections until its input ends.  Any deviation is a line on stderr and exit status 1. */
#include "common.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>

enum {
    SAMPLES = 3000, /* in one block, which is sent again and again: a thousand of each channel */
    SEND_BUFFER = 1 << 18,
    REST_US = 50000
};

struct options {
    int port, pid, agents, newlines, warm_up_ms, span_ms, agent_port;
};

struct agent {
    int control, fd;
    size_t offset; /* in the block */
    uint64_t blocks;
    bool is_watched;
};

struct load {
    const struct options *options;
    struct agent *agents;
    char *block;
    size_t length;
    struct loop loop;
    struct span *span;
    bool is_ending;
    uint64_t drained_at_us;
};

/* ---- agents ---------------------------------------------------------------------------------------------------------- */

static int listen_for_netd(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct timeval patience = {.tv_sec = PATIENCE_US / 1000000};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience); /* for accepting, too */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1000)) fail("port %d: %s", port, strerror(errno));
    puts("ready");
    fflush(stdout);
    return fd;
}

/* Takes a control connection; gives the id of the session that it says. */
static int be_dialled(struct agent *agent, int listener) {
    char word[17] = "";
    agent->control = accept(listener, NULL, NULL);
    if (agent->control < 0 || read(agent->control, word, 16) <= 0) fail("the server does not dial its agents");
    int id = atoi(word);
    if (id <= 0) fail("%s is no id of a session", word);
    return id;
}

static void connect_back(struct agent *agent, const struct options *options, int id) {
    char announcement[64];
    int size = SEND_BUFFER;
    agent->fd = dial(options->port, 1);
    setsockopt(agent->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    const char *format = options->newlines ? "s1%d\ns2%d\ns3%d\n" : "s1%ds2%ds3%d";
    int length = snprintf(announcement, sizeof announcement, format, id, id + 1, id + 2);
    write_whole(agent->fd, announcement, (size_t)length);
    set_blocking(agent->fd, false);
}

static void make_block(struct load *load) {
    char *at = load->block = allocate(SAMPLES, 8);
    for (int i = 0; i < SAMPLES; i++)
        at += sprintf(at, load->options->newlines ? "%c%d\n" : "%c%d", "xyz"[i % 3], 100 + i * 7 % 900);
    load->length = (size_t)(at - load->block);
}

/* ---- streaming ------------------------------------------------------------------------------------------------------- */

/* Says what the connection takes; towards the end, nothing but the rest of a block. */
static void take(void *the_load, void *the_agent, uint32_t events) {
    struct load *load = the_load;
    struct agent *agent = the_agent;
    if (events & ~(uint32_t)EPOLLOUT) fail("an agent lost its connection, or was spoken to");
    if (load->is_ending && !agent->offset) return;
    ssize_t count = write(agent->fd, load->block + agent->offset, load->length - agent->offset);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) fail("an agent lost its connection: %s", strerror(errno));
    agent->offset += (size_t)count;
    if (agent->offset < load->length) return;
    agent->offset = 0;
    agent->blocks++;
    if (load->span->is_open) load->span->items += SAMPLES;
}

/* Bytes on established connections to the server's port that it has not read: the kernel's own table. */
static uint64_t unread(int port) {
    char line[512];
    uint64_t unread = 0;
    FILE *file = fopen("/proc/net/tcp", "r");
    if (!file) fail("/proc/net/tcp: %s", strerror(errno));
    while (fgets(line, sizeof line, file)) {
        unsigned local, state, waiting;
        if (sscanf(line, " %*d: %*8x:%4x %*8x:%*4x %2x %*8x:%8x", &local, &state, &waiting) != 3) continue;
        if ((int)local == port && state == 1) unread += waiting;
    }
    fclose(file);
    return unread;
}

static bool is_settled(void *the_load) {
    struct load *load = the_load;
    for (int i = 0, unsent; i < load->options->agents; i++)
        if (load->agents[i].offset || ioctl(load->agents[i].fd, SIOCOUTQ, &unsent) || unsent) return false;
    if (unread(load->options->port)) return false;
    load->drained_at_us = now_us();
    return is_at_rest(load->options->pid, REST_US);
}

static void stream(struct load *load, int milliseconds) {
    uint32_t events = EPOLLOUT | EPOLLIN;
    load->is_ending = false;
    for (int i = 0; i < load->options->agents; i++) watch(&load->loop, load->agents[i].fd, load->agents + i, events, true);
    pump(&load->loop, (uint64_t)milliseconds * 1000);
    load->is_ending = true;
    bool is_done = false;
    while (!is_done) { /* to the end of each block; then there is nothing to say, and nothing to wait for */
        is_done = true;
        for (int i = 0; i < load->options->agents; i++) {
            take(load, load->agents + i, EPOLLOUT);
            is_done = is_done && !load->agents[i].offset;
        }
    }
    for (int i = 0; i < load->options->agents; i++) watch(&load->loop, load->agents[i].fd, load->agents + i, EPOLLIN, true);
    settle(&load->loop);
}

static void ask_for_counts(const struct load *load) {
    char answer[32];
    for (int i = 0; i < load->options->agents; i++) {
        const struct agent *agent = load->agents + i;
        set_blocking(agent->fd, true);
        write_whole(agent->fd, "?\n", 2);
        answer[read_until(agent->fd, answer, sizeof answer - 1, "\n")] = 0;
        if (strtoull(answer, NULL, 10) != agent->blocks * SAMPLES)
            fail("agent %d sent %" PRIu64 " samples, the server counted %s", i, agent->blocks * SAMPLES, answer);
    }
}

static void run(const struct options *options, bool is_dialled) {
    struct load load = {.options = options, .span = new_span(options->pid)};
    uint64_t blocks = 0;
    int listener = is_dialled ? listen_for_netd(options->agent_port) : -1;
    load.agents = allocate((size_t)options->agents, sizeof *load.agents);
    load.loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .load = &load, .take = take, .is_settled = is_settled};
    make_block(&load);
    for (int i = 0; i < options->agents; i++) {
        connect_back(load.agents + i, options, is_dialled ? be_dialled(load.agents + i, listener) : 1 + 3 * i);
        watch(&load.loop, load.agents[i].fd, load.agents + i, EPOLLIN, false);
    }
    stream(&load, options->warm_up_ms);
    open_span(load.span);
    stream(&load, options->span_ms);
    close_span(load.span);
    load.span->to.at_us = load.drained_at_us;
    if (!is_dialled) ask_for_counts(&load);
    print_span(load.span);
    for (int i = 0; i < options->agents; i++) blocks += load.agents[i].blocks;
    printf("{\"samples\": %" PRIu64 "}\n", blocks * SAMPLES);
    fflush(stdout);
    while (getchar() != EOF) {}
}

int main(int count, char **words) {
    struct options options = {-1, -1, -1, -1, -1, -1, 0};
    const struct setting settings[] = {
        {'p', &options.port, 1, 65535},        {'s', &options.pid, 1, 1 << 30},      {'a', &options.agents, 1, 1000},
        {'n', &options.newlines, 0, 1},        {'l', &options.agent_port, 1, 65535}, {'t', &options.span_ms, 1, 600000},
        {'u', &options.warm_up_ms, 0, 600000},
    };
    const char *mode = read_settings(count, words, settings, sizeof settings / sizeof *settings);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "dialled") && strcmp(mode, "direct")) fail("say what to do: dialled or direct");
    if (!strcmp(mode, "dialled") && !options.agent_port) fail("dialled needs -l");
    run(&options, !strcmp(mode, "dialled"));
    return 0;
}
