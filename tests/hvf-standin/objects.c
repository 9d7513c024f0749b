/* R-OBJ: objects that the application owns, and what they configure. */
#include "standin.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct object *object_new(enum object_kind kind)
{
    struct object *object = calloc(1, sizeof *object);
    if (object != NULL)
    {
        object->kind = kind;
        atomic_store(&object->references, 1);
    }
    return object;
}

bool object_is(const struct object *object, enum object_kind kind) { return object != NULL && object->kind == (uint32_t)kind; }

void *os_retain(void *pointer)
{
    struct object *object = pointer;
    atomic_fetch_add(&object->references, 1);
    return pointer;
}

/* R-OBJ-01: the last release ends it; one more finds no object. */
void os_release(void *pointer)
{
    struct object *object = pointer;
    if (object == NULL || atomic_fetch_sub(&object->references, 1) != 1)
    {
        return;
    }
    if (object->kind == OBJECT_GIC_STATE)
    {
        free(object->state.data);
    }
    memset(object, 0xCC, sizeof *object);
    free(object);
}

/* ---- the VM's configuration ---- */

enum { DEFAULT_IPA_BITS = 36, MAX_IPA_BITS = 40, MIN_IPA_BITS = 32 };

hv_vm_config_t hv_vm_config_create(void)
{
    struct object *config = object_new(OBJECT_VM_CONFIG);
    if (config != NULL)
    {
        config->vm.ipa_bits = DEFAULT_IPA_BITS;
        config->vm.granule = HV_IPA_GRANULE_16KB;
    }
    return config;
}

static hv_return_t put32(uint32_t *to, uint32_t value)
{
    if (to == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *to = value;
    return HV_SUCCESS;
}

static hv_return_t put_bool(bool *to, bool value)
{
    if (to == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *to = value;
    return HV_SUCCESS;
}

hv_return_t hv_vm_config_get_max_ipa_size(uint32_t *bits) { return put32(bits, MAX_IPA_BITS); }
hv_return_t hv_vm_config_get_default_ipa_size(uint32_t *bits) { return put32(bits, DEFAULT_IPA_BITS); }

hv_return_t hv_vm_config_get_ipa_size(hv_vm_config_t config, uint32_t *bits)
{
    return object_is(config, OBJECT_VM_CONFIG) ? put32(bits, config->vm.ipa_bits) : HV_BAD_ARGUMENT;
}

/* R-VM-07 */
hv_return_t hv_vm_config_set_ipa_size(hv_vm_config_t config, uint32_t bits)
{
    if (!object_is(config, OBJECT_VM_CONFIG) || bits > MAX_IPA_BITS || bits < MIN_IPA_BITS)
    {
        return HV_BAD_ARGUMENT;
    }
    config->vm.ipa_bits = bits;
    return HV_SUCCESS;
}

/* R-VM-08 */
hv_return_t hv_vm_config_get_el2_supported(bool *is_supported) { return put_bool(is_supported, false); }

hv_return_t hv_vm_config_get_el2_enabled(hv_vm_config_t config, bool *is_enabled)
{
    return object_is(config, OBJECT_VM_CONFIG) ? put_bool(is_enabled, config->vm.is_el2_enabled) : HV_BAD_ARGUMENT;
}

hv_return_t hv_vm_config_set_el2_enabled(hv_vm_config_t config, bool is_enabled)
{
    if (!object_is(config, OBJECT_VM_CONFIG))
    {
        return HV_BAD_ARGUMENT;
    }
    if (is_enabled)
    {
        return HV_UNSUPPORTED;
    }
    return HV_SUCCESS;
}

hv_return_t hv_vm_config_get_default_ipa_granule(uint32_t *granule) { return put32(granule, HV_IPA_GRANULE_16KB); }

hv_return_t hv_vm_config_get_ipa_granule(hv_vm_config_t config, uint32_t *granule)
{
    return object_is(config, OBJECT_VM_CONFIG) ? put32(granule, config->vm.granule) : HV_BAD_ARGUMENT;
}

hv_return_t hv_vm_config_set_ipa_granule(hv_vm_config_t config, uint32_t granule)
{
    if (!object_is(config, OBJECT_VM_CONFIG) || granule > HV_IPA_GRANULE_16KB)
    {
        return HV_BAD_ARGUMENT;
    }
    config->vm.granule = granule;
    return HV_SUCCESS;
}

/* ---- what the application asks of the system ---- */

static int answer(void *old, size_t *old_size, const void *value, size_t size)
{
    if (old_size == NULL || (old != NULL && *old_size < size))
    {
        return -1;
    }
    if (old != NULL)
    {
        memcpy(old, value, size);
    }
    *old_size = size;
    return 0;
}

/* R-VM-05: the few names that a user of the framework reads. */
int sysctlbyname(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
{
    (void)new_size;
    switches_load();
    uint32_t has_support = !switches.no_hypervisor;
    uint64_t page_size = 16384, frequency = 62500000;
    if (new != NULL || name == NULL)
    {
        return -1;
    }
    if (strcmp(name, "kern.hv_support") == 0)
    {
        return answer(old, old_size, &has_support, sizeof has_support);
    }
    if (strcmp(name, "hw.pagesize") == 0)
    {
        return answer(old, old_size, &page_size, sizeof page_size);
    }
    if (strcmp(name, "hw.tbfrequency") == 0)
    {
        return answer(old, old_size, &frequency, sizeof frequency);
    }
    if (strcmp(name, "kern.osproductversion") == 0)
    {
        char text[8] = {(char)('0' + macos_version / 1000), (char)('0' + macos_version / 100 % 10), '.', (char)('0' + macos_version % 10), 0};
        return answer(old, old_size, text, strlen(text) + 1);
    }
    return -1;
}
