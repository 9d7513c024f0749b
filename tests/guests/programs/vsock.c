/*
 * Stream sockets of AF_VSOCK.
 *
 *   vsock echo PORT                        connects to the host and gives back what it sends, until its end
 *   vsock hold PORT FILE                   connects to the host, makes the file once a byte has come, and waits for the connection's end,
 *                                          however it comes
 *   vsock serve PORT COUNT FILE [COMMAND...]
 *                                          makes the file once it listens, and serves COUNT connections of the host, one
 *                                          after another: by the command, which has the connection as its input and
 *                                          output, or by giving back what comes
 *
 * Prints how many bytes were given back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long echo(int socket)
{
    static char buffer[1 << 18];
    long total = 0;
    ssize_t count;
    while ((count = read(socket, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < count;) {
            ssize_t part = write(socket, buffer + done, count - done);
            if (part < 0)
                fail("write");
            done += part;
        }
        total += count;
    }
    if (count < 0)
        fail("read");
    /* The host sees the end, and closes. */
    shutdown(socket, SHUT_WR);
    return total;
}

static void serve(int connection, char **command)
{
    if (*command == NULL) {
        printf("%ld\n", echo(connection));
        return;
    }
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        dup2(connection, 0);
        dup2(connection, 1);
        execv(command[0], command);
        fail(command[0]);
    }
    waitpid(child, NULL, 0);
}

static void mark(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail(path);
    fclose(file);
}

static void connect_host(int s, struct sockaddr_vm *address)
{
    address->svm_cid = VMADDR_CID_HOST;
    if (connect(s, (struct sockaddr *)address, sizeof *address) < 0)
        fail("connect");
}

int main(int argc, char **argv)
{
    struct sockaddr_vm address = { .svm_family = AF_VSOCK };
    if (argc < 3)
        return 2;
    address.svm_port = (unsigned)strtoul(argv[2], NULL, 0);
    int s = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (s < 0)
        fail("socket");
    if (strcmp(argv[1], "echo") == 0) {
        connect_host(s, &address);
        printf("%ld\n", echo(s));
        return 0;
    }
    if (strcmp(argv[1], "hold") == 0 && argc == 4) {
        char byte;
        connect_host(s, &address);
        if (read(s, &byte, 1) != 1)
            fail("read");
        mark(argv[3]);
        while (read(s, &byte, 1) > 0)
            ;
        return 0;
    }
    if (argc < 5)
        return 2;
    address.svm_cid = VMADDR_CID_ANY;
    if (bind(s, (struct sockaddr *)&address, sizeof address) < 0 || listen(s, 16) < 0)
        fail("listen");
    mark(argv[4]);
    for (long left = strtol(argv[3], NULL, 0); left > 0; left--) {
        int connection = accept(s, NULL, NULL);
        if (connection < 0)
            fail("accept");
        serve(connection, argv + 5);
        close(connection);
    }
    return 0;
}
