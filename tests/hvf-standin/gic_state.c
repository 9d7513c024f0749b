/* The GIC's registers as the caller reads and writes them, and its state as a whole. */
#include "gic.h"
#include <stdlib.h>
#include <string.h>

enum { IPRIORITYR = 0x400, ITARGETSR = 0x800, IROUTER = 0x6000, GICR_TYPER = 0x8, PIDR2 = 0xFFE8 };

/* The framework lists the registers whose offsets these are. */
static unsigned size_of_distributor(uint16_t reg)
{
    bool is_route = reg >= IROUTER + FIRST_SPI * 8 && reg < IROUTER + 1020 * 8;
    bool is_word = (reg <= 0x4 || (reg >= 0x80 && reg < ITARGETSR) || (reg >= 0xC00 && reg < 0xD00) || reg == PIDR2) && reg % 4 == 0;
    return is_route && reg % 8 == 0 ? 8 : is_word ? 4 : 0;
}

static hv_return_t access_distributor(uint16_t reg, uint64_t *value, bool is_write)
{
    unsigned size = size_of_distributor(reg);
    if (value == NULL || size == 0)
    {
        return HV_BAD_ARGUMENT; /* R-GIC-10 */
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : vm.gic == NULL ? HV_UNSUPPORTED : HV_SUCCESS;
    if (result == HV_SUCCESS)
    {
        *value = is_write ? *value : 0;
        gic_distributor_access(reg, size, value, is_write);
        gic_changed(NULL);
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

hv_return_t hv_gic_get_distributor_reg(uint16_t reg, uint64_t *value) { return access_distributor(reg, value, false); }
hv_return_t hv_gic_set_distributor_reg(uint16_t reg, uint64_t value) { return access_distributor(reg, &value, true); }

static bool is_redistributor_register(uint32_t reg)
{
    uint32_t offset = reg - 0x10000;
    bool is_bits = offset >= 0x80 && offset < IPRIORITYR && offset % 0x80 == 0;
    bool is_priority = offset >= IPRIORITYR && offset < IPRIORITYR + PRIVATE_COUNT && offset % 4 == 0;
    bool is_configuration = offset == 0xC00 || offset == 0xC04;
    return reg == GICR_TYPER || reg == PIDR2 || (reg >= 0x10000 && (is_bits || is_priority || is_configuration));
}

static hv_return_t access_redistributor(hv_vcpu_t number, uint32_t reg, uint64_t *value, bool is_write)
{
    struct vcpu *vcpu;
    hv_return_t result = value == NULL || !is_redistributor_register(reg) ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS && vm.gic == NULL)
    {
        return HV_UNSUPPORTED;
    }
    if (result == HV_SUCCESS)
    {
        pthread_mutex_lock(&vm_lock);
        gic_redistributor_access(vcpu, reg, reg == GICR_TYPER ? 8 : 4, value, is_write);
        pthread_mutex_unlock(&vm_lock);
    }
    return result;
}

hv_return_t hv_gic_get_redistributor_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t *value)
{
    return access_redistributor(vcpu, reg, value, false);
}

hv_return_t hv_gic_set_redistributor_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t value)
{
    return access_redistributor(vcpu, reg, &value, true);
}

/* R-GIC-03 */
hv_return_t hv_gic_get_redistributor_base(hv_vcpu_t number, uint64_t *base)
{
    struct vcpu *vcpu = NULL;
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : vm.gic == NULL ? HV_UNSUPPORTED : base == NULL ? HV_BAD_ARGUMENT : vcpu_find(number, &vcpu);
    if (result == HV_SUCCESS && !vcpu->is_mpidr_set)
    {
        result = HV_ERROR;
    }
    if (result == HV_SUCCESS)
    {
        *base = vm.gic->redistributor + (uint64_t)(vcpu->cpu - FIRST_VCPU_CPU) * REDISTRIBUTOR_SIZE;
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

static hv_return_t access_msi(uint16_t reg, uint64_t *value, bool is_write)
{
    if (value == NULL || (reg != 0x8 && reg != 0x40))
    {
        return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : vm.gic == NULL || vm.gic->msi == 0 ? HV_UNSUPPORTED : HV_SUCCESS;
    if (result == HV_SUCCESS)
    {
        *value = is_write ? *value : 0;
        gic_msi_access(reg, value, is_write);
        gic_changed(NULL);
    }
    pthread_mutex_unlock(&vm_lock);
    return result;
}

hv_return_t hv_gic_get_msi_reg(uint16_t reg, uint64_t *value) { return access_msi(reg, value, false); }
hv_return_t hv_gic_set_msi_reg(uint16_t reg, uint64_t value) { return access_msi(reg, &value, true); }

/* ---- all of it but the vCPUs' interfaces (R-GIC-12 to R-GIC-14) ---- */

struct state
{
    uint64_t magic, vcpu_count;
    uint64_t routes[WORD_COUNT * 32];
    struct gic_word words[WORD_COUNT];
    uint32_t control, waker[MAX_CPUS];
    struct gic_word private_words[MAX_CPUS];
};
#define MAGIC 0x3143494756534448ull

static unsigned count_vcpus(bool *is_running, bool *have_run)
{
    unsigned count = 0;
    *is_running = *have_run = false;
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            count++;
            *is_running |= atomic_load(&vm.vcpus[cpu]->is_inside) != 0;
            *have_run |= vm.vcpus[cpu]->runs != 0;
        }
    }
    return count;
}

static void fill(struct state *state, unsigned count)
{
    state->magic = MAGIC;
    state->vcpu_count = count;
    state->control = vm.gic->control;
    memcpy(state->routes, vm.gic->routes, sizeof state->routes);
    memcpy(state->words, vm.gic->words, sizeof state->words);
    for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
    {
        if (vm.vcpus[cpu] != NULL)
        {
            state->private_words[cpu] = vm.vcpus[cpu]->gic->word;
            state->waker[cpu] = vm.vcpus[cpu]->gic->waker;
        }
    }
}

hv_gic_state_t hv_gic_state_create(void)
{
    struct object *object = NULL;
    bool is_running, have_run;
    pthread_mutex_lock(&vm_lock);
    unsigned count = count_vcpus(&is_running, &have_run);
    if (vm.exists && vm.gic != NULL && !is_running)
    {
        object = object_new(OBJECT_GIC_STATE);
        struct state *state = calloc(1, sizeof *state);
        if (object == NULL || state == NULL)
        {
            abort();
        }
        fill(state, count);
        object->state.data = (uint8_t *)state;
        object->state.size = sizeof *state;
    }
    pthread_mutex_unlock(&vm_lock);
    return object;
}

hv_return_t hv_gic_state_get_size(hv_gic_state_t state, size_t *size)
{
    if (!object_is(state, OBJECT_GIC_STATE) || size == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    *size = state->state.size;
    return HV_SUCCESS;
}

hv_return_t hv_gic_state_get_data(hv_gic_state_t state, void *data)
{
    if (!object_is(state, OBJECT_GIC_STATE) || data == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    memcpy(data, state->state.data, state->state.size);
    return HV_SUCCESS;
}

static hv_return_t restore(const void *data, size_t size)
{
    bool is_running, have_run;
    unsigned count = count_vcpus(&is_running, &have_run);
    if (switches.refuse_gic_state)
    {
        return HV_UNSUPPORTED;
    }
    struct state *state = size == sizeof *state ? malloc(size) : NULL;
    if (state == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    memcpy(state, data, size);
    hv_return_t result = state->magic != MAGIC || state->vcpu_count != count ? HV_BAD_ARGUMENT : have_run ? HV_ERROR : HV_SUCCESS;
    if (result == HV_SUCCESS)
    {
        vm.gic->control = state->control;
        memcpy(vm.gic->routes, state->routes, sizeof state->routes);
        memcpy(vm.gic->words, state->words, sizeof state->words);
        for (unsigned cpu = FIRST_VCPU_CPU; cpu < MAX_CPUS; cpu++)
        {
            if (vm.vcpus[cpu] != NULL)
            {
                vm.vcpus[cpu]->gic->word = state->private_words[cpu];
                vm.vcpus[cpu]->gic->waker = state->waker[cpu];
            }
        }
    }
    free(state);
    return result;
}

hv_return_t hv_gic_set_state(const void *data, size_t size)
{
    if (data == NULL)
    {
        return HV_BAD_ARGUMENT;
    }
    pthread_mutex_lock(&vm_lock);
    hv_return_t result = !vm.exists ? HV_NO_DEVICE : vm.gic == NULL ? HV_UNSUPPORTED : restore(data, size);
    pthread_mutex_unlock(&vm_lock);
    return result;
}
