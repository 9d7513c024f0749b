/* Strictness, and the platform's moods: each is a switch. HVSDK_WHP_STANDIN_<NAME>=<number> in the environment, or HvSdkStandInSwitch. */
#include "standin.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct switches switches = {.alignment = 1, .poison = 1};

static const struct
{
    const char *name;
    UINT64 *value;
} names[] = {
    {"TRACE", &switches.trace},
    {"ALIGNMENT", &switches.alignment},
    {"POISON", &switches.poison},
    {"MANY_PARTITIONS", &switches.many_partitions},
    {"SPURIOUS_CANCELS", &switches.spurious_cancels},
    {"NO_INSTRUCTION_BYTES", &switches.no_instruction_bytes},
    {"NO_GVA", &switches.no_gva},
    {"SHORT_CONTEXT", &switches.short_context},
    {"DENY_APIC_BASE", &switches.deny_apic_base},
    {"POPULATE_EXITS", &switches.populate_exits},
    {"NO_HYPERVISOR", &switches.no_hypervisor},
};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

void switches_load(void)
{
    static atomic_int is_loaded;
    if (atomic_exchange(&is_loaded, 1))
    {
        return;
    }
    for (int i = 0; i < NAME_COUNT; i++)
    {
        char variable[80];
        snprintf(variable, sizeof variable, "HVSDK_WHP_STANDIN_%s", names[i].name);
        const char *text = getenv(variable);
        if (text != NULL && *text != '\0')
        {
            *names[i].value = strtoull(text, NULL, 10);
        }
    }
}

/* Not of the platform: sets a switch by its name. For tests; on Linux .NET's environment is not the process'. */
HRESULT WINAPI HvSdkStandInSwitch(const char *name, UINT64 value, UINT64 *before)
{
    switches_load();
    for (int i = 0; i < NAME_COUNT; i++)
    {
        if (strcmp(name, names[i].name) == 0)
        {
            if (before != NULL)
            {
                *before = *names[i].value;
            }
            *names[i].value = value;
            return S_OK;
        }
    }
    return E_INVALIDARG;
}

void trace(const char *format, ...)
{
    if (!switches.trace)
    {
        return;
    }
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "whp-standin: %s\n", line);
}
