#define _GNU_SOURCE
#include "selftest.h"
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

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

/* Which exports an older system lacks. */
static void versions(void)
{
    static const struct
    {
        const char *name;
        int since;
    } cases[] = {
        {"hv_vcpu_run", 11}, {"hv_vm_config_create", 13}, {"hv_vm_allocate", 13}, {"hv_vm_config_get_el2_supported", 15},
        {"hv_gic_create", 15}, {"hv_vm_config_set_ipa_granule", 26}, {"HvSdkStandInSwitch", 11},
    };
    static const int versions[] = {11, 13, 15, 26};
    char folder[512] = {0}, path[600];
    CHECK("R-VER-01", readlink("/proc/self/exe", folder, sizeof folder - 1) > 0);
    *strrchr(folder, '/') = 0;
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++)
    {
        snprintf(path, sizeof path, "%s/%d/libhvf-standin.so", folder, versions[v]);
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        CHECK("R-VER-01", library != NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0] && library != NULL; i++)
        {
            EQUAL("R-VER-01", cases[i].since <= versions[v], dlsym(library, cases[i].name) != NULL);
        }
    }
}

/* QEMU, a child of one of the threads. */
static pid_t find_machine(void)
{
    DIR *threads = opendir("/proc/self/task");
    pid_t found = 0;
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads))
    {
        char path[300];
        snprintf(path, sizeof path, "/proc/self/task/%s/children", entry->d_name);
        FILE *children = fopen(path, "r");
        found = children != NULL && found == 0 && fscanf(children, "%d", &found) != 1 ? 0 : found;
        if (children != NULL)
        {
            fclose(children);
        }
    }
    closedir(threads);
    return found;
}

static void *kill_later(void *unused)
{
    (void)unused;
    pause_milliseconds(30);
    kill(find_machine(), SIGKILL);
    return NULL;
}

static void loss(void)
{
    struct machine m;
    machine_create(&m);
    if (find_machine() > 0) /* the kernel tells children only where it is built to */
    {
        set(&m, HV_REG_PC, GUEST_BASE + GUEST_SPIN);
        pthread_t thread;
        pthread_create(&thread, NULL, kill_later, NULL);
        RESULT_IS("R-VM-10", HV_ERROR, hv_vcpu_run(m.vcpu));
        pthread_join(thread, NULL);
        RESULT_IS("R-VM-10", HV_ERROR, hv_vcpu_run(m.vcpu));
        CHECK("R-VM-10", m.memory[0] != 0); /* memory is there still */
    }
    machine_delete(&m);
    machine_create(&m);
    start(&m, GUEST_CALL, 0);
    CHECK("R-VM-10", is_call(&m, 0x21));
    machine_delete(&m);
}

void test_vms(void)
{
    versions();
    creation();
    absence();
    configuration();
    loss();
}
