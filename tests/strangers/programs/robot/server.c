/* base.c : gcc base.c -o base ; ./base 6000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/socket.h>

void serve(int c)
{
    char in[64], out[64], name[64] = "?";
    double x, y; int h; float v;
    for (;;) {
        int n, got = 0;
        while (got < 64) {
            n = read(c, in + got, 64 - got);
            if (n <= 0) return;
            got += n;
        }
        in[63] = 0;
        memset(out, 0, sizeof out);
        if (sscanf(in, "HELLO %63s", name) == 1)
            snprintf(out, 64, "WELCOME %s", name);
        else if (sscanf(in, "POS %lf %lf %d", &x, &y, &h) == 3) {
            printf("%s at %f %f\n", name, x, y);
            strcpy(out, "OK POS");
        } else if (sscanf(in, "BATT %f", &v) == 1)
            strcpy(out, "OK BATT");
        else if (strcmp(in, "QUIT") == 0) {
            snprintf(out, 64, "BYE %s", name);
            write(c, out, 64);
            return;
        } else
            strcpy(out, "WHAT?");
        write(c, out, 64);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in a;
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGCHLD, SIG_IGN);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = INADDR_ANY;
    a.sin_port = htons(atoi(argv[1]));
    if (bind(s, (struct sockaddr *)&a, sizeof a) < 0) { perror("bind"); return 1; }
    listen(s, 5);
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (c < 0) continue;
        if (fork() == 0) { close(s); serve(c); close(c); exit(0); }
        close(c);
    }
}
