#include "selftest.h"
#include <stdlib.h>

static const char *current;
static int good, bad, skipped;

void begin(const char *name)
{
    current = name;
    printf("== %s\n", name);
    fflush(stdout);
}

bool check(const char *rule, bool is_good, const char *text, const char *file, int line)
{
    const char *name = strrchr(file, '/');
    *(is_good ? &good : &bad) += 1;
    printf("%s %s %s:%d %s\n", is_good ? "ok" : "FAILED", rule, name != NULL ? name + 1 : file, line, text);
    fflush(stdout);
    return is_good;
}

bool check_equal(const char *rule, UINT64 expected, UINT64 actual, const char *text, const char *file, int line)
{
    bool is_good = check(rule, expected == actual, text, file, line);
    if (!is_good)
    {
        printf("   expected 0x%llx, found 0x%llx\n", (unsigned long long)expected, (unsigned long long)actual);
    }
    return is_good;
}

void skip_rule(const char *rule, const char *why)
{
    skipped++;
    printf("skipped %s: %s\n", rule, why);
}

/* KVM_PVM interprets the code of CPL0 itself; QEMU's emulation of SVM leaves parts of it out. */
enum host host_kind(void)
{
    uint32_t eax = 0x40000000, ebx, ecx, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (ebx == 0x54474354) /* "TCGT" */
    {
        return HOST_QEMU;
    }
    return host_has("/sys/module/kvm_pvm") ? HOST_PVM : HOST_OTHER;
}

int finish(void)
{
    printf("%d checks good, %d failed, %d rules skipped\n", good, bad, skipped);
    return bad == 0 && good > 0 ? 0 : 1;
}

static void set_property(struct machine *machine, WHV_PARTITION_PROPERTY_CODE code, const void *value, UINT32 size)
{
    OK("R-PART-01", WHvSetPartitionProperty(machine->partition, code, value, size));
}

void machine_create(struct machine *machine, const struct options *options)
{
    static const struct options none;
    options = options != NULL ? options : &none;
    memset(machine, 0, sizeof *machine);
    UINT32 processors = options->processors != 0 ? options->processors : 1;
    OK("R-PART-01", WHvCreatePartition(&machine->partition));
    set_property(machine, WHvPartitionPropertyCodeProcessorCount, &processors, sizeof processors);
    if (options->apic_mode != 0)
    {
        set_property(machine, WHvPartitionPropertyCodeLocalApicEmulationMode, &options->apic_mode, sizeof options->apic_mode);
    }
    if (options->extended_exits != 0)
    {
        set_property(machine, WHvPartitionPropertyCodeExtendedVmExits, &options->extended_exits, sizeof options->extended_exits);
        set_property(machine, WHvPartitionPropertyCodeX64MsrExitBitmap, &options->msr_exits, sizeof options->msr_exits);
        set_property(machine, WHvPartitionPropertyCodeExceptionExitBitmap, &options->exception_exits, sizeof options->exception_exits);
    }
    if (options->cpuid != NULL)
    {
        set_property(machine, WHvPartitionPropertyCodeCpuidResultList, options->cpuid, sizeof *options->cpuid);
    }
    OK("R-PART-01", WHvSetupPartition(machine->partition));
    machine->size = MEMORY_SIZE;
    machine->memory = pages(machine->size);
    machine->exit = pages(4096);
    UINT32 flags = options->map_flags != 0 ? options->map_flags : 7;
    OK("R-MEM-01", WHvMapGpaRange(machine->partition, machine->memory, 0, machine->size, (WHV_MAP_GPA_RANGE_FLAGS)flags));
    for (UINT32 i = 0; i < processors; i++)
    {
        OK("R-VP-01", WHvCreateVirtualProcessor(machine->partition, i, 0));
    }
}

void machine_delete(struct machine *machine)
{
    OK("R-PART-04", WHvDeletePartition(machine->partition));
    pages_free(machine->memory, machine->size);
    pages_free(machine->exit, 4096);
}

void code(struct machine *machine, UINT64 gpa, const void *bytes, UINT32 count) { memcpy(machine->memory + gpa, bytes, count); }

WHV_REGISTER_VALUE get_wide(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name)
{
    _Alignas(16) WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    OK("R-REG-03", WHvGetVirtualProcessorRegisters(machine->partition, vp, &name, 1, &value));
    return value;
}

void set_wide(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name, WHV_REGISTER_VALUE value)
{
    _Alignas(16) WHV_REGISTER_VALUE aligned = value;
    OK("R-REG-03", WHvSetVirtualProcessorRegisters(machine->partition, vp, &name, 1, &aligned));
}

UINT64 get(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name) { return get_wide(machine, vp, name).Reg64; }

void set(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name, UINT64 number)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.Reg64 = number;
    set_wide(machine, vp, name, value);
}

static void set_segment(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name, UINT64 base, UINT32 limit, UINT16 selector, UINT16 attributes)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.Segment.Base = base;
    value.Segment.Limit = limit;
    value.Segment.Selector = selector;
    value.Segment.Attributes = attributes;
    set_wide(machine, vp, name, value);
}

static void set_general(struct machine *machine, UINT32 vp, UINT64 rip)
{
    set(machine, vp, WHvX64RegisterRip, rip);
    set(machine, vp, WHvX64RegisterRflags, 2);
    set(machine, vp, WHvX64RegisterRsp, STACK);
}

void start_real(struct machine *machine, UINT32 vp, UINT64 rip)
{
    set_segment(machine, vp, WHvX64RegisterCs, 0, 0xFFFF, 0, 0x9B);
    set_general(machine, vp, rip);
}

static void set_tables(struct machine *machine, UINT32 vp)
{
    enum { GDT = 0x4000, IDT = 0x5000 };
    static const UINT64 gdt[] = {0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00AF9B000000FFFF, 0x00AFFB000000FFFF, 0x00CFF3000000FFFF};
    memcpy(machine->memory + GDT, gdt, sizeof gdt);
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof value);
    value.Table.Base = GDT;
    value.Table.Limit = sizeof gdt - 1;
    set_wide(machine, vp, WHvX64RegisterGdtr, value);
    value.Table.Base = IDT;
    value.Table.Limit = 0xFFF;
    set_wide(machine, vp, WHvX64RegisterIdtr, value);
}

void start_flat(struct machine *machine, UINT32 vp, UINT64 rip)
{
    set_tables(machine, vp);
    set_segment(machine, vp, WHvX64RegisterCs, 0, 0xFFFFFFFF, 0x08, 0xC09B);
    for (int name = WHvX64RegisterEs; name <= WHvX64RegisterGs; name++)
    {
        if (name != WHvX64RegisterCs)
        {
            set_segment(machine, vp, (WHV_REGISTER_NAME)name, 0, 0xFFFFFFFF, 0x10, 0xC093);
        }
    }
    set(machine, vp, WHvX64RegisterCr0, 0x11);
    set_general(machine, vp, rip);
}

void start_long(struct machine *machine, UINT32 vp, UINT64 rip, bool is_user)
{
    enum { PML4 = 0x10000, PDPT = 0x11000, PD = 0x12000 };
    set_tables(machine, vp);
    /* The first 4 GiB, 1:1, by 2 MiB pages, for everybody. */
    UINT64 *pml4 = (void *)(machine->memory + PML4), *pdpt = (void *)(machine->memory + PDPT), *pd = (void *)(machine->memory + PD);
    pml4[0] = PDPT | 7;
    for (UINT64 i = 0; i < 4; i++)
    {
        pdpt[i] = (PD + i * 4096) | 7;
        for (UINT64 k = 0; k < 512; k++)
        {
            pd[i * 512 + k] = (i << 30 | k << 21) | 0x87;
        }
    }
    set(machine, vp, WHvX64RegisterCr3, PML4);
    set(machine, vp, WHvX64RegisterCr4, 0x20);
    set(machine, vp, WHvX64RegisterEfer, 0x500);
    set(machine, vp, WHvX64RegisterCr0, 0x80000011);
    set_segment(machine, vp, WHvX64RegisterCs, 0, 0xFFFFFFFF, is_user ? 0x23 : 0x18, is_user ? 0xA0FB : 0xA09B);
    for (int name = WHvX64RegisterEs; name <= WHvX64RegisterGs; name++)
    {
        if (name != WHvX64RegisterCs)
        {
            set_segment(machine, vp, (WHV_REGISTER_NAME)name, 0, 0xFFFFFFFF, is_user ? 0x2B : 0x10, is_user ? 0xC0F3 : 0xC093);
        }
    }
    set_segment(machine, vp, WHvX64RegisterTr, 0x6000, 0x67, 0x30, 0x008B);
    set_general(machine, vp, rip);
}

WHV_RUN_VP_EXIT_REASON run(struct machine *machine, UINT32 vp)
{
    memset(machine->exit, 0, sizeof *machine->exit);
    HRESULT result = WHvRunVirtualProcessor(machine->partition, vp, machine->exit, sizeof *machine->exit);
    return result == S_OK ? machine->exit->ExitReason : (WHV_RUN_VP_EXIT_REASON)result;
}

void skip(struct machine *machine, UINT32 vp, UINT32 length) { set(machine, vp, WHvX64RegisterRip, machine->exit->VpContext.Rip + length); }
