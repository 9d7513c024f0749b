/* R-BELL: doorbells by KVM's ioeventfd. A thread per doorbell waits for KVM and sets the caller's event. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <pthread.h>
#endif

struct doorbell
{
    struct doorbell *next;
    WHV_DOORBELL_MATCH_DATA match;
    HANDLE event;
    int fd;
    atomic_int is_ending;
#ifdef _WIN32
    HANDLE thread;
#else
    pthread_t thread;
#endif
};

static void ring(HANDLE event);

static void wait_and_ring(struct doorbell *doorbell)
{
    for (;;)
    {
        host_event_wait(doorbell->fd);
        if (atomic_load(&doorbell->is_ending))
        {
            return;
        }
        ring(doorbell->event);
    }
}

#ifdef _WIN32

static void ring(HANDLE event) { SetEvent(event); }

/* The platform keeps an event of its own; so the caller may close its handle. */
static bool take_event(HANDLE handle, HANDLE *event)
{
    return DuplicateHandle(GetCurrentProcess(), handle, GetCurrentProcess(), event, 0, FALSE, DUPLICATE_SAME_ACCESS);
}

static void drop_event(HANDLE event) { CloseHandle(event); }

static DWORD WINAPI body(void *argument)
{
    wait_and_ring(argument);
    return 0;
}

static bool start(struct doorbell *doorbell)
{
    doorbell->thread = CreateThread(NULL, 0, body, doorbell, 0, NULL);
    return doorbell->thread != NULL;
}

static void join(struct doorbell *doorbell)
{
    WaitForSingleObject(doorbell->thread, INFINITE);
    CloseHandle(doorbell->thread);
}

#else

/* R-BELL-05: .NET's events on Linux are its own: only .NET can set one, so the program gives a function that does. */
static void (*event_setter)(HANDLE event);

void HvSdkStandInSetEventHandler(void (*setter)(HANDLE event)) { event_setter = setter; }

static void ring(HANDLE event) { event_setter(event); }

static bool take_event(HANDLE handle, HANDLE *event)
{
    *event = handle;
    return event_setter != NULL;
}

static void drop_event(HANDLE event) { (void)event; }

static void *body(void *argument)
{
    wait_and_ring(argument);
    return NULL;
}

static bool start(struct doorbell *doorbell) { return pthread_create(&doorbell->thread, NULL, body, doorbell) == 0; }

static void join(struct doorbell *doorbell) { pthread_join(doorbell->thread, NULL); }

#endif

static HRESULT assign(struct partition *partition, const struct doorbell *doorbell, uint32_t flags)
{
    const WHV_DOORBELL_MATCH_DATA *match = &doorbell->match;
    struct kvm_ioeventfd event = {
        .addr = match->GuestAddress,
        .len = match->MatchOnLength ? match->Length : 0,
        .fd = doorbell->fd,
        .datamatch = match->MatchOnValue ? match->Value : 0,
        .flags = flags | (match->MatchOnValue ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };
    return kvm_result(host_ioctl(partition->fd, KVM_IOEVENTFD, &event), "KVM_IOEVENTFD");
}

static void end(struct partition *partition, struct doorbell *doorbell)
{
    assign(partition, doorbell, KVM_IOEVENTFD_FLAG_DEASSIGN);
    atomic_store(&doorbell->is_ending, 1);
    host_event_signal(doorbell->fd);
    join(doorbell);
    host_close(doorbell->fd);
    drop_event(doorbell->event);
    free(doorbell);
}

static bool is_valid(const WHV_DOORBELL_MATCH_DATA *match)
{
    bool has_size = match->Length == 1 || match->Length == 2 || match->Length == 4 || match->Length == 8;
    return match->Reserved == 0 && (!match->MatchOnLength || has_size) && (!match->MatchOnValue || match->MatchOnLength);
}

static struct doorbell **find(struct partition *partition, const WHV_DOORBELL_MATCH_DATA *match)
{
    struct doorbell **link = &partition->doorbells;
    while (*link != NULL && memcmp(&(*link)->match, match, sizeof *match) != 0)
    {
        link = &(*link)->next;
    }
    return link;
}

HRESULT WINAPI WHvRegisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE handle, const WHV_DOORBELL_MATCH_DATA *match, HANDLE event)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK)
    {
        return result;
    }
    if (match == NULL || event == NULL || !is_valid(match))
    {
        return E_INVALIDARG; /* R-BELL-02 */
    }
    host_acquire(&partition->lock);
    bool is_there = *find(partition, match) != NULL;
    host_release(&partition->lock);
    if (is_there)
    {
        return E_INVALIDARG; /* R-BELL-03 */
    }
    struct doorbell *doorbell = calloc(1, sizeof *doorbell);
    if (doorbell == NULL)
    {
        return E_OUTOFMEMORY;
    }
    doorbell->match = *match;
    doorbell->fd = host_eventfd();
    if (doorbell->fd < 0 || !take_event(event, &doorbell->event))
    {
        host_close(doorbell->fd);
        free(doorbell);
        return E_INVALIDARG;
    }
    result = assign(partition, doorbell, 0);
    if (result != S_OK || !start(doorbell))
    {
        host_close(doorbell->fd);
        drop_event(doorbell->event);
        free(doorbell);
        return result != S_OK ? E_INVALIDARG : E_OUTOFMEMORY;
    }
    host_acquire(&partition->lock);
    doorbell->next = partition->doorbells;
    partition->doorbells = doorbell;
    host_release(&partition->lock);
    return S_OK;
}

HRESULT WINAPI WHvUnregisterPartitionDoorbellEvent(WHV_PARTITION_HANDLE handle, const WHV_DOORBELL_MATCH_DATA *match)
{
    struct partition *partition;
    HRESULT result = partition_of_setup(handle, &partition);
    if (result != S_OK || match == NULL)
    {
        return result != S_OK ? result : E_INVALIDARG;
    }
    host_acquire(&partition->lock);
    struct doorbell **link = find(partition, match), *found = *link;
    if (found != NULL)
    {
        *link = found->next;
    }
    host_release(&partition->lock);
    if (found == NULL)
    {
        return E_INVALIDARG; /* R-BELL-04 */
    }
    end(partition, found);
    return S_OK;
}

void doorbells_delete_all(struct partition *partition)
{
    while (partition->doorbells != NULL)
    {
        struct doorbell *doorbell = partition->doorbells;
        partition->doorbells = doorbell->next;
        end(partition, doorbell);
    }
}
