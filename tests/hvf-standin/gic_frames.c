/* The frames in memory: distributor, redistributors, messages (IHI 0069, 12.8 to 12.11; the last as of GICv2m). */
#include "gic.h"

enum
{
    GICD_CTLR = 0x0, GICD_TYPER = 0x4, GICD_IIDR = 0x8, IGROUPR = 0x80, ISENABLER = 0x100, ICENABLER = 0x180, ISPENDR = 0x200, ICPENDR = 0x280,
    ISACTIVER = 0x300, ICACTIVER = 0x380, IPRIORITYR = 0x400, ITARGETSR = 0x800, ICFGR = 0xC00, IGRPMODR = 0xD00, IROUTER = 0x6000,
    PIDR2 = 0xFFE8,
    GICR_CTLR = 0x0, GICR_IIDR = 0x4, GICR_TYPER = 0x8, GICR_WAKER = 0x14, SGI_FRAME = 0x10000,
    GICM_TYPER = 0x8, GICM_SETSPI = 0x40, GICM_CLRSPI = 0x48, GICM_IIDR = 0xFCC
};
enum
{
    CTLR_GROUPS = 3, CTLR_ARE = 1 << 4, CTLR_DS = 1 << 6,
    TYPER_LINES = 31, TYPER_ID_BITS = 9 << 19, TYPER_AFFINITY_3 = 1 << 24,
    IDENTITY = 0x43B, ARCHITECTURE_3 = 0x3B,
    WAKER_SLEEP = 1 << 1, WAKER_CHILDREN_ASLEEP = 1 << 2, TYPER_LAST = 1 << 4
};

static uint32_t spread(uint32_t bits16) /* the odd bits of ICFGR */
{
    uint32_t wide = 0;
    for (int i = 0; i < 16; i++)
    {
        wide |= (bits16 >> i & 1) << (2 * i + 1);
    }
    return wide;
}

static uint32_t gather(uint32_t wide)
{
    uint32_t bits16 = 0;
    for (int i = 0; i < 16; i++)
    {
        bits16 |= (wide >> (2 * i + 1) & 1) << i;
    }
    return bits16;
}

static uint32_t read_word(const struct gic_word *word, uint32_t block, uint32_t half)
{
    switch (block)
    {
        case IGROUPR: return word->group1;
        case ISENABLER: case ICENABLER: return word->enabled;
        case ISPENDR: case ICPENDR: return word->latch | (word->line & ~word->edge);
        case ISACTIVER: case ICACTIVER: return word->active;
        case ICFGR: return spread(word->edge >> 16 * half & 0xFFFF);
        default: return 0; /* IGRPMODR: there is one security state */
    }
}

static void write_word(struct gic_word *word, uint32_t block, uint32_t half, uint32_t value, bool is_private)
{
    switch (block)
    {
        case IGROUPR: word->group1 = value; break;
        case ISENABLER: word->enabled |= value; break;
        case ICENABLER: word->enabled &= ~value; break;
        case ISPENDR: word->latch |= value; break;
        case ICPENDR: word->latch &= ~value; break;
        case ISACTIVER: word->active |= value; break;
        case ICACTIVER: word->active &= ~value; break;
        case ICFGR:
            if (half == 1 || !is_private) /* SGIs stay edges */
            {
                word->edge = (word->edge & ~(0xFFFFu << 16 * half)) | gather(value) << 16 * half;
            }
            break;
    }
}

/* The block that an offset is in, and the word's number; 0 where it is none. */
static uint32_t block_of(uint32_t offset, uint32_t *word, uint32_t *half)
{
    *half = 0;
    if (offset >= IGROUPR && offset < IPRIORITYR)
    {
        *word = offset % 0x80 / 4;
        return offset & ~0x7Fu;
    }
    if (offset >= ICFGR && offset < IGRPMODR)
    {
        *word = (offset - ICFGR) / 8;
        *half = offset / 4 % 2;
        return ICFGR;
    }
    *word = (offset - IGRPMODR) / 4;
    return offset >= IGRPMODR && offset < IGRPMODR + 0x80 ? IGRPMODR : 0;
}

static bool access_priority(struct gic_word *word, uint32_t first, unsigned size, uint64_t *value, bool is_write)
{
    uint64_t read = 0;
    for (unsigned i = 0; i < size && i < 4; i++)
    {
        if (is_write)
        {
            word->priority[first + i] = *value >> 8 * i & PRIORITY_MASK;
        }
        read |= (uint64_t)word->priority[first + i] << 8 * i;
    }
    *value = is_write ? *value : read;
    return true;
}

/* What the distributor and the redistributor's second frame have alike. words: the first that is there. */
static bool access_words(struct gic_word *words, uint32_t count, uint32_t first, uint32_t offset, unsigned size, uint64_t *value, bool is_write)
{
    if (offset >= IPRIORITYR && offset < ITARGETSR)
    {
        uint32_t intid = offset - IPRIORITYR;
        bool is_there = intid / 32 >= first && intid / 32 < first + count;
        *value = is_there || is_write ? *value : 0;
        return !is_there || access_priority(&words[intid / 32 - first], intid % 32, size, value, is_write);
    }
    uint32_t word, half, block = block_of(offset, &word, &half);
    if (block == 0 || size != 4)
    {
        return false;
    }
    bool is_there = word >= first && word < first + count;
    if (is_write && is_there)
    {
        write_word(&words[word - first], block, half, (uint32_t)*value, first == 0);
    }
    else if (!is_write)
    {
        *value = is_there ? read_word(&words[word - first], block, half) : 0;
    }
    return true;
}

static bool access_route(uint32_t offset, unsigned size, uint64_t *value, bool is_write)
{
    uint32_t intid = (offset - IROUTER) / 8, shift = offset % 8 * 8;
    uint64_t mask = size == 8 ? ~0ull : 0xFFFFFFFFull << shift;
    if (intid < FIRST_SPI || intid >= FIRST_SPI + SPI_COUNT)
    {
        return false;
    }
    uint64_t *route = &vm.gic->routes[intid];
    if (is_write)
    {
        *route = ((*route & ~mask) | (*value << shift & mask)) & 0xFF80FFFFFFull;
    }
    else
    {
        *value = (*route & mask) >> shift;
    }
    return true;
}

bool gic_distributor_access(uint32_t offset, unsigned size, uint64_t *value, bool is_write)
{
    if (offset >= IROUTER && offset < IROUTER + 1020 * 8)
    {
        return access_route(offset, size, value, is_write);
    }
    switch (offset)
    {
        case GICD_CTLR:
            vm.gic->control = is_write ? *value & CTLR_GROUPS : vm.gic->control;
            *value = is_write ? *value : vm.gic->control | CTLR_ARE | CTLR_DS;
            return true;
        case GICD_TYPER:
            *value = is_write ? *value : TYPER_LINES | TYPER_ID_BITS | TYPER_AFFINITY_3;
            return true;
        case GICD_IIDR:
            *value = is_write ? *value : IDENTITY;
            return true;
        case PIDR2:
            *value = is_write ? *value : ARCHITECTURE_3;
            return true;
        default:
            return access_words(&vm.gic->words[1], WORD_COUNT - 1, 1, offset, size, value, is_write);
    }
}

static bool is_last(const struct vcpu *vcpu)
{
    for (unsigned cpu = vcpu->cpu + 1; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            return false;
        }
    }
    return true;
}

static uint64_t typer_of(const struct vcpu *vcpu)
{
    uint64_t affinity = gic_affinity(vcpu);
    return (affinity >> 32 << 24 | (affinity & 0xFFFFFF)) << 32 | (uint64_t)(vcpu->cpu - FIRST_VCPU_CPU) << 8 | (is_last(vcpu) ? TYPER_LAST : 0);
}

bool gic_redistributor_access(struct vcpu *vcpu, uint32_t offset, unsigned size, uint64_t *value, bool is_write)
{
    if (offset >= SGI_FRAME)
    {
        return access_words(&vcpu->gic->word, 1, 0, offset - SGI_FRAME, size, value, is_write);
    }
    switch (offset)
    {
        case GICR_CTLR:
            *value = is_write ? *value : 0;
            return true;
        case GICR_IIDR:
            *value = is_write ? *value : IDENTITY;
            return true;
        case GICR_TYPER: case GICR_TYPER + 4:
            *value = is_write ? *value : typer_of(vcpu) >> offset % 8 * 8;
            return true;
        case GICR_WAKER:
            vcpu->gic->waker = is_write ? *value & WAKER_SLEEP : vcpu->gic->waker;
            *value = is_write ? *value : vcpu->gic->waker | (vcpu->gic->waker ? WAKER_CHILDREN_ASLEEP : 0);
            return true;
        case PIDR2:
            *value = is_write ? *value : ARCHITECTURE_3;
            return true;
        default:
            return false;
    }
}

bool gic_msi_access(uint32_t offset, uint64_t *value, bool is_write)
{
    uint32_t intid = is_write ? *value & 0x3FF : 0;
    bool is_ours = intid >= vm.gic->first_msi && intid < vm.gic->first_msi + vm.gic->msi_count;
    switch (offset)
    {
        case GICM_TYPER:
            *value = is_write ? *value : (uint64_t)vm.gic->first_msi << 16 | vm.gic->msi_count;
            return true;
        case GICM_IIDR:
            *value = is_write ? *value : IDENTITY;
            return true;
        case GICM_SETSPI:
            if (is_ours)
            {
                gic_pend(&vm.gic->words[intid / 32], intid);
            }
            return true;
        case GICM_CLRSPI:
            if (is_ours)
            {
                vm.gic->words[intid / 32].latch &= ~(1u << intid % 32);
            }
            return true;
        default:
            return false;
    }
}
