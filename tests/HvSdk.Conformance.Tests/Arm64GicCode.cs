using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>What a guest does to a GICv3 (GICv3 architecture, 12.8, 12.10 and 12.2). It uses X5 to X7.</summary>
internal static class Arm64GicCode
{
    public const int FirstShared = 32;

    /// <summary>The virtual timer's interrupt (Base System Architecture, 3.8).</summary>
    public const int VirtualTimer = 27;

    private const int Control = 0;
    private const int Group = 0x80;
    private const int SetEnable = 0x100;
    private const int Configuration = 0xC00;
    private const ulong Router = 0x6000;
    private const ulong WakeControl = 0x14;
    private const ulong SgiFrame = 0x1_0000;

    /// <summary>GICD_CTLR: affinity routing, group 1.</summary>
    private const ulong Enabled = 0x12;
    private const ulong AllPriorities = 0xF0;

    private static readonly Arm64GicLayout s_layout = new();

    /// <summary>The distributor, and this vCPU's interface.</summary>
    public static void EnableGic(this Arm64Assembler a)
    {
        a.Mov(5, s_layout.DistributorAddress);
        a.Mov(6, Enabled);
        a.Str(6, 5, 4, Control);
        a.EnableInterface();
    }

    public static void EnableInterface(this Arm64Assembler a)
    {
        a.Mov(6, AllPriorities);
        a.Msr(Arm64SystemRegister.IccPmrEl1, 6);
        a.Mov(6, 1);
        a.Msr(Arm64SystemRegister.IccIgrpen1El1, 6);
        a.Isb();
    }

    /// <summary>A line of group 1, enabled, to vCPU 0.</summary>
    public static void EnableLine(this Arm64Assembler a, int line, bool isEdge = false)
    {
        int interrupt = FirstShared + line;
        int word = interrupt / 32 * 4;
        a.Mov(5, s_layout.DistributorAddress);

        // What it is after a reset is the host's choice (GICv3 architecture, 12.9.9).
        a.Mov(6, 2UL << (interrupt % 16 * 2));
        SetBits(a, Configuration + (interrupt / 16 * 4), isSet: isEdge);

        a.Mov(6, 1UL << (interrupt % 32));
        SetBits(a, Group + word);
        a.Str(6, 5, 4, SetEnable + word);
        a.Mov(7, s_layout.DistributorAddress + Router + (8 * (ulong)interrupt));
        a.Str(Arm64Assembler.Zero, 7, 8);
    }

    /// <summary>A private interrupt, or one that vCPUs send each other, of group 1 and enabled.</summary>
    public static void EnablePrivate(this Arm64Assembler a, int interrupt, int vcpu = 0)
    {
        ulong redistributor = s_layout.RedistributorAddress + ((ulong)vcpu * Arm64GicLayout.RedistributorSize);
        a.Mov(5, redistributor + WakeControl);
        a.Str(Arm64Assembler.Zero, 5, 4);
        a.Mov(5, redistributor + SgiFrame);
        a.Mov(6, 1UL << interrupt);
        SetBits(a, Group);
        a.Str(6, 5, 4, SetEnable);
    }

    /// <summary>Sends an interrupt, 0 to 15, to a vCPU of the first sixteen.</summary>
    public static void SendInterrupt(this Arm64Assembler a, int interrupt, int vcpu)
    {
        a.Mov(6, ((ulong)interrupt << 24) | (1UL << vcpu));
        a.Msr(Arm64SystemRegister.IccSgi1REl1, 6);
        a.Isb();
    }

    /// <summary>A handler that tells the interrupt's number and ends it. It uses X15.</summary>
    public static void TellInterrupt(this Arm64Assembler a)
    {
        a.Mrs(15, Arm64SystemRegister.IccIar1El1);
        a.Tell(15);
        a.Msr(Arm64SystemRegister.IccEoir1El1, 15);
        a.Eret();
    }

    /// <summary>Sets, or clears, the bits of X6 in a register at X5, and leaves the others.</summary>
    private static void SetBits(Arm64Assembler a, int offset, bool isSet = true)
    {
        a.Ldr(7, 5, 4, offset);
        a.OrRegister(7, 7, 6);
        if (!isSet)
        {
            a.SubtractRegister(7, 7, 6);
        }

        a.Str(7, 5, 4, offset);
    }
}
