using System.Globalization;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>The GICv3 of a <see cref="FakeMachine"/>: keeps each register as it is written.</summary>
internal sealed unsafe class FakeGic(FakeMachine machine)
{
    internal bool IsInitialized { get; private set; }

    /// <summary>Registers by group and number; 32 bits, and 64 of the CPU interface.</summary>
    internal Dictionary<(uint Group, ulong Attribute), ulong> Registers { get; } = [];

    /// <summary>Writes in order.</summary>
    internal List<(uint Group, ulong Attribute, ulong Value)> Writes { get; } = [];

    /// <summary>Number of a register of the CPU interface that there is not, or null.</summary>
    internal ulong? Missing { get; set; }

    internal int Control(uint request, nint argument)
    {
        var attribute = (kvm_device_attr*)argument;
        (uint, ulong) key = (attribute->group, attribute->attr);
        switch (request)
        {
            case KVM_ARM64.KVM_HAS_DEVICE_ATTR:
                return machine.Kvm.HasRegions ? 0 : -LibC.ENXIO;
            case KVM_ARM64.KVM_GET_DEVICE_ATTR when Missing is { } missing && (attribute->attr & 0xFFFF) == missing:
                return -LibC.ENXIO;
            case KVM_ARM64.KVM_GET_DEVICE_ATTR:
                Put(attribute, Registers.GetValueOrDefault(key));
                return 0;
            case KVM_ARM64.KVM_SET_DEVICE_ATTR:
                if (machine.Kvm.AttributeRefusals.TryGetValue(key, out int error))
                {
                    return -error;
                }

                return Set(attribute);
            default:
                return -LibC.ENOTTY;
        }
    }

    private static bool Is64Bit(uint group) => group is KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_ADDR or KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;

    private static void Put(kvm_device_attr* attribute, ulong value)
    {
        if (Is64Bit(attribute->group))
        {
            *(ulong*)attribute->addr = value;
        }
        else
        {
            *(uint*)attribute->addr = (uint)value;
        }
    }

    private int Set(kvm_device_attr* attribute)
    {
        if (attribute->group == KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CTRL)
        {
            machine.Made.Add("INIT");
            IsInitialized = true;
            return 0;
        }

        ulong value = Is64Bit(attribute->group) ? *(ulong*)attribute->addr : *(uint*)attribute->addr;
        if (!IsInitialized)
        {
            machine.Made.Add(string.Create(CultureInfo.InvariantCulture, $"{attribute->group}.{attribute->attr} = 0x{value:X}"));
        }

        Registers[(attribute->group, attribute->attr)] = value;
        Writes.Add((attribute->group, attribute->attr, value));
        return 0;
    }
}
