/* The interface of Hypervisor.framework on arm64, by its public facts: names, numbers, layouts. Numbers are those of the SDKs up to macOS 26. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t hv_return_t;
#define HV_RETURN(code) ((hv_return_t)0xFAE94000u + (code))
enum
{
    HV_SUCCESS = 0,
    HV_ERROR = HV_RETURN(1),
    HV_BUSY = HV_RETURN(2),
    HV_BAD_ARGUMENT = HV_RETURN(3),
    HV_ILLEGAL_GUEST_STATE = HV_RETURN(4),
    HV_NO_RESOURCES = HV_RETURN(5),
    HV_NO_DEVICE = HV_RETURN(6),
    HV_DENIED = HV_RETURN(7),
    HV_EXISTS = HV_RETURN(8),
    HV_UNSUPPORTED = HV_RETURN(0xF)
};

enum { HV_MEMORY_READ = 1, HV_MEMORY_WRITE = 2, HV_MEMORY_EXEC = 4 };
enum { HV_IPA_GRANULE_4KB = 0, HV_IPA_GRANULE_16KB = 1 };

typedef uint64_t hv_vcpu_t;

enum { HV_EXIT_REASON_CANCELED, HV_EXIT_REASON_EXCEPTION, HV_EXIT_REASON_VTIMER_ACTIVATED, HV_EXIT_REASON_UNKNOWN };

typedef struct
{
    uint32_t reason;
    struct
    {
        uint64_t syndrome;         /* as ESR_EL2 */
        uint64_t virtual_address;  /* as FAR_EL2 */
        uint64_t physical_address; /* the IPA */
    } exception;
} hv_vcpu_exit_t;
_Static_assert(sizeof(hv_vcpu_exit_t) == 32, "");

enum { HV_REG_X0 = 0, HV_REG_X30 = 30, HV_REG_PC = 31, HV_REG_FPCR, HV_REG_FPSR, HV_REG_CPSR };
enum { HV_INTERRUPT_TYPE_IRQ, HV_INTERRUPT_TYPE_FIQ };
enum { HV_CACHE_TYPE_DATA, HV_CACHE_TYPE_INSTRUCTION };
enum { HV_FEATURE_REG_COUNT = 12, HV_FEATURE_REG_ID_AA64SMFR0_EL1 = 12, HV_FEATURE_REG_ID_AA64ZFR0_EL1 = 13 };

typedef uint8_t hv_simd_fp_uchar16_t __attribute__((vector_size(16)));

/* The objects that the application owns (os_retain, os_release). */
typedef struct object *hv_vm_config_t, *hv_vcpu_config_t, *hv_gic_config_t, *hv_gic_state_t;

hv_return_t hv_vm_get_max_vcpu_count(uint32_t *count);
hv_return_t hv_vm_create(hv_vm_config_t config);
hv_return_t hv_vm_destroy(void);
hv_return_t hv_vm_map(void *address, uint64_t ipa, size_t size, uint64_t flags);
hv_return_t hv_vm_unmap(uint64_t ipa, size_t size);
hv_return_t hv_vm_protect(uint64_t ipa, size_t size, uint64_t flags);
hv_return_t hv_vm_allocate(void **address, size_t size, uint64_t flags);
hv_return_t hv_vm_deallocate(void *address, size_t size);

hv_vm_config_t hv_vm_config_create(void);
hv_return_t hv_vm_config_get_max_ipa_size(uint32_t *bits);
hv_return_t hv_vm_config_get_default_ipa_size(uint32_t *bits);
hv_return_t hv_vm_config_set_ipa_size(hv_vm_config_t config, uint32_t bits);
hv_return_t hv_vm_config_get_ipa_size(hv_vm_config_t config, uint32_t *bits);
hv_return_t hv_vm_config_get_el2_supported(bool *is_supported);
hv_return_t hv_vm_config_get_el2_enabled(hv_vm_config_t config, bool *is_enabled);
hv_return_t hv_vm_config_set_el2_enabled(hv_vm_config_t config, bool is_enabled);
hv_return_t hv_vm_config_get_default_ipa_granule(uint32_t *granule);
hv_return_t hv_vm_config_get_ipa_granule(hv_vm_config_t config, uint32_t *granule);
hv_return_t hv_vm_config_set_ipa_granule(hv_vm_config_t config, uint32_t granule);

hv_vcpu_config_t hv_vcpu_config_create(void);
hv_return_t hv_vcpu_config_get_feature_reg(hv_vcpu_config_t config, uint32_t feature, uint64_t *value);
hv_return_t hv_vcpu_config_get_ccsidr_el1_sys_reg_values(hv_vcpu_config_t config, uint32_t cache, uint64_t values[8]);

hv_return_t hv_vcpu_create(hv_vcpu_t *vcpu, hv_vcpu_exit_t **exit, hv_vcpu_config_t config);
hv_return_t hv_vcpu_destroy(hv_vcpu_t vcpu);
hv_return_t hv_vcpu_run(hv_vcpu_t vcpu);
hv_return_t hv_vcpus_exit(hv_vcpu_t *vcpus, uint32_t count);
hv_return_t hv_vcpu_get_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t *value);
hv_return_t hv_vcpu_set_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t value);
hv_return_t hv_vcpu_get_simd_fp_reg(hv_vcpu_t vcpu, uint32_t reg, hv_simd_fp_uchar16_t *value);
hv_return_t hv_vcpu_set_simd_fp_reg(hv_vcpu_t vcpu, uint32_t reg, hv_simd_fp_uchar16_t value);
hv_return_t hv_vcpu_get_sys_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value);
hv_return_t hv_vcpu_set_sys_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value);
hv_return_t hv_vcpu_get_pending_interrupt(hv_vcpu_t vcpu, uint32_t type, bool *is_pending);
hv_return_t hv_vcpu_set_pending_interrupt(hv_vcpu_t vcpu, uint32_t type, bool is_pending);
hv_return_t hv_vcpu_get_trap_debug_exceptions(hv_vcpu_t vcpu, bool *value);
hv_return_t hv_vcpu_set_trap_debug_exceptions(hv_vcpu_t vcpu, bool value);
hv_return_t hv_vcpu_get_trap_debug_reg_accesses(hv_vcpu_t vcpu, bool *value);
hv_return_t hv_vcpu_set_trap_debug_reg_accesses(hv_vcpu_t vcpu, bool value);
hv_return_t hv_vcpu_get_exec_time(hv_vcpu_t vcpu, uint64_t *time);
hv_return_t hv_vcpu_get_vtimer_mask(hv_vcpu_t vcpu, bool *is_masked);
hv_return_t hv_vcpu_set_vtimer_mask(hv_vcpu_t vcpu, bool is_masked);
hv_return_t hv_vcpu_get_vtimer_offset(hv_vcpu_t vcpu, uint64_t *offset);
hv_return_t hv_vcpu_set_vtimer_offset(hv_vcpu_t vcpu, uint64_t offset);
hv_return_t hv_sme_config_get_max_svl_bytes(size_t *size);

hv_gic_config_t hv_gic_config_create(void);
hv_return_t hv_gic_config_set_distributor_base(hv_gic_config_t config, uint64_t base);
hv_return_t hv_gic_config_set_redistributor_base(hv_gic_config_t config, uint64_t base);
hv_return_t hv_gic_config_set_msi_region_base(hv_gic_config_t config, uint64_t base);
hv_return_t hv_gic_config_set_msi_interrupt_range(hv_gic_config_t config, uint32_t first, uint32_t count);
hv_return_t hv_gic_create(hv_gic_config_t config);
hv_return_t hv_gic_reset(void);
hv_return_t hv_gic_set_spi(uint32_t intid, bool level);
hv_return_t hv_gic_send_msi(uint64_t address, uint32_t intid);
hv_return_t hv_gic_get_distributor_reg(uint16_t reg, uint64_t *value);
hv_return_t hv_gic_set_distributor_reg(uint16_t reg, uint64_t value);
hv_return_t hv_gic_get_redistributor_base(hv_vcpu_t vcpu, uint64_t *base);
hv_return_t hv_gic_get_redistributor_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t *value);
hv_return_t hv_gic_set_redistributor_reg(hv_vcpu_t vcpu, uint32_t reg, uint64_t value);
hv_return_t hv_gic_get_icc_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value);
hv_return_t hv_gic_set_icc_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value);
hv_return_t hv_gic_get_ich_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value);
hv_return_t hv_gic_set_ich_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value);
hv_return_t hv_gic_get_icv_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t *value);
hv_return_t hv_gic_set_icv_reg(hv_vcpu_t vcpu, uint16_t reg, uint64_t value);
hv_return_t hv_gic_get_msi_reg(uint16_t reg, uint64_t *value);
hv_return_t hv_gic_set_msi_reg(uint16_t reg, uint64_t value);
hv_return_t hv_gic_get_distributor_size(size_t *size);
hv_return_t hv_gic_get_distributor_base_alignment(size_t *alignment);
hv_return_t hv_gic_get_redistributor_region_size(size_t *size);
hv_return_t hv_gic_get_redistributor_size(size_t *size);
hv_return_t hv_gic_get_redistributor_base_alignment(size_t *alignment);
hv_return_t hv_gic_get_msi_region_size(size_t *size);
hv_return_t hv_gic_get_msi_region_base_alignment(size_t *alignment);
hv_return_t hv_gic_get_spi_interrupt_range(uint32_t *first, uint32_t *count);
hv_return_t hv_gic_get_intid(uint16_t interrupt, uint32_t *intid);
hv_gic_state_t hv_gic_state_create(void);
hv_return_t hv_gic_state_get_size(hv_gic_state_t state, size_t *size);
hv_return_t hv_gic_state_get_data(hv_gic_state_t state, void *data);
hv_return_t hv_gic_set_state(const void *data, size_t size);

/* Of libSystem. */
void *os_retain(void *object);
void os_release(void *object);
uint64_t mach_absolute_time(void);
struct mach_timebase_info
{
    uint32_t numer, denom;
};
int mach_timebase_info(struct mach_timebase_info *info);
int sysctlbyname(const char *name, void *old, size_t *old_size, void *new, size_t new_size);

/* Of the stand-in (switches.c). */
hv_return_t HvSdkStandInSwitch(const char *name, uint64_t value, uint64_t *before);
