/* The stand-in's own types. RULES.md lists the numbered rules that the comments name. */
#pragma once
#include "hvf.h"
#include "shared.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* ---- switches (switches.c) ---- */
struct switches
{
    uint64_t trace;            /* say on standard error what happens */
    uint64_t poison;           /* R-EXIT-02, R-VCPU-05: what the platform does not define is spoiled */
    uint64_t spurious_cancels; /* R-RUN-06: every n-th run is canceled for nothing */
    uint64_t unknown_exits;    /* R-RUN-07: every n-th run ends for an unknown reason */
    uint64_t no_hypervisor;    /* R-VM-05: kern.hv_support is 0 */
    uint64_t no_entitlement;   /* R-VM-06: the process may not */
    uint64_t refuse_gic_state; /* R-GIC-14: the state is another system's */
    uint64_t max_vcpus;        /* R-VM-04 */
    uint64_t memory;           /* of the machine, in MiB */
    uint64_t keep_machine;     /* QEMU outlives the VM, for the next one */
    uint64_t host_spin, cpu_spin; /* how long each side looks before it sleeps */
};
extern struct switches switches;
void switches_load(void);
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Which macOS this is (version.c): major * 100 + minor. */
enum macos_version { MACOS_11 = 1100, MACOS_13 = 1300, MACOS_15 = 1500, MACOS_15_2 = 1502, MACOS_26 = 2600 };
extern const unsigned macos_version;

/* ---- the machine (machine.c, mailbox.c): QEMU, and the program at EL2 ---- */
struct machine
{
    uint8_t *ram; /* the whole file; null where no machine runs */
    uint64_t size;
    int fd;
    unsigned cpu_count;
    int doorbells[MAX_CPUS];
    atomic_int is_dead; /* the process has ended */
    atomic_int is_lost; /* it does not answer any more */
    pid_t process;
    int64_t counter_lead; /* mach_absolute_time() less the machine's physical counter */
};
extern struct machine machine;
bool machine_ensure(void); /* with vm_lock: starts it where it does not run yet */
void machine_stop(void);
static inline struct mailbox *mailbox_of(unsigned cpu) { return (struct mailbox *)(machine.ram + MAILBOX_OFFSET + (uint64_t)cpu * MAILBOX_SIZE); }
static inline struct board *board(void) { return (struct board *)(machine.ram + BOARD_OFFSET); }
void mailbox_post(unsigned cpu, enum command command);
bool mailbox_wait(unsigned cpu); /* false: the machine is gone */
void mailbox_ring(unsigned cpu);

/* ---- the VM (vm.c) ---- */
struct vcpu;
struct gic;
struct vm
{
    bool exists;
    uint32_t ipa_bits;
    uint64_t granule; /* bytes; R-MEM-01 */
    struct vcpu *vcpus[MAX_CPUS]; /* by processor */
    struct gic *gic;
};
extern struct vm vm;
extern pthread_mutex_t vm_lock; /* guards vm, memory and code pages; not the registers of a vCPU, which are its thread's */
void service(enum command command); /* with the lock */

/* ---- objects (objects.c) ---- */
enum object_kind { OBJECT_VM_CONFIG = 0x766D6366, OBJECT_VCPU_CONFIG, OBJECT_GIC_CONFIG, OBJECT_GIC_STATE };
struct object
{
    uint32_t kind;
    atomic_int references;
    union
    {
        struct
        {
            uint32_t ipa_bits, granule;
            bool is_el2_enabled;
        } vm;
        struct
        {
            uint64_t distributor, redistributor, msi;
            uint32_t first_msi, msi_count;
        } gic;
        struct
        {
            size_t size;
            uint8_t *data;
        } state;
    };
};
struct object *object_new(enum object_kind kind);
bool object_is(const struct object *object, enum object_kind kind);

/* ---- memory (memory.c, pages.c, stage2.c, code.c); all with the lock ---- */
uint64_t *stage2_descriptor(uint64_t ipa, bool make); /* null where there is none, or no room */
void stage2_reset(void);
uint64_t stage2_make(uint64_t page, uint64_t flags);
void memory_unmap_all(void);
bool pages_take(uint8_t *host, size_t size, uint64_t *first_of_part, size_t *part); /* R-MEM-08: the caller's memory becomes the machine's */
void pages_use(uint64_t page);
bool pages_drop(uint64_t page, uint8_t **host); /* true: nobody uses it any more */
void pages_give_back(uint8_t *host, size_t size); /* what no map uses any more */
void pages_collect(void);
void pages_reset(void);
void code_admit(const struct mailbox *mailbox);
void code_check(void);
void code_forget(uint64_t page);
void code_reset(void);

/* ---- a vCPU (vcpu.c) ---- */
struct vcpu
{
    unsigned cpu; /* its number is the processor's less FIRST_VCPU_CPU */
    uint64_t owner; /* thread_number() of its thread */
    struct mailbox *mailbox;
    hv_vcpu_exit_t *exit;
    atomic_int cancel;
    atomic_int is_running; /* a command to its processor is out */
    atomic_int is_inside;  /* hv_vcpu_run */
    bool is_mpidr_set;
    uint64_t pending; /* HCR_EL2.VI and VF for the next run */
    bool traps_debug_exceptions, traps_debug_registers;
    bool vtimer_masked;
    uint64_t vtimer_offset;
    uint64_t runs;
    uint64_t identity[IDENTITY_VM_COUNT];
    struct stored_register *stored; /* sysregs.c */
    struct gic_cpu *gic;
    pthread_cond_t wake; /* for a WFI inside a run (gic) */
};
uint64_t thread_number(void); /* never the same for two threads */
/* The vCPU with this number, if it is the calling thread's. */
hv_return_t vcpu_find(hv_vcpu_t number, struct vcpu **vcpu);
void vcpu_attention(struct vcpu *vcpu);

/* ---- identity.c ---- */
void identity_reset(struct vcpu *vcpu);
uint64_t identity_feature(unsigned identity);
/* run.c asks: a guest's read of a register that says what the processor is. */
bool identity_read(struct vcpu *vcpu, uint16_t reg, uint64_t *value);

/* sysregs.c */
bool stored_registers_create(struct vcpu *vcpu);

/* time.c */
uint64_t timer_cntvoff(const struct vcpu *vcpu);

/* HCR_EL2 and its like: Arm ARM D19.2 */
#define HCR_VM (1ull << 0)
#define HCR_SWIO (1ull << 1)
#define HCR_FMO (1ull << 3)
#define HCR_IMO (1ull << 4)
#define HCR_AMO (1ull << 5)
#define HCR_VF (1ull << 6)
#define HCR_VI (1ull << 7)
#define HCR_TWI (1ull << 13)
#define HCR_TWE (1ull << 14)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC (1ull << 19)
#define HCR_RW (1ull << 31)
#define MDCR_TPMCR (1ull << 5)
#define MDCR_TPM (1ull << 6)
#define MDCR_TDE (1ull << 8)
#define MDCR_TDA (1ull << 9)
#define MDCR_TDOSA (1ull << 10)
#define CNTHCTL_EL1PCTEN 1ull
#define CNTHCTL_EL1PCEN 2ull

enum
{
    EC_WFX = 0x01, EC_HVC64 = 0x16, EC_SMC64 = 0x17, EC_SYSTEM_REGISTER = 0x18, EC_INSTRUCTION_ABORT = 0x20, EC_DATA_ABORT = 0x24,
    EC_BREAKPOINT = 0x30, EC_STEP = 0x32, EC_WATCHPOINT = 0x34, EC_BRK = 0x3C
};
static inline unsigned esr_class(uint64_t esr) { return esr >> 26 & 0x3F; }
/* The number of the register that a trapped MSR or MRS names (Arm ARM D19.2.37). */
static inline uint16_t trapped_register(uint64_t esr)
{
    unsigned op0 = esr >> 20 & 3, op2 = esr >> 17 & 7, op1 = esr >> 14 & 7, crn = esr >> 10 & 0xF, crm = esr >> 1 & 0xF;
    return (uint16_t)(op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2);
}
static inline uint64_t fault_ipa(const struct mailbox *m) { return (m->hpfar & ~0xFull) << 8 | (m->far & 0xFFF); }

/* ---- the platform's GIC (gic*.c), all with the lock ---- */
bool gic_signals(struct vcpu *vcpu, uint64_t *lines); /* HCR_EL2.VI and VF; samples the timers */
bool gic_exit(struct vcpu *vcpu);                     /* an access to the GIC is done, and the guest goes on */
bool gic_wait(struct vcpu *vcpu);                     /* a WFI: until there may be an interrupt (true), or a cancel */
bool gic_vcpu_created(struct vcpu *vcpu);
void gic_destroy(void);
