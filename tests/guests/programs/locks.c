// locks FILE: takes a lock on a file in a process of its own, first with flock(2), then with fcntl(2), and says whether this one is held off
// meanwhile, and let in afterwards: "held free" for each.
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static int take(int fd, int whole)
{
    struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 100 };
    return whole ? flock(fd, LOCK_EX | LOCK_NB) : fcntl(fd, F_SETLK, &range);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    for (int whole = 1; whole >= 0; whole--) {
        int ready[2], done[2];
        char byte;
        if (pipe(ready) != 0 || pipe(done) != 0)
            return 2;
        pid_t child = fork();
        int fd = open(arguments[1], O_RDWR);
        if (child == 0) {
            close(done[1]);
            if (take(fd, whole) != 0)
                return 1;
            return write(ready[1], "r", 1) == 1 && read(done[0], &byte, 1) == 0 ? 0 : 1;
        }
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            return 1;
        printf("%s ", take(fd, whole) == 0 ? "taken" : "held");
        close(done[1]);
        waitpid(child, NULL, 0);
        printf("%s ", take(fd, whole) == 0 ? "free" : "stuck");
        fflush(stdout); // before there is another process that would say it too
        close(fd);
    }
    return 0;
}
