#include "selftest.h"

static void creation(void)
{
    RESULT_IS("R-VM-02", HV_NO_DEVICE, hv_vm_destroy());
    RESULT_IS("R-VM-02", HV_NO_DEVICE, hv_vm_unmap(0, 0x4000));
    hv_vcpu_t vcpu;
    hv_vcpu_exit_t *exit;
    RESULT_IS("R-VM-02", HV_NO_DEVICE, hv_vcpu_create(&vcpu, &exit, NULL));
    struct machine m;
    machine_create(&m);
    RESULT_IS("R-VM-01", HV_BUSY, hv_vm_create(NULL));
    RESULT_IS("R-VM-03", HV_BUSY, hv_vm_destroy());
    machine_delete(&m);
    for (int i = 0; i < 20; i++)
    {
        OK("R-VM-09", hv_vm_create(NULL));
        OK("R-VM-09", hv_vm_destroy());
    }
}

static void absence(void)
{
    HvSdkStandInSwitch("NO_HYPERVISOR", 1, NULL);
    uint32_t has_support = 7;
    size_t size = sizeof has_support;
    EQUAL("R-VM-05", 0, sysctlbyname("kern.hv_support", &has_support, &size, NULL, 0));
    EQUAL("R-VM-05", 0, has_support);
    RESULT_IS("R-VM-05", HV_UNSUPPORTED, hv_vm_create(NULL));
    HvSdkStandInSwitch("NO_HYPERVISOR", 0, NULL);
    HvSdkStandInSwitch("NO_ENTITLEMENT", 1, NULL);
    RESULT_IS("R-VM-06", HV_DENIED, hv_vm_create(NULL));
    HvSdkStandInSwitch("NO_ENTITLEMENT", 0, NULL);
    uint32_t count = 0;
    OK("R-VM-04", hv_vm_get_max_vcpu_count(&count));
    EQUAL("R-VM-04", 4, count);
    RESULT_IS("R-VM-04", HV_BAD_ARGUMENT, hv_vm_get_max_vcpu_count(NULL));
}

static void configuration(void)
{
    uint32_t max = 0, usual = 0, bits = 0, granule = 9;
    OK("R-VM-07", hv_vm_config_get_max_ipa_size(&max));
    OK("R-VM-07", hv_vm_config_get_default_ipa_size(&usual));
    EQUAL("R-VM-07", 40, max);
    EQUAL("R-VM-07", 36, usual);
    hv_vm_config_t config = hv_vm_config_create();
    RESULT_IS("R-VM-07", HV_BAD_ARGUMENT, hv_vm_config_set_ipa_size(config, max + 1));
    OK("R-VM-07", hv_vm_config_set_ipa_size(config, max));
    OK("R-VM-07", hv_vm_config_get_ipa_size(config, &bits));
    EQUAL("R-VM-07", max, bits);
    OK("R-MEM-01", hv_vm_config_get_ipa_granule(config, &granule));
    EQUAL("R-MEM-01", HV_IPA_GRANULE_16KB, granule);
    RESULT_IS("R-MEM-01", HV_BAD_ARGUMENT, hv_vm_config_set_ipa_granule(config, 2));
    bool value = true;
    OK("R-VM-08", hv_vm_config_get_el2_supported(&value));
    CHECK("R-VM-08", !value);
    RESULT_IS("R-VM-08", HV_UNSUPPORTED, hv_vm_config_set_el2_enabled(config, true));
    hv_vcpu_config_t other = hv_vcpu_config_create();
    RESULT_IS("R-OBJ-02", HV_BAD_ARGUMENT, hv_vm_create(other));
    os_release(other);
    os_retain(config);
    os_release(config);
    OK("R-OBJ-01", hv_vm_config_get_ipa_size(config, &bits));
    OK("R-VM-07", hv_vm_create(config));
    os_release(config); /* R-OBJ-01: the VM keeps what it needs of it */
    uint8_t *memory = pages(0x4000);
    OK("R-VM-07", hv_vm_map(memory, (1ull << 40) - 0x4000, 0x4000, 7));
    RESULT_IS("R-MEM-02", HV_BAD_ARGUMENT, hv_vm_map(memory, 1ull << 40, 0x4000, 7));
    OK("R-VM-07", hv_vm_destroy());
    pages_free(memory, 0x4000);
}

void test_vms(void)
{
    creation();
    absence();
    configuration();
}
