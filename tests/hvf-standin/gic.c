/* The GIC's configuration, beginning and end, and what drives it from outside. */
#include "gic.h"
#include <stdlib.h>
#include <string.h>

hv_gic_config_t hv_gic_config_create(void) { return object_new(OBJECT_GIC_CONFIG); }

/* R-GIC-02 */
static bool can_be_base(hv_gic_config_t config, uint64_t base) { return object_is(config, OBJECT_GIC_CONFIG) && base % FRAME_ALIGNMENT == 0; }

hv_return_t hv_gic_config_set_distributor_base(hv_gic_config_t config, uint64_t base)
{
    return can_be_base(config, base) ? (config->gic.distributor = base, HV_SUCCESS) : HV_BAD_ARGUMENT;
}

hv_return_t hv_gic_config_set_redistributor_base(hv_gic_config_t config, uint64_t base)
{
    return can_be_base(config, base) ? (config->gic.redistributor = base, HV_SUCCESS) : HV_BAD_ARGUMENT;
}

hv_return_t hv_gic_config_set_msi_region_base(hv_gic_config_t config, uint64_t base)
{
    return can_be_base(config, base) ? (config->gic.msi = base, HV_SUCCESS) : HV_BAD_ARGUMENT;
}

hv_return_t hv_gic_config_set_msi_interrupt_range(hv_gic_config_t config, uint32_t first, uint32_t count)
{
    if (!object_is(config, OBJECT_GIC_CONFIG) || first < FIRST_SPI || count == 0 || count > SPI_COUNT || first - FIRST_SPI > SPI_COUNT - count)
    {
        return HV_BAD_ARGUMENT;
    }
    config->gic.first_msi = first;
    config->gic.msi_count = count;
    return HV_SUCCESS;
}

static uint64_t redistributors_size(void) { return switches.max_vcpus * REDISTRIBUTOR_SIZE; }

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) { return a < b + b_size && b < a + a_size; }

static bool is_good(const struct object *config)
{
    uint64_t d = config->gic.distributor, r = config->gic.redistributor, m = config->gic.msi, limit = 1ull << vm.ipa_bits;
    bool has_msi = m != 0 && config->gic.msi_count != 0;
    return d != r && d + DISTRIBUTOR_SIZE <= limit && r + redistributors_size() <= limit && !overlap(d, DISTRIBUTOR_SIZE, r, redistributors_size()) &&
           !(has_msi && (m + MSI_SIZE > limit || overlap(m, MSI_SIZE, d, DISTRIBUTOR_SIZE) || overlap(m, MSI_SIZE, r, redistributors_size())));
}

static void reset(struct gic *gic)
{
    gic->control = 0;
    memset(gic->routes, 0, sizeof gic->routes);
    for (uint32_t w = 0; w < WORD_COUNT; w++)
    {
        gic_reset_word(&gic->words[w], false);
    }
    for (uint32_t i = 0; i < gic->msi_count; i++)
    {
        gic->words[(gic->first_msi + i) / 32].edge |= 1u << (gic->first_msi + i) % 32;
    }
}

static hv_return_t create(hv_gic_config_t config)
{
    if (!vm.exists)
    {
        return HV_NO_DEVICE;
    }
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            return HV_BUSY; /* R-GIC-01 */
        }
    }
    if (vm.gic != NULL)
    {
        return HV_EXISTS;
    }
    if (!is_good(config))
    {
        return HV_BAD_ARGUMENT;
    }
    struct gic *gic = calloc(1, sizeof *gic);
    if (gic == NULL)
    {
        return HV_NO_RESOURCES;
    }
    gic->distributor = config->gic.distributor;
    gic->redistributor = config->gic.redistributor;
    if (config->gic.msi != 0 && config->gic.msi_count != 0)
    {
        gic->msi = config->gic.msi;
        gic->first_msi = config->gic.first_msi;
        gic->msi_count = config->gic.msi_count;
    }
    reset(gic);
    vm.gic = gic;
    return HV_SUCCESS;
}

hv_return_t hv_gic_create(hv_gic_config_t config)
{
    if (!object_is(config, OBJECT_GIC_CONFIG))
    {
        return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = create(config);
    pthread_mutex_unlock(&vm_lock);
    return result;
}

void gic_destroy(void)
{
    free(vm.gic);
    vm.gic = NULL;
}

static void reset_interface(struct gic_cpu *cpu)
{
    memset(cpu, 0, sizeof *cpu);
    gic_reset_word(&cpu->word, true);
    cpu->waker = 1 << 1;
    cpu->binary_point[0] = 2;
    cpu->binary_point[1] = 3;
}

bool gic_vcpu_created(struct vcpu *vcpu)
{
    if (vm.gic == NULL)
    {
        return true;
    }
    vcpu->gic = calloc(1, sizeof *vcpu->gic);
    if (vcpu->gic != NULL)
    {
        reset_interface(vcpu->gic);
    }
    return vcpu->gic != NULL;
}

/* Runs something on the GIC, where there is one. */
#define WITH_GIC(call)                                                                           \
    ({                                                                                           \
        pthread_mutex_lock(&vm_lock);                                                            \
        hv_return_t result_ = !vm.exists ? HV_NO_DEVICE : vm.gic == NULL ? HV_UNSUPPORTED : (call); \
        pthread_mutex_unlock(&vm_lock);                                                          \
        result_;                                                                                 \
    })

/* R-GIC-09: the interfaces of the vCPUs stay. */
static hv_return_t reset_all(void)
{
    reset(vm.gic);
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            gic_reset_word(&vm.vcpus[cpu]->gic->word, true);
            vm.vcpus[cpu]->gic->waker = 1 << 1;
        }
    }
    return HV_SUCCESS;
}

hv_return_t hv_gic_reset(void) { return WITH_GIC(reset_all()); }

static bool is_msi(uint32_t intid) { return intid >= vm.gic->first_msi && intid < vm.gic->first_msi + vm.gic->msi_count; }

static hv_return_t set_spi(uint32_t intid, bool level)
{
    if (intid < FIRST_SPI || intid >= FIRST_SPI + SPI_COUNT || is_msi(intid))
    {
        return HV_BAD_ARGUMENT;
    }
    struct gic_word *word = &vm.gic->words[intid / 32];
    uint32_t bit = 1u << intid % 32;
    if (!(word->edge & bit))
    {
        word->line = level ? word->line | bit : word->line & ~bit;
    }
    else if (level)
    {
        gic_pend(word, intid);
    }
    gic_changed(NULL);
    return HV_SUCCESS;
}

/* R-GIC-05 */
hv_return_t hv_gic_set_spi(uint32_t intid, bool level) { return WITH_GIC(set_spi(intid, level)); }

static hv_return_t send_msi(uint64_t address, uint32_t intid)
{
    const uint64_t set_spi_register = 0x40;
    if (vm.gic->msi == 0 || address != vm.gic->msi + set_spi_register || !is_msi(intid))
    {
        return HV_BAD_ARGUMENT;
    }
    gic_pend(&vm.gic->words[intid / 32], intid);
    gic_changed(NULL);
    return HV_SUCCESS;
}

/* R-GIC-06 */
hv_return_t hv_gic_send_msi(uint64_t address, uint32_t intid) { return WITH_GIC(send_msi(address, intid)); }

/* ---- what it is like ---- */

static hv_return_t put(size_t *to, size_t value)
{
    if (to == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    switches_load();
    *to = value;
    return HV_SUCCESS;
}

hv_return_t hv_gic_get_distributor_size(size_t *size) { return put(size, DISTRIBUTOR_SIZE); }
hv_return_t hv_gic_get_distributor_base_alignment(size_t *alignment) { return put(alignment, FRAME_ALIGNMENT); }
hv_return_t hv_gic_get_redistributor_region_size(size_t *size) { return switches_load(), put(size, redistributors_size()); }
hv_return_t hv_gic_get_redistributor_size(size_t *size) { return put(size, REDISTRIBUTOR_SIZE); }
hv_return_t hv_gic_get_redistributor_base_alignment(size_t *alignment) { return put(alignment, FRAME_ALIGNMENT); }
hv_return_t hv_gic_get_msi_region_size(size_t *size) { return put(size, MSI_SIZE); }
hv_return_t hv_gic_get_msi_region_base_alignment(size_t *alignment) { return put(alignment, FRAME_ALIGNMENT); }

hv_return_t hv_gic_get_spi_interrupt_range(uint32_t *first, uint32_t *count)
{
    if (first == NULL || count == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *first = FIRST_SPI;
    *count = SPI_COUNT;
    return HV_SUCCESS;
}

hv_return_t hv_gic_get_intid(uint16_t interrupt, uint32_t *intid)
{
    static const uint16_t known[] = {INTID_PERFORMANCE, INTID_MAINTENANCE, INTID_EL2_TIMER, INTID_VIRTUAL_TIMER, INTID_PHYSICAL_TIMER};
    for (size_t i = 0; i < sizeof known / sizeof known[0] && intid != NULL; i++)
    {
        if (known[i] == interrupt)
        {
            *intid = interrupt;
            return HV_SUCCESS;
        }
    }
    return HV_BAD_ARGUMENT;
}
