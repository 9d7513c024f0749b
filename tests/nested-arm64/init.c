/*
 * The first process of the arm64 machine: mounts what .NET needs, runs the program in /arguments (its path and its arguments, one a line, variables before them), passes its output to the console,
 * and says how it ended. Then it prints the files that the program has left in /results, and the machine goes off.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGUMENTS 256

static void stop(const char *what)
{
    printf("init: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    reboot(RB_POWER_OFF);
}

static void mount_at(const char *type, const char *folder)
{
    mkdir(folder, 0755);
    if (mount(type, folder, type, 0, NULL) != 0 && errno != EBUSY)
        stop(folder);
}

/* .NET asks for the name of the user. */
static void write_users(void)
{
    FILE *file;

    mkdir("/etc", 0755);
    file = fopen("/etc/passwd", "w");
    if (file == NULL || fputs("root:x:0:0:root:/tmp:/bin/false\n", file) < 0 || fclose(file) != 0)
        stop("/etc/passwd");
}

/* Each between two lines, for run.sh. */
static void print_results(void)
{
    DIR *folder = opendir("/results");
    struct dirent *entry;
    char block[4096];

    if (folder == NULL || chdir("/results") != 0)
        stop("/results");
    while ((entry = readdir(folder)) != NULL) {
        FILE *file = entry->d_type == DT_REG ? fopen(entry->d_name, "r") : NULL;
        size_t size;

        if (file == NULL)
            continue;
        printf("init: file %s\n", entry->d_name);
        while ((size = fread(block, 1, sizeof(block), file)) > 0)
            fwrite(block, 1, size, stdout);
        printf("\ninit: end of file\n");
        fclose(file);
    }
    closedir(folder);
}

static char **read_arguments(void)
{
    static char *arguments[MAX_ARGUMENTS];
    FILE *file = fopen("/arguments", "r");
    char *line = NULL;
    size_t size = 0;
    int count = 0;

    if (file == NULL)
        stop("/arguments");
    while (count < MAX_ARGUMENTS - 1 && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        arguments[count++] = strdup(line);
    }
    fclose(file);
    return arguments;
}

int main(void)
{
    char **arguments;
    int status = 0;
    pid_t child;

    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("devtmpfs", "/dev");
    mount_at("tmpfs", "/tmp");
    mkdir("/results", 0755);
    write_users();
    setenv("HOME", "/tmp", 1);
    setenv("TMPDIR", "/tmp", 1);
    setenv("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1", 1);
    setenv("DOTNET_TieredPGO", "0", 1);
    setenv("DOTNET_EnableWriteXorExecute", "0", 1);
    setenv("DOTNET_TieredCompilation", "1", 1);
    arguments = read_arguments();
    child = fork();
    if (child == 0) {
        for (char **variable = arguments; *variable != NULL && strchr(*variable, '=') != NULL; variable++) {
            putenv(*variable);
            arguments = variable + 1;
        }
        execv(arguments[0], arguments);
        printf("init: %s: %s\n", arguments[0], strerror(errno));
        fflush(stdout);
        _exit(127);
    }
    if (child < 0)
        stop("fork");
    while (wait(&status) != child)
        ;
    print_results();
    printf("init: ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
