/* Port and memory exits over the Windows Hypervisor Platform's functions: one call to run, and one to complete each. */
#include "standin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <winhvplatform.h>

/* What the guests talk to; Guests.cs has the same numbers. */
#define DEVICE_PORT 0x420
#define DEVICE_ADDRESS 0x39000
#define CODE_ADDRESS 0x1000
#define SMALL_RAM 0x10000

/* Real mode's segments: present, data or code, read and write or execute and read, accessed. */
#define DATA_ATTRIBUTES 0x93
#define CODE_ATTRIBUTES 0x9B

static HRESULT (*create_partition)(WHV_PARTITION_HANDLE *);
static HRESULT (*set_property)(WHV_PARTITION_HANDLE, WHV_PARTITION_PROPERTY_CODE, const void *, UINT32);
static HRESULT (*setup)(WHV_PARTITION_HANDLE);
static HRESULT (*map)(WHV_PARTITION_HANDLE, void *, UINT64, UINT64, WHV_MAP_GPA_RANGE_FLAGS);
static HRESULT (*create_vp)(WHV_PARTITION_HANDLE, UINT32, UINT32);
static HRESULT (*run_vp)(WHV_PARTITION_HANDLE, UINT32, void *, UINT32);
static HRESULT (*get_registers)(WHV_PARTITION_HANDLE, UINT32, const WHV_REGISTER_NAME *, UINT32, WHV_REGISTER_VALUE *);
static HRESULT (*set_registers)(WHV_PARTITION_HANDLE, UINT32, const WHV_REGISTER_NAME *, UINT32, const WHV_REGISTER_VALUE *);

static WHV_PARTITION_HANDLE partition;
static _Alignas(64) WHV_RUN_VP_EXIT_CONTEXT context;
static _Alignas(64) WHV_REGISTER_VALUE values[8];
static uint8_t device_value;

static void load(void)
{
    create_partition = find("WHvCreatePartition");
    set_property = find("WHvSetPartitionProperty");
    setup = find("WHvSetupPartition");
    map = find("WHvMapGpaRange");
    create_vp = find("WHvCreateVirtualProcessor");
    run_vp = find("WHvRunVirtualProcessor");
    get_registers = find("WHvGetVirtualProcessorRegisters");
    set_registers = find("WHvSetVirtualProcessorRegisters");
}

static void start_guest(void)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterEs, WHvX64RegisterCs, WHvX64RegisterSs, WHvX64RegisterDs, WHvX64RegisterRip, WHvX64RegisterRsp, WHvX64RegisterRflags,
    };
    memset(values, 0, sizeof values);
    for (int i = 0; i < 4; i++) {
        values[i].Segment.Limit = 0xFFFF;
        values[i].Segment.Attributes = names[i] == WHvX64RegisterCs ? CODE_ATTRIBUTES : DATA_ATTRIBUTES;
    }
    values[4].Reg64 = CODE_ADDRESS;
    values[5].Reg64 = 0x9000;
    values[6].Reg64 = 2;
    check(set_registers(partition, 0, names, 7, values), "WHvSetVirtualProcessorRegisters");
}

void create(const uint8_t *code, size_t length)
{
    UINT32 processors = 1;
    load();
    check(create_partition(&partition), "WHvCreatePartition");
    check(set_property(partition, WHvPartitionPropertyCodeProcessorCount, &processors, sizeof processors), "WHvSetPartitionProperty");
    check(setup(partition), "WHvSetupPartition");
    uint8_t *ram = mmap(NULL, SMALL_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        fail("mmap", 0);
    memcpy(ram + CODE_ADDRESS, code, length);
    check(map(partition, ram, 0, SMALL_RAM, WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute), "WHvMapGpaRange");
    check(create_vp(partition, 0, 0), "WHvCreateVirtualProcessor");
    start_guest();
}

/* RIP behind the instruction, and RAX where it has a result, in one call. */
static void complete(UINT64 rip, int has_result, UINT64 rax)
{
    static const WHV_REGISTER_NAME names[] = { WHvX64RegisterRip, WHvX64RegisterRax };
    values[0].Reg64 = rip;
    values[1].Reg64 = rax;
    check(set_registers(partition, 0, names, has_result ? 2 : 1, values), "WHvSetVirtualProcessorRegisters");
}

static UINT64 merge(UINT64 rax, UINT32 size, UINT64 value)
{
    switch (size) {
        case 1: return (rax & ~0xFFull) | (value & 0xFF);
        case 2: return (rax & ~0xFFFFull) | (value & 0xFFFF);
        default: return value & 0xFFFFFFFF;
    }
}

static void port(void)
{
    const WHV_X64_IO_PORT_ACCESS_CONTEXT *access = &context.IoPortAccess;
    UINT64 next = context.VpContext.Rip + context.VpContext.InstructionLength;
    if (access->AccessInfo.StringOp || access->PortNumber != DEVICE_PORT)
        fail("port", access->PortNumber);
    if (access->AccessInfo.IsWrite) {
        device_value = (uint8_t)access->Rax;
        complete(next, 0, 0);
    } else {
        complete(next, 1, merge(access->Rax, access->AccessInfo.AccessSize, device_value));
    }
}

/* MOV between AL and memory is all that the guest does: what it needs is RAX, which no memory exit tells. */
static void memory(void)
{
    static const WHV_REGISTER_NAME rax = WHvX64RegisterRax;
    const WHV_MEMORY_ACCESS_CONTEXT *access = &context.MemoryAccess;
    UINT8 opcode = access->InstructionBytes[0], operand = access->InstructionBytes[1];
    UINT64 next = context.VpContext.Rip + 2;
    if (access->Gpa != DEVICE_ADDRESS || access->InstructionByteCount < 2 || operand != 0x07 || (opcode != 0x88 && opcode != 0x8A))
        fail("memory", (long)access->Gpa);
    check(get_registers(partition, 0, &rax, 1, values), "WHvGetVirtualProcessorRegisters");
    if (opcode == 0x88) {
        device_value = (uint8_t)values[0].Reg64;
        complete(next, 0, 0);
    } else {
        complete(next, 1, merge(values[0].Reg64, 1, device_value));
    }
}

void run(void)
{
    for (;;) {
        check(run_vp(partition, 0, &context, sizeof context), "WHvRunVirtualProcessor");
        switch (context.ExitReason) {
            case WHvRunVpExitReasonX64IoPortAccess:
                port();
                break;
            case WHvRunVpExitReasonMemoryAccess:
                memory();
                break;
            case WHvRunVpExitReasonX64Halt:
                return;
            case WHvRunVpExitReasonCanceled:
                break;
            default:
                fail("exit", context.ExitReason);
        }
    }
}
