using HvSdk.Boot;

namespace HvSdk.VirtualMachines;

/// <summary>The interrupt controllers and the timer that a machine's processors share, wherever they are kept.</summary>
internal abstract class MachineChips
{
    /// <summary>Inputs of the I/O APIC (82093AA, 1.0).</summary>
    public const int LineCount = 24;

    protected const uint IoApicAddress = 0xFEC0_0000;
    protected const ulong IoApicSize = 0x1000;

    /// <summary>How many lines devices may ask for.</summary>
    public virtual int Lines => LineCount;

    /// <summary>What the partition is told.</summary>
    public abstract InterruptControllerMode Mode { get; }

    /// <summary>Sets what the partition has to know of the chips.</summary>
    public abstract void Configure(PartitionOptions options);

    /// <summary>Claims the chips' places in the machine.</summary>
    public abstract void Plan(MachinePlan plan, Func<string, Devices.IPlatformDevice, DeviceSlot> addDevice);

    /// <summary>Leads the machine's wires to the inputs.</summary>
    public abstract void Connect(Partition partition, MachinePlan plan);

    /// <summary>Called on a processor's thread before its first entry, once.</summary>
    public virtual void Prepare(Vcpu vcpu)
    {
    }

    /// <summary>Called on a processor's thread after its last entry.</summary>
    public virtual void Release(Vcpu vcpu)
    {
    }

    /// <summary>Called on a processor's thread before each entry.</summary>
    public virtual void BeforeRun(Vcpu vcpu)
    {
    }

    /// <summary>Sees each exit on the processor's thread, before the partition's buses do.</summary>
    public virtual ExitDisposition Handle(Vcpu vcpu, in VcpuExit exit) => ExitDisposition.NotHandled;

    /// <summary>Somebody wants a processor's attention: it must not sleep here.</summary>
    public virtual void Wake(int processor)
    {
    }

    /// <summary>Where a processor stands, for people: " at RIP 0x1234".</summary>
    public virtual string Where(Vcpu vcpu) => FormattableString.Invariant($" at RIP 0x{vcpu.X64.GetRegisters().Rip:X}");

    /// <summary>The I/O APIC as the tables describe it.</summary>
    public static X64IoApicDescription Describe(int processors) => new((byte)int.Clamp(processors, 0, byte.MaxValue - 1), IoApicAddress, 0);
}
