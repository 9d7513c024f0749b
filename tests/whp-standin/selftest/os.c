/* Memory, threads and time of both worlds. */
#include "selftest.h"
#include <stdlib.h>

struct thread
{
    void (*body)(void *);
    void *argument;
#ifdef _WIN32
    HANDLE handle;
#else
    unsigned long handle;
#endif
};

#ifdef _WIN32

void *pages(UINT64 size) { return VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE); }

void pages_free(void *address, UINT64 size)
{
    (void)size;
    VirtualFree(address, 0, MEM_RELEASE);
}

static DWORD WINAPI enter(void *argument)
{
    thread *started = argument;
    started->body(started->argument);
    return 0;
}

thread *thread_start(void (*body)(void *), void *argument)
{
    thread *started = calloc(1, sizeof *started);
    started->body = body;
    started->argument = argument;
    started->handle = CreateThread(NULL, 0, enter, started, 0, NULL);
    return started;
}

void thread_join(thread *started)
{
    WaitForSingleObject(started->handle, INFINITE);
    CloseHandle(started->handle);
    free(started);
}

void pause_milliseconds(unsigned milliseconds) { Sleep(milliseconds); }

UINT64 milliseconds(void) { return GetTickCount64(); }

bool host_has(const char *path)
{
    char in_wine[260];
    snprintf(in_wine, sizeof in_wine, "Z:%s", path);
    return GetFileAttributesA(in_wine) != INVALID_FILE_ATTRIBUTES;
}

#else

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void *pages(UINT64 size) { return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

void pages_free(void *address, UINT64 size) { munmap(address, size); }

static void *enter(void *argument)
{
    thread *started = argument;
    started->body(started->argument);
    return NULL;
}

thread *thread_start(void (*body)(void *), void *argument)
{
    thread *started = calloc(1, sizeof *started);
    started->body = body;
    started->argument = argument;
    pthread_create((pthread_t *)&started->handle, NULL, enter, started);
    return started;
}

void thread_join(thread *started)
{
    pthread_join(started->handle, NULL);
    free(started);
}

void pause_milliseconds(unsigned milliseconds)
{
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

UINT64 milliseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (UINT64)time.tv_sec * 1000 + (UINT64)time.tv_nsec / 1000000;
}

bool host_has(const char *path) { return access(path, F_OK) == 0; }

#endif
