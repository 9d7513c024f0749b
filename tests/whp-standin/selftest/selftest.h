/* The stand-in's own test: each check names its rule. No test library: it runs under Wine and in the nested machine too. */
#pragma once
#ifdef _WIN32
#include <windows.h>
#endif
#include <winhvplatform.h>
#include "../hresult.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

HRESULT WINAPI HvSdkStandInSwitch(const char *name, UINT64 value, UINT64 *before);

/* One check of a rule; the condition is the text of a failure. */
#define CHECK(rule, condition) check(rule, condition, #condition, __FILE__, __LINE__)
#define EQUAL(rule, expected, actual) check_equal(rule, (UINT64)(expected), (UINT64)(actual), #actual, __FILE__, __LINE__)
#define OK(rule, call) check_equal(rule, 0, (UINT64)(uint32_t)(call), #call, __FILE__, __LINE__)
#define RESULT_IS(rule, expected, call) check_equal(rule, (uint32_t)(expected), (UINT64)(uint32_t)(call), #call, __FILE__, __LINE__)
bool check(const char *rule, bool is_good, const char *text, const char *file, int line);
bool check_equal(const char *rule, UINT64 expected, UINT64 actual, const char *text, const char *file, int line);
/* A rule that this machine's KVM does not let the stand-in keep; `why` is known of that KVM. */
void skip_rule(const char *rule, const char *why);
enum host { HOST_OTHER, HOST_PVM, HOST_QEMU };
enum host host_kind(void);
void begin(const char *name);
int finish(void);

/* A partition with one or more processors, memory from GPA 0 on, and code in real mode unless said otherwise. */
struct machine
{
    WHV_PARTITION_HANDLE partition;
    uint8_t *memory;
    UINT64 size;
    WHV_RUN_VP_EXIT_CONTEXT *exit; /* of the last run, aligned */
};

struct options
{
    UINT32 processors, apic_mode;
    UINT64 extended_exits, msr_exits, exception_exits;
    UINT32 map_flags; /* 0: read, write, execute */
    const WHV_X64_CPUID_RESULT *cpuid;
};

enum { CODE = 0x1000, STACK = 0x8000, MEMORY_SIZE = 0x100000 };

void machine_create(struct machine *machine, const struct options *options);
void machine_delete(struct machine *machine);
void code(struct machine *machine, UINT64 gpa, const void *bytes, UINT32 count);
#define CODE_AT(machine, gpa, ...) \
    do \
    { \
        static const uint8_t bytes_[] = {__VA_ARGS__}; \
        code(machine, gpa, bytes_, sizeof bytes_); \
    } while (0)
void start_real(struct machine *machine, UINT32 vp, UINT64 rip);
void start_flat(struct machine *machine, UINT32 vp, UINT64 rip);
void start_long(struct machine *machine, UINT32 vp, UINT64 rip, bool is_user);
UINT64 get(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name);
void set(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name, UINT64 value);
void set_wide(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name, WHV_REGISTER_VALUE value);
WHV_REGISTER_VALUE get_wide(struct machine *machine, UINT32 vp, WHV_REGISTER_NAME name);
WHV_RUN_VP_EXIT_REASON run(struct machine *machine, UINT32 vp);
/* After a port or memory exit: goes on behind the instruction. */
void skip(struct machine *machine, UINT32 vp, UINT32 length);
void *pages(UINT64 size);
void pages_free(void *address, UINT64 size);

bool host_has(const char *path); /* of Linux */

/* Threads. */
typedef struct thread thread;
thread *thread_start(void (*body)(void *), void *argument);
void thread_join(thread *thread);
void pause_milliseconds(unsigned milliseconds);
UINT64 milliseconds(void);

void test_partitions(void);
void test_memory(void);
void test_dirty(void);
void test_paging(void);
void test_ports(void);
void test_mmio(void);
void test_registers(void);
void test_runs(void);
void test_injection(void);
void test_apic(void);
void test_msrs(void);
void test_state(void);
void test_debug(void);
void test_capabilities(void);
