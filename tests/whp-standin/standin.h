/* The stand-in's own types. RULES.md lists the numbered rules that the comments name. */
#pragma once
#ifdef _WIN32
#include <windows.h>
#endif
#include <winhvplatform.h>

#include "hresult.h"
#include "host.h"
#include <linux/kvm.h>
#include <stdatomic.h>
#include <stddef.h>

enum { MAX_VPS = 64, PAGE_SIZE_4K = 4096, MAX_CPUID = 256 };

/* ---- switches (switches.c) ---- */
struct switches
{
    UINT64 trace;               /* say on standard error what happens */
    UINT64 alignment;           /* R-ABI-01: register values and exit contexts lie at multiples of 16 */
    UINT64 poison;              /* R-ABI-02: what is not written is spoiled */
    UINT64 many_partitions;     /* R-MEM-09 off: several partitions may have memory */
    UINT64 spurious_cancels;    /* R-RUN-06: every n-th run is canceled for nothing */
    UINT64 no_instruction_bytes;/* R-MEM-14: memory exits bring no instruction bytes */
    UINT64 no_gva;              /* R-MEM-15: memory exits bring no GVA */
    UINT64 short_context;       /* R-RUN-08: an exit context of 144 bytes at most, as of Windows 10 1803 */
    UINT64 deny_apic_base;      /* R-APIC-07: writes to ApicBase are refused beside the platform's APIC */
    UINT64 populate_exits;      /* R-MEM-16: the first access to a page of a mapping made anew leaves the guest once */
    UINT64 no_hypervisor;       /* R-CAP-02: the feature is off */
};
extern struct switches switches;
void switches_load(void);
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Which Windows this is (version.c): the exports that are missing and the codes that are unknown follow from it. */
enum windows_version { WINDOWS_1803 = 1803, WINDOWS_1809 = 1809, WINDOWS_1903 = 1903, WINDOWS_2004 = 2004, WINDOWS_20H2 = 2009, WINDOWS_21H2 = 2109 };
extern const unsigned windows_version;

/* ---- memory (memory.c) ---- */
struct range
{
    UINT64 gpa, size;
    uint8_t *source;
    uint32_t flags;
    uint32_t slot;
    bool has_slot;  /* KVM knows it; not so where the guest may not even read */
    bool is_hidden; /* R-MEM-16 */
    UINT64 *dirty; /* pages that KVM has told, and nobody has asked for yet; null where they are not tracked */
};

struct partition;

/* ---- a virtual processor (vp.c) ---- */
struct vp
{
    struct partition *partition;
    uint32_t index;
    int fd;
    struct kvm_run *run; /* run->s.regs is the cache of registers; run->kvm_dirty_regs says what KVM has yet to hear of */
    bool is_stale;       /* KVM may have changed registers outside of a run */
    atomic_int cancel, running;
    atomic_int visitors; /* threads that want KVM to let go of the processor for a moment (vp_visit) */
    atomic_int is_waiting; /* to enter: visitors who come later let it go first */
    host_lock entrance;  /* held inside KVM_RUN, and by a visitor */
    uint32_t external;   /* R-INT-06: an interrupt of the 8259 that waits: its vector, and bit 8 */
    int thread;          /* that KVM_SET_SIGNAL_MASK was made for */
    UINT64 notifications; /* DeliverabilityNotifications */
    UINT64 activity;      /* InternalActivityState where the platform's APIC, and so KVM's own, is not there */
    bool is_event_set;      /* PendingEvent holds an exception that no run has taken yet */
    UINT64 entry_rip;  /* where the guest was entered last: certainly the first byte of an instruction */
    UINT64 frozen_tsc;
    UINT64 runs;
    UINT64 runtime_ns;
    WHV_PROCESSOR_INTERCEPT_COUNTER io_exits, halt_exits, msr_exits, memory_exits, window_exits, other_exits;
    uint32_t debug_control; /* what KVM_SET_GUEST_DEBUG was told */
    struct initial_state *initial;
};

struct partition
{
    struct partition *next;
    host_lock lock; /* guards ranges, slots and routes */
    int fd;
    bool is_set_up, owns_memory, is_time_suspended;
    uint32_t processor_count;
    uint32_t apic_mode;
    UINT64 extended_exits, exception_exits, msr_exits;
    UINT64 processor_clock, apic_clock;
    WHV_X64_CPUID_RESULT2 *cpuid_results;
    uint32_t cpuid_result_count;
    struct kvm_cpuid2 *cpuid;
    struct vp *vps[MAX_VPS];
    struct range *ranges;
    uint32_t range_count, range_capacity, next_slot;
    uint32_t *free_slots;
    uint32_t free_slot_count, free_slot_capacity;
    uint8_t level_vectors[256];
    struct doorbell *doorbells;
    struct trigger *triggers;
    uint32_t next_gsi;
};

/* kvm.c */
int kvm_fd(void);
UINT64 kvm_run_size(void);
bool kvm_has(uint32_t capability);
HRESULT kvm_result(int64_t result, const char *what);

/* partition.c */
struct partition *partition_find(WHV_PARTITION_HANDLE handle);
HRESULT partition_of_setup(WHV_PARTITION_HANDLE handle, struct partition **partition);
HRESULT vp_find(WHV_PARTITION_HANDLE handle, uint32_t index, struct vp **vp);
HRESULT copy_out(void *buffer, uint32_t size, uint32_t *written, const void *value, uint32_t value_size);
bool partition_take_memory(struct partition *partition);

/* exits that may be asked for after set-up too */
HRESULT msr_exits_apply(struct partition *partition);
HRESULT cpuid_prepare(struct partition *partition);
void cpuid_for_vp(const struct partition *partition, uint32_t vp, struct kvm_cpuid2 *cpuid);

/* memory.c, paging.c */
uint8_t *memory_pointer(struct partition *partition, UINT64 gpa);
enum access_verdict { ACCESS_UNMAPPED, ACCESS_REFUSED, ACCESS_ALLOWED };
enum access_verdict memory_verdict(struct partition *partition, UINT64 gpa, bool is_write);
bool memory_serve(struct partition *partition, UINT64 gpa, void *data, uint32_t size, bool is_write);
void memory_show(struct partition *partition, UINT64 gpa);
void memory_delete_all(struct partition *partition);

enum { WALK_READ = 1, WALK_WRITE = 2, WALK_EXECUTE = 4, WALK_PRIVILEGED = 8, WALK_SET_BITS = 16 };
WHV_TRANSLATE_GVA_RESULT_CODE paging_translate(struct vp *vp, UINT64 gva, uint32_t flags, UINT64 *gpa);
uint32_t paging_read(struct vp *vp, UINT64 gva, void *data, uint32_t size);
uint32_t paging_write(struct vp *vp, UINT64 gva, const void *data, uint32_t size);

/* vp.c */
HRESULT vp_reload(struct vp *vp);
HRESULT vp_flush(struct vp *vp);
void vp_destroy(struct vp *vp);
HRESULT vp_reset(struct vp *vp);
#define VP_REGS(vp) (&(vp)->run->s.regs.regs)
#define VP_SREGS(vp) (&(vp)->run->s.regs.sregs)
#define VP_EVENTS(vp) (&(vp)->run->s.regs.events)

/* registers.c, msrs.c, apic.c */
void segment_to_whv(const struct kvm_segment *from, WHV_X64_SEGMENT_REGISTER *to);
bool msr_of_register(uint32_t name, uint32_t *msr);
HRESULT msr_access(struct vp *vp, uint32_t msr, UINT64 *value, bool is_write);
HRESULT tsc_access(struct vp *vp, UINT64 *value, bool is_write);
HRESULT apic_register(struct vp *vp, uint32_t name, UINT64 *value, bool is_write);
/* xsave.c: the standard form, to be freed. */
HRESULT xsave_get(struct vp *vp, uint8_t **area);
HRESULT time_resume(struct partition *partition);

/* interrupts.c */
HRESULT interrupts_set_up(struct partition *partition);
bool interrupt_was_level(struct vp *vp, uint32_t vector);
HRESULT external_interrupt(struct vp *vp);
void doorbells_delete_all(struct partition *partition);

/* exits.c: fills a context from KVM's exit. False: there is nothing to tell, and the guest goes on. */
bool exit_to_context(struct vp *vp, WHV_RUN_VP_EXIT_CONTEXT *context, uint32_t *payload);
void fill_vp_context(struct vp *vp, WHV_VP_EXIT_CONTEXT *context, uint32_t length);

/* run.c */
/* Lets another thread ask KVM about a processor that may be running; KVM would answer no sooner than the run ends. */
void vp_visit(struct vp *vp);
void vp_leave(struct vp *vp);
int64_t vp_enter(struct vp *vp);
int64_t vp_continue(struct vp *vp); /* goes on with the access at hand; 0 where KVM wants another of the same instruction, negative where it is done */
int64_t vp_complete(struct vp *vp); /* the same, with zeros for all that is read */

/* debug.c */
HRESULT debug_apply(struct vp *vp);
void debug_after_run(struct vp *vp);
HRESULT debug_status_add(struct vp *vp, UINT64 bits);
