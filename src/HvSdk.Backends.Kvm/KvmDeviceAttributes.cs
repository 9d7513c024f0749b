using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>Attributes of devices, partitions and vCPUs (api.rst, 4.80): a group, a number in it, and a value of a type that these two decide.</summary>
internal static unsafe class KvmDeviceAttributes
{
    internal static bool HasAttribute(this SafeFd owner, uint group, ulong attribute)
    {
        kvm_device_attr native = new() { group = group, attr = attribute };
        return owner.TryControl(KVM_ARM64.KVM_HAS_DEVICE_ATTR, ref native, out _) >= 0;
    }

    internal static bool TryGetAttribute<T>(this SafeFd owner, uint group, ulong attribute, ref T value, out int error)
        where T : unmanaged
    {
        // SAFETY: pinned for the call; T is what the group's attributes are (Documentation/virt/kvm/devices/arm-vgic-v3.rst).
        fixed (T* pointer = &value)
        {
            kvm_device_attr native = new() { group = group, attr = attribute, addr = (ulong)pointer };
            return owner.TryControl(KVM_ARM64.KVM_GET_DEVICE_ATTR, ref native, out error) >= 0;
        }
    }

    internal static bool TrySetAttribute<T>(this SafeFd owner, uint group, ulong attribute, T value, out int error)
        where T : unmanaged
    {
        kvm_device_attr native = new() { group = group, attr = attribute, addr = (ulong)&value }; // SAFETY: as above; the value is on the stack
        return owner.TryControl(KVM_ARM64.KVM_SET_DEVICE_ATTR, ref native, out error) >= 0;
    }

    internal static void SetAttribute<T>(this SafeFd owner, uint group, ulong attribute, T value, string name)
        where T : unmanaged
    {
        if (!owner.TrySetAttribute(group, attribute, value, out int error))
        {
            throw KvmError.FromErrno($"KVM_SET_DEVICE_ATTR({name})", error);
        }
    }
}
