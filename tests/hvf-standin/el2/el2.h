/* The EL2 program: one processor of the machine per vCPU. It runs without an MMU of its own and without floating point. */
#pragma once
#include <stdbool.h>
#include "../shared.h"

#define READ_REGISTER(name)                             \
    ({                                                  \
        uint64_t value_;                                \
        __asm__ volatile("mrs %0, " #name : "=r"(value_)); \
        value_;                                         \
    })
#define WRITE_REGISTER(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)))
#define ISB() __asm__ volatile("isb" ::: "memory")
#define DSB() __asm__ volatile("dsb sy" ::: "memory")
#define FULL_BARRIER() __atomic_thread_fence(__ATOMIC_SEQ_CST)

static inline void write32(uint64_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline uint32_t read32(uint64_t address) { return *(volatile uint32_t *)address; }
static inline void write8(uint64_t address, uint8_t value) { *(volatile uint8_t *)address = value; }
static inline uint8_t read8(uint64_t address) { return *(volatile uint8_t *)address; }

static inline struct board *board(void) { return (struct board *)(RAM_BASE + BOARD_OFFSET); }
static inline struct mailbox *mailbox_of(unsigned cpu) { return (struct mailbox *)(RAM_BASE + MAILBOX_OFFSET + (uint64_t)cpu * MAILBOX_SIZE); }

/* vectors.S */
enum vector { VECTOR_SYNCHRONOUS = 1, VECTOR_INTERRUPT, VECTOR_FAST_INTERRUPT, VECTOR_SERROR };
extern char vectors[], secondary_start[];
enum vector guest_enter(struct mailbox *mailbox);
void fp_save(struct mailbox *mailbox);
void fp_load(const struct mailbox *mailbox);
int64_t psci_cpu_on(uint64_t mpidr, void *entry);

/* interrupts.c: the machine's own interrupt controller. */
enum { TIMER_NONE = 0, TIMER_VIRTUAL = 1, TIMER_PHYSICAL = 2 };
void interrupts_start_distributor(void);
void interrupts_start_cpu(unsigned cpu);
unsigned interrupts_take(unsigned cpu); /* all that are pending; returns the timers among them, which are off from then on */
void timers_enable(unsigned cpu, unsigned wanted);

/* doorbell.c: a serial port per processor, whose other end the library has. */
void doorbells_start(void);
void doorbell_ring(unsigned cpu);
uint32_t doorbell_interrupt(unsigned cpu); /* the INTID; processors with the same number modulo four share it */
bool doorbell_drain(unsigned cpu);

/* registers.c */
void registers_describe(void);
void registers_load(struct mailbox *mailbox);
void registers_save(struct mailbox *mailbox);

/* run.c, service.c */
void run(unsigned cpu, struct mailbox *mailbox);
void service_flush(const struct mailbox *mailbox);
void service_retranslate(const struct mailbox *mailbox);
