/* The stand-in's own test: each check names its rule. */
#pragma once
#include "../hvf.h"
#include "guests.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* One check of a rule; the condition is the text of a failure. */
#define CHECK(rule, condition) check(rule, condition, #condition, __FILE__, __LINE__)
#define EQUAL(rule, expected, actual) check_equal(rule, (uint64_t)(expected), (uint64_t)(actual), #actual, __FILE__, __LINE__)
#define OK(rule, call) check_equal(rule, 0, (uint64_t)(uint32_t)(call), #call, __FILE__, __LINE__)
#define RESULT_IS(rule, expected, call) check_equal(rule, (uint32_t)(expected), (uint64_t)(uint32_t)(call), #call, __FILE__, __LINE__)
bool check(const char *rule, bool is_good, const char *text, const char *file, int line);
bool check_equal(const char *rule, uint64_t expected, uint64_t actual, const char *text, const char *file, int line);

/* A VM with memory from GUEST_BASE on, which begins with the image of guests.S, and a vCPU of the calling thread. */
struct machine
{
    uint8_t *memory;
    hv_vcpu_t vcpu;
    hv_vcpu_exit_t *exit;
};
enum { MEMORY_SIZE = 0x100000, DATA = 0x80000 };
#define GUEST_BASE 0x80000000ull
#define DEVICE 0x10000000ull /* nothing is there */

void machine_create(struct machine *machine);
void machine_delete(struct machine *machine);
void load_guests(uint8_t *memory);
void *pages(size_t size); /* at a multiple of 16 KiB */
void pages_free(void *address, size_t size);
void set(struct machine *machine, uint32_t reg, uint64_t value);
uint64_t get(struct machine *machine, uint32_t reg);
void set_system(struct machine *machine, uint16_t reg, uint64_t value);
uint64_t get_system(struct machine *machine, uint16_t reg);
/* Runs from a guest's first instruction with x0; returns the exit's reason. */
uint32_t start(struct machine *machine, uint64_t guest, uint64_t x0);
uint32_t run(struct machine *machine);
unsigned exit_class(const struct machine *machine);
uint32_t exit_iss(const struct machine *machine);
/* Whether the exit is a call with this number. */
bool is_call(const struct machine *machine, uint32_t number);

enum
{
    CLASS_WFX = 0x01, CLASS_HVC = 0x16, CLASS_SMC = 0x17, CLASS_SYSTEM_REGISTER = 0x18, CLASS_INSTRUCTION_ABORT = 0x20, CLASS_DATA_ABORT = 0x24,
    CLASS_BREAKPOINT = 0x30, CLASS_STEP = 0x32, CLASS_WATCHPOINT = 0x34, CLASS_BRK = 0x3C
};
/* The ISS of a trapped MRS (is_read) or MSR: op0, op1, CRn, CRm, op2 and Rt. */
#define SYSTEM_ISS(op0, op1, crn, crm, op2, rt, is_read) \
    ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (rt) << 5 | (crm) << 1 | (is_read))

uint64_t milliseconds(void);
void pause_milliseconds(unsigned milliseconds);

void test_vms(void);
void test_memory(void);
void test_code(void);
void test_vcpus(void);
void test_exits(void);
void test_runs(void);
void test_interrupts(void);
void test_time(void);
void test_system(void);
void test_debug(void);
void test_gic(void);
void test_hostile(void);
void test_cost(void);
