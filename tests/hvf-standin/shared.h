/* What the EL2 program and the library share: where things are in the machine's RAM, and the mailboxes. Both compilers lay these types out alike. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "sysregs.h"

/* The RAM is a file; offsets are into it. QEMU writes a device tree into the first MiB. */
#define RAM_BASE 0x40000000ull
enum
{
    PROGRAM_OFFSET = 0x200000,  /* the EL2 program with its stacks */
    BOARD_OFFSET = 0x3F0000,    /* struct board */
    MAILBOX_OFFSET = 0x400000,  /* one of MAILBOX_SIZE per processor */
    TABLES_OFFSET = 0x800000,   /* stage-2 tables; the first two pages are the top level */
    PAGES_OFFSET = 0x8000000,   /* pages of guests, to the end */
};
enum { MAILBOX_SIZE = 0x2000, MAX_CPUS = 16, PAGE_SIZE_4K = 4096 };

/* Processor 0 serves the VM as a whole; each other one is for a vCPU. */
enum { SERVICE_CPU = 0, FIRST_VCPU_CPU = 1 };

enum command
{
    COMMAND_NONE,
    COMMAND_RUN,        /* enter the guest, until something is to be told (exit) */
    COMMAND_FLUSH,      /* service: forget cached translations of the guest's addresses; tell the time */
    COMMAND_RETRANSLATE /* service: QEMU has code of a page that is not there any more (code.c) */
};

enum exit_kind
{
    EXIT_EXCEPTION = 1, /* esr, far, hpfar */
    EXIT_ATTENTION,     /* the library wanted it back */
    EXIT_VTIMER,
    EXIT_PTIMER,
    EXIT_CODE_PAGES,    /* code_pages is full */
    EXIT_SERROR
};

/* Stage-2 page descriptors (Arm ARM D8.3). A page that may be executed has PTE_MAY_EXECUTE, and PTE_NEVER_EXECUTE until it is: code.c tells why. */
#define PTE_VALID 0x3ull
#define PTE_NORMAL_MEMORY (0xFull << 2)
#define PTE_READ (1ull << 6)
#define PTE_WRITE (1ull << 7)
#define PTE_INNER_SHAREABLE (3ull << 8)
#define PTE_ACCESSED (1ull << 10)
#define PTE_NEVER_EXECUTE (1ull << 54)
#define PTE_MAY_EXECUTE (1ull << 55) /* for software */
#define PTE_ADDRESS 0xFFFFFFFFF000ull

enum { CODE_PAGE_SLOTS = 64 };

struct mailbox
{
    /* The guest's registers. Assembly knows these places. */
    uint64_t x[31];
    uint64_t pc, pstate;
    uint64_t esr, far, hpfar;
    uint8_t q[32][16];
    uint64_t fpcr, fpsr;
    uint64_t live[LIVE_COUNT];
    uint64_t live_dirty; /* bit per live register: the library has written it */
    uint32_t fp_dirty;

    /* Between the sides. Each has its own line of a cache. */
    uint32_t command __attribute__((aligned(64))); /* set by the library, cleared by the program when it is done */
    uint32_t cpu_sleeps;                           /* the processor waits for the doorbell */
    uint32_t host_sleeps __attribute__((aligned(64))); /* the library waits for the doorbell */
    uint32_t attention __attribute__((aligned(64)));   /* leave the guest */
    uint32_t spin;                                     /* how often the program looks for a command before it sleeps */

    /* For COMMAND_RUN. */
    uint64_t vttbr __attribute__((aligned(64)));
    uint64_t vtcr, hcr, mdcr, cntvoff, cnthctl;
    uint32_t vtimer_masked, ptimer_masked;
    /* From it. */
    uint32_t exit;
    uint32_t code_page_count;
    uint64_t code_pages[CODE_PAGE_SLOTS]; /* offsets of pages that were executed for the first time */
    uint64_t exec_ticks;

    /* For COMMAND_RETRANSLATE: a page, and a bit per 64 bytes of it. */
    uint64_t page, lines;
};
_Static_assert(sizeof(struct mailbox) <= MAILBOX_SIZE, "");
_Static_assert(offsetof(struct mailbox, pc) == 248 && offsetof(struct mailbox, esr) == 264 && offsetof(struct mailbox, q) == 288, "vectors.S");
_Static_assert(offsetof(struct mailbox, fpcr) == 800 && LIVE_COUNT <= 64, "vectors.S");

/* About all processors. */
struct board
{
    uint32_t cpu_count; /* from the library */
    uint32_t ready_count;
    uint64_t ticks_per_second;
    uint64_t ticks; /* the physical counter at the last COMMAND_FLUSH */
    uint64_t reset[LIVE_COUNT];
    uint64_t identity[IDENTITY_COUNT];
    uint64_t ccsidr[2][8]; /* by kind, data and instruction, and by level */
    /* The program itself went wrong. */
    uint32_t is_faulted, faulted_cpu;
    uint64_t fault_esr, fault_elr, fault_far;
};
