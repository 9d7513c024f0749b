/*
 * Requests and answers of one byte over TCP, one after another: how long a network takes, not how much it carries.
 *
 *   rr serve PORT                     answers all connections, one at a time, for ever
 *   rr ask ADDRESS PORT SECONDS       asks for so long, and prints requests per second
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int new_socket(void)
{
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0)
        fail("socket");
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return s;
}

static void serve(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int listener = new_socket(), one = 1;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8))
        fail("listen");
    for (;;) {
        char byte;
        int s = accept(listener, NULL, NULL);
        if (s < 0)
            fail("accept");
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        while (read(s, &byte, 1) == 1 && write(s, &byte, 1) == 1)
            ;
        close(s);
    }
}

static void ask(const char *host, int port, double seconds)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int s = new_socket();
    long count = 0;
    char byte = 0;
    double start, end;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || connect(s, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    start = now();
    do {
        if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1)
            fail("exchange");
        count++;
        end = now();
    } while (end - start < seconds);
    printf("%.1f\n", count / (end - start));
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "serve") == 0)
        serve(atoi(arguments[2]));
    else if (count == 5 && strcmp(arguments[1], "ask") == 0)
        ask(arguments[2], atoi(arguments[3]), atof(arguments[4]));
    else {
        fprintf(stderr, "rr serve PORT, or rr ask ADDRESS PORT SECONDS\n");
        return 2;
    }
    return 0;
}
