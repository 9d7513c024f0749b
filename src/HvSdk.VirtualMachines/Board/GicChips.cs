using HvSdk.Devices;

namespace HvSdk.VirtualMachines;

/// <summary>The interrupt controller of an arm64 machine, a GICv3, whoever keeps it.</summary>
internal abstract class GicChips(Arm64GicLayout layout) : MachineChips
{
    protected Arm64GicLayout Layout { get; } = layout;

    public override string Where(Vcpu vcpu) => FormattableString.Invariant($" at PC 0x{vcpu.Arm64.GetRegisters().Pc:X}");
}
