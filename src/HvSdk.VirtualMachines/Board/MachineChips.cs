using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>The interrupt controllers and the timer that a machine's processors share, wherever they are kept.</summary>
internal abstract class MachineChips
{
    /// <summary>Inputs of the I/O APIC (82093AA, 1.0).</summary>
    public const int LineCount = 24;

    protected const uint IoApicAddress = 0xFEC0_0000;
    protected const ulong IoApicSize = 0x1000;

    /// <summary>What the partition is told.</summary>
    public abstract InterruptControllerMode Mode { get; }

    /// <summary>The host keeps an 8254.</summary>
    public abstract bool UsesHostTimer { get; }

    /// <summary>Claims the chips' places in the machine.</summary>
    public abstract void Plan(MachinePlan plan, Func<string, Devices.IPlatformDevice, DeviceSlot> addDevice);

    /// <summary>Leads the machine's wires to the inputs.</summary>
    public abstract void Connect(Partition partition, MachinePlan plan);

    /// <summary>Called on a processor's thread before each entry.</summary>
    public virtual void BeforeRun(Vcpu vcpu)
    {
    }

    /// <summary>The guest has ended a level-triggered interrupt.</summary>
    public virtual void EndOfInterrupt(byte vector)
    {
    }

    /// <summary>The I/O APIC as the tables describe it.</summary>
    public static X64IoApicDescription Describe(int processors) => new((byte)int.Clamp(processors, 0, byte.MaxValue - 1), IoApicAddress, 0);
}
