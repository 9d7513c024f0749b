#include "selftest.h"

static unsigned checks, failures;
static const char *topic = "";

bool check(const char *rule, bool is_good, const char *text, const char *file, int line)
{
    __atomic_add_fetch(&checks, 1, __ATOMIC_SEQ_CST);
    if (!is_good)
    {
        __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
        printf("%s: %s: %s (%s:%d)\n", topic, rule, text, file, line);
    }
    return is_good;
}

bool check_equal(const char *rule, uint64_t expected, uint64_t actual, const char *text, const char *file, int line)
{
    char message[256];
    snprintf(message, sizeof message, "%s is 0x%llx and not 0x%llx", text, (unsigned long long)actual, (unsigned long long)expected);
    return check(rule, expected == actual, message, file, line);
}

int main(int count, char **arguments)
{
    static const struct
    {
        const char *name;
        void (*test)(void);
    } tests[] = {
        {"vms", test_vms},
        {"memory", test_memory},
        {"code", test_code},
        {"vcpus", test_vcpus},
        {"exits", test_exits},
        {"runs", test_runs},
        {"interrupts", test_interrupts},
        {"time", test_time},
        {"system", test_system},
        {"debug", test_debug},
        {"gic", test_gic},
        {"hostile", test_hostile},
        {"cost", test_cost},
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
    {
        if (count < 2 || strcmp(arguments[1], tests[i].name) == 0)
        {
            topic = tests[i].name;
            uint64_t began = milliseconds();
            tests[i].test();
            printf("%s: %llu ms\n", topic, (unsigned long long)(milliseconds() - began));
        }
    }
    printf("%u checks, %u failures\n", checks, failures);
    return failures != 0 || checks == 0;
}
