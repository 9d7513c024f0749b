/* What the stand-in needs of Linux, by raw system calls: under Wine a Windows DLL has no other way to /dev/kvm. */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Each returns what the kernel does: a negative errno on failure. Numbers of errno are Linux', also in the DLL. */
int host_open(const char *path);
int64_t host_close(int fd);
int64_t host_ioctl(int fd, uint64_t request, void *argument);
int64_t host_ioctl_value(int fd, uint64_t request, uint64_t argument);
void *host_map(int fd, uint64_t size); /* null on failure */
void host_unmap(void *address, uint64_t size);
int host_process_id(void);
int host_thread_id(void);
uint64_t host_nanoseconds(void);
void host_yield(void);
int host_eventfd(void);
void host_event_signal(int fd);
void host_event_wait(int fd); /* blocks; ends by a signal too */

/* The kick: a signal that a thread blocks for good. KVM_RUN alone unblocks it, and answers -EINTR instead of letting it happen. */
uint64_t host_block_kick(void); /* for the calling thread; returns the mask that KVM_RUN shall have */
void host_send_kick(int thread_id);
void host_drain_kicks(void);

enum { HOST_EPERM = 1, HOST_ENOENT = 2, HOST_EINTR = 4, HOST_EAGAIN = 11, HOST_EFAULT = 14, HOST_EINVAL = 22 };

/* A lock for short work only. The thread that has it may take it again. */
typedef struct
{
    void *volatile owner;
    int depth;
} host_lock;
void host_acquire(host_lock *lock);
void host_release(host_lock *lock);
