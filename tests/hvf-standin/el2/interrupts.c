/* The machine's own GICv3 (Arm IHI 0069): the doorbells' interrupts, and the two timers of a guest, of which the program learns by them. */
#include "el2.h"

#define GICD 0x08000000ull
#define GICR 0x080A0000ull /* 128 KiB per processor */
enum
{
    GICD_CTLR = 0x0, GICD_IGROUPR = 0x80, GICD_ISENABLER = 0x100, GICD_IROUTER = 0x6000,
    GICD_CTLR_ARE = 1 << 4, GICD_CTLR_GROUP1 = 1 << 1,
    GICR_WAKER = 0x14, GICR_IGROUPR0 = 0x10080, GICR_ISENABLER0 = 0x10100, GICR_ICENABLER0 = 0x10180,
    GICR_WAKER_SLEEP = 1 << 1, GICR_WAKER_CHILDREN_ASLEEP = 1 << 2,
    SGI_WAKE = 0, PPI_VIRTUAL_TIMER = 27, PPI_PHYSICAL_TIMER = 30, FIRST_SPECIAL = 1020
};

static unsigned enabled_timers[MAX_CPUS];

static uint64_t redistributor(unsigned cpu) { return GICR + (uint64_t)cpu * 0x20000; }

void interrupts_start_distributor(void)
{
    write32(GICD + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1);
    for (unsigned cpu = 0; cpu < 4 && cpu < board()->cpu_count; cpu++)
    {
        uint32_t intid = doorbell_interrupt(cpu);
        uint32_t bit = 1u << intid % 32;
        write32(GICD + GICD_IGROUPR + intid / 32 * 4, read32(GICD + GICD_IGROUPR + intid / 32 * 4) | bit);
        *(volatile uint64_t *)(GICD + GICD_IROUTER + intid * 8) = cpu;
        write32(GICD + GICD_ISENABLER + intid / 32 * 4, bit);
    }
}

void interrupts_start_cpu(unsigned cpu)
{
    uint64_t r = redistributor(cpu);
    write32(r + GICR_WAKER, read32(r + GICR_WAKER) & ~(uint32_t)GICR_WAKER_SLEEP);
    while (read32(r + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP)
    {
    }
    write32(r + GICR_IGROUPR0, ~0u);
    write32(r + GICR_ISENABLER0, 1u << SGI_WAKE);
    WRITE_REGISTER(S3_4_C12_C9_5, 1);  /* ICC_SRE_EL2: system registers, and a guest's ICC_SRE_EL1 traps */
    ISB();
    WRITE_REGISTER(S3_0_C4_C6_0, 0xFF); /* ICC_PMR_EL1 */
    WRITE_REGISTER(S3_0_C12_C12_7, 1);  /* ICC_IGRPEN1_EL1 */
    ISB();
}

static void wake(unsigned cpu)
{
    DSB();
    WRITE_REGISTER(S3_0_C12_C11_5, (uint64_t)SGI_WAKE << 24 | 1ull << cpu); /* ICC_SGI1R_EL1 */
    ISB();
}

/* Four processors at most have an interrupt of their own; the first of those that share one wakes the others. */
static void take_doorbells(unsigned cpu)
{
    for (unsigned other = cpu; other < board()->cpu_count; other += 4)
    {
        if (doorbell_drain(other) && other != cpu)
        {
            wake(other);
        }
    }
}

unsigned interrupts_take(unsigned cpu)
{
    unsigned timers = TIMER_NONE;
    for (;;)
    {
        uint64_t intid = READ_REGISTER(S3_0_C12_C12_0); /* ICC_IAR1_EL1 */
        if (intid >= FIRST_SPECIAL)
        {
            return timers;
        }
        DSB();
        if (intid == PPI_VIRTUAL_TIMER)
        {
            timers |= TIMER_VIRTUAL;
            timers_enable(cpu, enabled_timers[cpu] & ~TIMER_VIRTUAL);
        }
        else if (intid == PPI_PHYSICAL_TIMER)
        {
            timers |= TIMER_PHYSICAL;
            timers_enable(cpu, enabled_timers[cpu] & ~TIMER_PHYSICAL);
        }
        else if (intid != SGI_WAKE)
        {
            take_doorbells(cpu);
        }
        WRITE_REGISTER(S3_0_C12_C12_1, intid); /* ICC_EOIR1_EL1 */
        ISB();
    }
}

void timers_enable(unsigned cpu, unsigned wanted)
{
    unsigned changed = wanted ^ enabled_timers[cpu];
    if (changed == 0)
    {
        return;
    }
    uint32_t on = 0, off = 0;
    uint32_t bits[] = {[TIMER_VIRTUAL] = 1u << PPI_VIRTUAL_TIMER, [TIMER_PHYSICAL] = 1u << PPI_PHYSICAL_TIMER};
    for (unsigned timer = TIMER_VIRTUAL; timer <= TIMER_PHYSICAL; timer++)
    {
        if (changed & timer)
        {
            *(wanted & timer ? &on : &off) |= bits[timer];
        }
    }
    if (on != 0)
    {
        write32(redistributor(cpu) + GICR_ISENABLER0, on);
    }
    if (off != 0)
    {
        write32(redistributor(cpu) + GICR_ICENABLER0, off);
    }
    enabled_timers[cpu] = wanted;
}
