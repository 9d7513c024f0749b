#include "selftest.h"

int main(int count, char **arguments)
{
    static const struct
    {
        const char *name;
        void (*test)(void);
    } tests[] = {
        {"capabilities", test_capabilities},
        {"partitions", test_partitions},
        {"memory", test_memory},
        {"dirty", test_dirty},
        {"paging", test_paging},
        {"ports", test_ports},
        {"mmio", test_mmio},
        {"registers", test_registers},
        {"runs", test_runs},
        {"injection", test_injection},
        {"apic", test_apic},
        {"msrs", test_msrs},
        {"state", test_state},
        {"debug", test_debug},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
    {
        if (count < 2 || strcmp(arguments[1], tests[i].name) == 0)
        {
            begin(tests[i].name);
            tests[i].test();
        }
    }
    return finish();
}
