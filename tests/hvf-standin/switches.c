/* Strictness, and the platform's moods: each is a switch. HVSDK_HVF_STANDIN_<NAME>=<number> in the environment, or HvSdkStandInSwitch. */
#include "standin.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct switches switches = {.poison = 1, .max_vcpus = 4, .memory = 8192, .keep_machine = 1, .cpu_spin = 4000};

static const struct
{
    const char *name;
    uint64_t *value;
} names[] = {
    {"TRACE", &switches.trace},
    {"POISON", &switches.poison},
    {"SPURIOUS_CANCELS", &switches.spurious_cancels},
    {"UNKNOWN_EXITS", &switches.unknown_exits},
    {"NO_HYPERVISOR", &switches.no_hypervisor},
    {"NO_ENTITLEMENT", &switches.no_entitlement},
    {"REFUSE_GIC_STATE", &switches.refuse_gic_state},
    {"MAX_VCPUS", &switches.max_vcpus},
    {"MEMORY", &switches.memory},
    {"KEEP_MACHINE", &switches.keep_machine},
    {"HOST_SPIN", &switches.host_spin},
    {"CPU_SPIN", &switches.cpu_spin},
};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

static void load(void)
{
    for (int i = 0; i < NAME_COUNT; i++)
    {
        char variable[80];
        snprintf(variable, sizeof variable, "HVSDK_HVF_STANDIN_%s", names[i].name);
        const char *text = getenv(variable);
        if (text != NULL && *text != '\0')
        {
            *names[i].value = strtoull(text, NULL, 10);
        }
    }
}

void switches_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
}

/* Not of the platform: sets a switch by its name. For tests; .NET's environment is not the process'. */
hv_return_t HvSdkStandInSwitch(const char *name, uint64_t value, uint64_t *before)
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
            return HV_SUCCESS;
        }
    }
    return HV_BAD_ARGUMENT;
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
    fprintf(stderr, "hvf-standin: %s\n", line);
}
