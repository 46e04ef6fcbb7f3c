// robot.c -- tells base where the robot is. Every message is 64 chars, rest is zeros.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netdb.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>

#define MSGLEN 64

void error(const char *msg) { perror(msg); exit(1); }

int fd;

void talk(const char *text, const char *expected)
{
    char buffer[MSGLEN];
    int n, got = 0;
    bzero(buffer, MSGLEN);
    strncpy(buffer, text, MSGLEN - 1);
    n = write(fd, buffer, MSGLEN);
    if (n < 0) error("ERROR writing to socket");
    bzero(buffer, MSGLEN);
    while (got < MSGLEN) {
        n = read(fd, buffer + got, MSGLEN - got);
        if (n <= 0) error("ERROR reading from socket");
        got += n;
    }
    printf("%s -> %s\n", text, buffer);
    if (strcmp(buffer, expected) != 0) {
        printf("expected %s\n", expected);
        exit(1);
    }
}

int main(int argc, char *argv[])
{
    struct addrinfo hints, *res;
    struct timeval tv;
    char line[MSGLEN];
    double x = 0, y = 0;
    int i, heading = 90;

    if (argc < 3) exit(1);
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(argv[1], argv[2], &hints, &res) != 0) error("host");
    fd = socket(res->ai_family, res->ai_socktype, res->ai_protocol);
    tv.tv_sec = 1; tv.tv_usec = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, (char *)&tv, sizeof tv);
    if (connect(fd, res->ai_addr, res->ai_addrlen) < 0) error("ERROR connecting");

    talk("HELLO robo7", "WELCOME robo7");
    for (i = 0; i < 4; i++) {
        x += 0.25; y -= 0.1; heading += 15;
        sprintf(line, "POS %.2f %.2f %d", x, y, heading);
        talk(line, "OK POS");
        if (i % 2 == 0) {
            sprintf(line, "BATT %.1f", 12.6 - i * 0.1);
            talk(line, "OK BATT");
        }
        usleep(50 * 1000);
    }
    talk("QUIT", "BYE robo7");
    close(fd);
    return 0;
}
