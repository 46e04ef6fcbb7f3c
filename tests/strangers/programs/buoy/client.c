/* buoy.c - sends what the buoy measures to the station on shore
 *
 * each packet: uint16 length, then the struct below (packed)
 * the station answers each with the same header and an int32, 0 = fine
 *
 * gcc -o buoy client.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#pragma pack(push, 1)
struct hello {
    uint8_t kind;          /* 1 */
    char name[12];
};
struct reading {
    uint8_t kind;          /* 2 */
    uint32_t count;
    float water;           /* deg C */
    float wave;            /* m */
    uint16_t battery;      /* mV */
};
#pragma pack(pop)

static int sock;

static void die(const char *why) { perror(why); exit(1); }

static void transmit(const void *data, uint16_t size)
{
    char out[256];
    int32_t status = -1;
    uint16_t n = 0;
    memcpy(out, &size, 2);
    memcpy(out + 2, data, size);
    if (send(sock, out, size + 2, 0) != size + 2) die("send");
    if (recv(sock, &n, 2, MSG_WAITALL) != 2) die("recv length");
    if (n != 4) { fprintf(stderr, "length %d?\n", n); exit(1); }
    if (recv(sock, &status, 4, MSG_WAITALL) != 4) die("recv status");
    if (status != 0) { fprintf(stderr, "status %d\n", (int)status); exit(1); }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to;
    struct timeval patience = {1, 0};
    struct hello h;
    struct reading r;
    int i;

    if (argc < 3) { fprintf(stderr, "usage: %s IP PORT\n", argv[0]); return 2; }
    sock = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons(atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    if (connect(sock, (struct sockaddr *)&to, sizeof to) < 0) die("connect");

    memset(&h, 0, sizeof h);
    h.kind = 1;
    strncpy(h.name, "buoy-west", sizeof h.name);
    transmit(&h, sizeof h);

    for (i = 0; i < 5; i++) {
        r.kind = 2;
        r.count = i + 1;
        r.water = 14.5f + 0.1f * i;
        r.wave = 0.8f + 0.25f * (i % 3);
        r.battery = 3700 - 3 * i;
        transmit(&r, sizeof r);
        usleep(60000);
    }
    close(sock);
    return 0;
}
