#define _GNU_SOURCE
#include "selftest.h"
#include <sys/mman.h>
#include <unistd.h>

static void arguments(void)
{
    OK("R-VM-01", hv_vm_create(NULL));
    uint8_t *memory = pages(0x10000);
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory + 0x1000, 0, 0x4000, 7));
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory, 0x1000, 0x4000, 7));
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory, 0, 0x1000, 7));
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory, 0, 0, 7));
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory, 0, 0x4000, 8));
    RESULT_IS("R-MEM-02", HV_BAD_ARGUMENT, hv_vm_map(memory, (1ull << 36) - 0x4000, 0x8000, 7));
    RESULT_IS("R-MEM-07", HV_BAD_ARGUMENT, hv_vm_map((void *)0x4000, 0, 0x4000, 7));
    OK("R-MEM-01", hv_vm_map(memory, 0x8000, 0x8000, 7));
    RESULT_IS("R-MEM-03", HV_ERROR, hv_vm_map(memory, 0x4000, 0x8000, 7));
    RESULT_IS("R-MEM-04", HV_ERROR, hv_vm_unmap(0x4000, 0x8000));
    RESULT_IS("R-MEM-05", HV_ERROR, hv_vm_protect(0xC000, 0x8000, 1));
    RESULT_IS("R-MEM-04", HV_BAD_ARGUMENT, hv_vm_unmap(0x8000, 0x1000));
    OK("R-MEM-04", hv_vm_unmap(0xC000, 0x4000));
    OK("R-MEM-04", hv_vm_unmap(0x8000, 0x4000));
    OK("R-VM-03", hv_vm_destroy());
    pages_free(memory, 0x10000);
}

static void small_granule(void)
{
    hv_vm_config_t config = hv_vm_config_create();
    OK("R-MEM-01", hv_vm_config_set_ipa_granule(config, HV_IPA_GRANULE_4KB));
    OK("R-MEM-01", hv_vm_create(config));
    os_release(config);
    uint8_t *memory = pages(0x4000);
    OK("R-MEM-01", hv_vm_map(memory + 0x1000, 0x3000, 0x1000, 7));
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_map(memory, 0x800, 0x1000, 7));
    OK("R-VM-03", hv_vm_destroy());
    pages_free(memory, 0x4000);
}

static void contents(void)
{
    struct machine m;
    machine_create(&m);
    /* Both sides see what the other writes. */
    uint64_t *there = (uint64_t *)(m.memory + DATA);
    set(&m, HV_REG_X0 + 1, 0x1122334455667788);
    start(&m, GUEST_STORE, GUEST_BASE + DATA);
    CHECK("R-MEM-06", is_call(&m, 1));
    EQUAL("R-MEM-06", 0x1122334455667788, *there);
    *there = 0x8877;
    start(&m, GUEST_LOAD_LOOP, GUEST_BASE + DATA);
    EQUAL("R-MEM-06", 0x8877, get(&m, HV_REG_X0 + 1));
    /* The same memory at another address too; the contents outlive one of the two maps, and both. */
    OK("R-MEM-06", hv_vm_map(m.memory, GUEST_BASE + MEMORY_SIZE, MEMORY_SIZE, HV_MEMORY_READ | HV_MEMORY_WRITE));
    set(&m, HV_REG_X0 + 1, 0x55);
    start(&m, GUEST_STORE, GUEST_BASE + MEMORY_SIZE + DATA + 8);
    EQUAL("R-MEM-06", 0x55, there[1]);
    OK("R-MEM-04", hv_vm_unmap(GUEST_BASE + MEMORY_SIZE, MEMORY_SIZE));
    start(&m, GUEST_LOAD_LOOP, GUEST_BASE + DATA + 8);
    EQUAL("R-MEM-06", 0x55, get(&m, HV_REG_X0 + 1));
    OK("R-MEM-04", hv_vm_unmap(GUEST_BASE + DATA, 0x4000));
    EQUAL("R-MEM-08", 0x8877, there[0]);
    EQUAL("R-MEM-08", 0x55, there[1]);
    there[0] = 1;
    start(&m, GUEST_STORE, GUEST_BASE + DATA);
    EQUAL("R-EXIT-03", GUEST_BASE + DATA, m.exit->exception.physical_address);
    OK("R-MEM-04", hv_vm_map(m.memory + DATA, GUEST_BASE + DATA, 0x4000, 7));
    start(&m, GUEST_LOAD_LOOP, GUEST_BASE + DATA);
    EQUAL("R-MEM-08", 1, get(&m, HV_REG_X0 + 1));
    machine_delete(&m);
}

static void rights(void)
{
    struct machine m;
    machine_create(&m);
    OK("R-MEM-05", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ));
    start(&m, GUEST_STORE, GUEST_BASE + DATA + 0x18);
    EQUAL("R-MEM-05", CLASS_DATA_ABORT, exit_class(&m));
    EQUAL("R-MEM-05", 0x0F, exit_iss(&m) & 0x3F); /* permission, level 3 */
    EQUAL("R-MEM-05", 1, exit_iss(&m) >> 6 & 1);  /* a write */
    EQUAL("R-MEM-05", GUEST_BASE + DATA + 0x18, m.exit->exception.physical_address);
    EQUAL("R-MEM-05", GUEST_BASE + GUEST_STORE, get(&m, HV_REG_PC));
    OK("R-MEM-05", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ | HV_MEMORY_WRITE));
    run(&m);
    CHECK("R-MEM-05", is_call(&m, 1));
    /* What may not be executed. */
    start(&m, GUEST_BRANCH, GUEST_BASE + DATA);
    EQUAL("R-MEM-05", CLASS_INSTRUCTION_ABORT, exit_class(&m));
    EQUAL("R-MEM-05", 0x0F, exit_iss(&m) & 0x3F);
    EQUAL("R-MEM-05", GUEST_BASE + DATA, m.exit->exception.physical_address);
    memcpy(m.memory + DATA, m.memory + GUEST_NUMBER_1, 8);
    OK("R-MEM-05", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ | HV_MEMORY_EXEC));
    run(&m);
    CHECK("R-MEM-05", is_call(&m, 1));
    EQUAL("R-MEM-05", 1, get(&m, HV_REG_X0 + 5));
    /* And again, once it has been executed. */
    OK("R-MEM-05", hv_vm_protect(GUEST_BASE + DATA, 0x4000, HV_MEMORY_READ));
    start(&m, GUEST_BRANCH, GUEST_BASE + DATA);
    EQUAL("R-MEM-05", CLASS_INSTRUCTION_ABORT, exit_class(&m));
    OK("R-MEM-05", hv_vm_protect(GUEST_BASE + DATA, 0x4000, 0));
    start(&m, GUEST_LOAD_PAIR, GUEST_BASE + DATA);
    EQUAL("R-MEM-05", 0x0F, exit_iss(&m) & 0x3F);
    machine_delete(&m);
}

/* R-MEM-08, R-MEM-10: what becomes of the caller's memory. */
static void callers_memory(void)
{
    OK("R-VM-01", hv_vm_create(NULL));
    int fd = memfd_create("shared", 0);
    CHECK("R-MEM-08", ftruncate(fd, 0x8000) == 0);
    uint64_t *first = mmap(NULL, 0x8000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint64_t *second = mmap(NULL, 0x8000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    first[0] = 7;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)first + 0x3FFF) & ~0x3FFFull);
    size_t shift = (size_t)(aligned - (uint8_t *)first);
    if (shift == 0 || shift <= 0x4000)
    {
        OK("R-MEM-08", hv_vm_map(aligned, 0, 0x4000, 7));
        *(uint64_t *)aligned = 9;
        OK("R-MEM-08", hv_vm_unmap(0, 0x4000));
        EQUAL("R-MEM-08", 9, *(uint64_t *)((uint8_t *)second + shift)); /* shared again */
        *(uint64_t *)((uint8_t *)second + shift) = 10;
        EQUAL("R-MEM-08", 10, *(uint64_t *)aligned);
    }
    munmap(first, 0x8000);
    munmap(second, 0x8000);
    close(fd);
    uint8_t *memory = pages(0x8000);
    OK("R-MEM-10", hv_vm_map(memory, 0x10000, 0x8000, 7));
    munmap(memory + 0x4000, 0x4000);
    OK("R-MEM-10", hv_vm_unmap(0x10000, 0x8000));
    CHECK("R-MEM-10", msync(memory + 0x4000, 0x4000, MS_ASYNC) != 0); /* nothing has come there */
    memory[0] = 1;
    munmap(memory, 0x4000);
    /* Memory that comes to an address where other memory was in use, too. */
    for (int i = 0; i < 3; i++)
    {
        uint8_t *fresh = mmap(memory, 0x8000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        fresh[5] = (uint8_t)(i + 1);
        OK("R-MEM-10", hv_vm_map(fresh, 0x10000, 0x8000, 7));
        EQUAL("R-MEM-10", i + 1, fresh[5]);
        EQUAL("R-MEM-10", 0, fresh[6]);
        fresh[6] = 9;
        OK("R-MEM-10", hv_vm_unmap(0x10000, 0x8000));
        OK("R-MEM-10", hv_vm_map(fresh, 0x20000, 0x8000, 7));
        EQUAL("R-MEM-10", 9, fresh[6]);
        OK("R-MEM-10", hv_vm_unmap(0x20000, 0x8000));
    }
    munmap(memory, 0x8000);
    /* What is given back is found again: this is more than the machine has at a time. */
    for (int i = 0; i < 40; i++)
    {
        uint8_t *part = pages(1ull << 28);
        OK("R-MEM-10", hv_vm_map(part, 1ull << 31, 1ull << 28, 7));
        part[1] = 1;
        OK("R-MEM-10", hv_vm_unmap(1ull << 31, 1ull << 28));
        pages_free(part, 1ull << 28);
    }
    /* A large map costs what is in it. */
    size_t large = 1ull << 30;
    memory = pages(large);
    memory[large / 2] = 3;
    uint64_t began = milliseconds();
    OK("R-MEM-08", hv_vm_map(memory, 1ull << 31, large, 7));
    OK("R-MEM-08", hv_vm_unmap(1ull << 31, large));
    printf("  1 GiB mapped and unmapped in %llu ms\n", (unsigned long long)(milliseconds() - began));
    EQUAL("R-MEM-08", 3, memory[large / 2]);
    pages_free(memory, large);
    OK("R-VM-03", hv_vm_destroy());
}

void test_memory(void)
{
    arguments();
    small_granule();
    contents();
    rights();
    callers_memory();
}

/* R-MEM-11 */
void test_code(void)
{
    struct machine m;
    machine_create(&m);
    for (int i = 0; i < 10; i++)
    {
        memcpy(m.memory + DATA, m.memory + (i % 2 == 0 ? GUEST_NUMBER_1 : GUEST_NUMBER_2), 8);
        start(&m, GUEST_BRANCH, GUEST_BASE + DATA);
        CHECK("R-MEM-11", is_call(&m, 1));
        EQUAL("R-MEM-11", i % 2 + 1, get(&m, HV_REG_X0 + 5));
    }
    machine_delete(&m);
    /* The next VM has other code in the same pages. */
    machine_create(&m);
    memcpy(m.memory + DATA, m.memory + GUEST_NUMBER_1, 8);
    start(&m, GUEST_BRANCH, GUEST_BASE + DATA);
    EQUAL("R-MEM-11", 1, get(&m, HV_REG_X0 + 5));
    machine_delete(&m);
}
