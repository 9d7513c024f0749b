/* The one open /dev/kvm of this process. */
#include "standin.h"

static host_lock lock;
static int device = -1;
static UINT64 run_size;

int kvm_fd(void)
{
    host_acquire(&lock);
    if (device < 0)
    {
        device = host_open("/dev/kvm");
        if (device >= 0)
        {
            run_size = (UINT64)host_ioctl_value(device, KVM_GET_VCPU_MMAP_SIZE, 0);
        }
    }
    int fd = device;
    host_release(&lock);
    return fd;
}

UINT64 kvm_run_size(void) { return run_size; }

bool kvm_has(uint32_t capability) { return host_ioctl_value(kvm_fd(), KVM_CHECK_EXTENSION, capability) > 0; }

/* R-ABI-05: what the host refuses comes as HRESULT 0x8007xxxx with Linux' errno in it. */
HRESULT kvm_result(int64_t result, const char *what)
{
    if (result >= 0)
    {
        return S_OK;
    }
    trace("%s: errno %d", what, (int)-result);
    return (HRESULT)(0x80070000u | (uint32_t)(-result & 0xffff));
}
