using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>The kernel's GICv3 of one partition (Documentation/virt/kvm/devices/arm-vgic-v3.rst). Any thread; its registers open only while no vCPU runs.</summary>
/// <remarks>
/// There is no ITS: it would read tables in the guest's memory and know devices by identifiers that <see cref="MsiMessage"/> does not have. Messages are
/// those of the layout's frame, whose writes are lines.
/// </remarks>
internal sealed class KvmGic : IDisposable
{
    /// <summary>Shared interrupts: INTIDs 32 and up.</summary>
    internal const int LineCount = 256;
    internal const int FirstSharedInterrupt = 32;

    private const int InterfaceCrn = 12;
    private const int RegionCountShift = 52;

    private readonly SafeFd _device;

    private KvmGic(SafeFd device) => _device = device;

    /// <summary>Makes the device and says where it lies; vCPUs are to be made next, and then <see cref="Initialize"/> is called.</summary>
    internal static KvmGic Create(SafeFd partition, Arm64GicLayout layout, int vcpuCount)
    {
        kvm_create_device create = new() { type = KVM_ARM64.KVM_DEV_TYPE_ARM_VGIC_V3 };
        partition.Control(KVM_ARM64.KVM_CREATE_DEVICE, ref create, "KVM_CREATE_DEVICE(GICv3)");
        var gic = new KvmGic(partition.TakeChild((int)create.fd));
        try
        {
            gic.Place(layout, vcpuCount);
            return gic;
        }
        catch
        {
            gic.Dispose();
            throw;
        }
    }

    /// <summary>Whether the kernel can make one: it needs a GICv3 of the host's, or one that can play it.</summary>
    internal static bool IsOffered(SafeFd partition)
    {
        kvm_create_device test = new() { type = KVM_ARM64.KVM_DEV_TYPE_ARM_VGIC_V3, flags = KVM_ARM64.KVM_CREATE_DEVICE_TEST };
        return partition.TryControl(KVM_ARM64.KVM_CREATE_DEVICE, ref test, out _) >= 0;
    }

    /// <summary>A register of the CPU interface: CRn 12 from CRm 8 on, and the priority mask.</summary>
    internal static bool IsInterface(Arm64SystemRegister register) =>
        register is { Op0: 3, Op1: 0, Crn: InterfaceCrn, Crm: >= 8 } || register == Arm64SystemRegister.IccPmrEl1;

    /// <summary>No vCPU can be made after it.</summary>
    internal void Initialize() => _device.SetAttribute<ulong>(
        KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_ARM64.KVM_DEV_ARM_VGIC_CTRL_INIT, 0, nameof(KVM_ARM64.KVM_DEV_ARM_VGIC_CTRL_INIT));

    internal bool TryGetInterface(ulong affinity, Arm64SystemRegister register, out ulong value, out int error)
    {
        value = 0;
        return _device.TryGetAttribute(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ToKernel(affinity) | register.Encoding, ref value, out error);
    }

    internal bool TrySetInterface(ulong affinity, Arm64SystemRegister register, ulong value, out int error) =>
        _device.TrySetAttribute(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ToKernel(affinity) | register.Encoding, value, out error);

    internal uint GetDistributor(uint offset) => Get(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset);

    internal void SetDistributor(uint offset, uint value) => Set(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset, value);

    internal uint GetRedistributor(ulong affinity, uint offset) => Get(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, ToKernel(affinity) | offset);

    internal void SetRedistributor(ulong affinity, uint offset, uint value) => Set(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, ToKernel(affinity) | offset, value);

    /// <summary>Levels of 32 lines, the first of INTID <paramref name="first"/>.</summary>
    internal uint GetLevels(ulong affinity, uint first) => Get(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, ToKernel(affinity) | LineLevel | first);

    internal void SetLevels(ulong affinity, uint first, uint levels) => Set(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, ToKernel(affinity) | LineLevel | first, levels);

    public void Dispose() => _device.Dispose();

    private static ulong LineLevel => KVM_ARM64.VGIC_LEVEL_INFO_LINE_LEVEL << KVM_ARM64.KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;

    /// <summary>The four affinity fields in 32 bits, above the register's number.</summary>
    private static ulong ToKernel(ulong affinity) =>
        ((affinity & 0xFF_FFFF) | ((affinity >> 32 & 0xFF) << 24)) << KVM_ARM64.KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;

    private static HypervisorException Refused(string call, uint group, ulong attribute, int error)
    {
        HypervisorException e = KvmError.FromErrno($"{call}(GIC group {group}, 0x{attribute:X})", error);
        return error == LibC.EBUSY
            ? new(KvmError.BackendName, e.Operation, error, e.Reason, "The kernel opens the GIC's registers only while no vCPU of the partition runs: stop them all first.")
            : e;
    }

    private void Place(Arm64GicLayout layout, int vcpuCount)
    {
        _device.SetAttribute(
            KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, (uint)(FirstSharedInterrupt + LineCount), nameof(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_NR_IRQS));
        _device.SetAttribute(
            KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_DIST, layout.DistributorAddress, nameof(KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_DIST));

        // Linux before 4.18 has no regions, and room for as many redistributors as there will be vCPUs.
        if (_device.HasAttribute(KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION))
        {
            _device.SetAttribute(
                KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_ADDR,
                KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
                layout.RedistributorAddress | ((ulong)vcpuCount << RegionCountShift),
                nameof(KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION));
        }
        else
        {
            _device.SetAttribute(
                KVM_ARM64.KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_REDIST, layout.RedistributorAddress, nameof(KVM_ARM64.KVM_VGIC_V3_ADDR_TYPE_REDIST));
        }
    }

    private uint Get(uint group, ulong attribute)
    {
        uint value = 0;
        return _device.TryGetAttribute(group, attribute, ref value, out int error)
            ? value
            : throw Refused(nameof(KVM_ARM64.KVM_GET_DEVICE_ATTR), group, attribute, error);
    }

    private void Set(uint group, ulong attribute, uint value)
    {
        if (!_device.TrySetAttribute(group, attribute, value, out int error))
        {
            throw Refused(nameof(KVM_ARM64.KVM_SET_DEVICE_ATTR), group, attribute, error);
        }
    }
}
