using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

/// <summary>Guests with interrupts: a vector that tells what the GIC gave, and the GIC's registers (GICv3 architecture, 12).</summary>
internal static class GicGuest
{
    private const ulong Vectors = Machine.Ram + 0x800;
    private const ulong IrqVector = Vectors + 0x280; // from EL1h
    private const ulong PrivateFrame = 0x1_0000;

    /// <summary>
    /// Lets interrupts in, prepares, and waits in a loop. The interrupt's vector tells 2, or with a GIC the INTID that it acknowledged (ICC_IAR1_EL1), ends it, and goes on.
    /// </summary>
    internal static void Write(Arm64Assembler guest, bool hasGic, Action<Arm64Assembler> prepare)
    {
        guest.Mov(1, Vectors);
        guest.Msr(Arm64SystemRegister.VbarEl1, 1);
        guest.Isb();
        if (hasGic)
        {
            guest.Mov(6, 0xF0);
            guest.Msr(Arm64SystemRegister.IccPmrEl1, 6);
            guest.Mov(6, 1);
            guest.Msr(Arm64SystemRegister.IccIgrpen1El1, 6);
            guest.Isb();
        }

        prepare(guest);
        guest.UnmaskIrq();
        Arm64Label loop = new();
        guest.Mark(loop);
        guest.Wfi();
        guest.B(loop);
        guest.PadTo(IrqVector);
        if (hasGic)
        {
            guest.Mrs(3, Arm64SystemRegister.IccIar1El1);
            Machine.Tell(guest, 3);
            guest.Msr(Arm64SystemRegister.IccEoir1El1, 3);
        }
        else
        {
            guest.Mov(3, 2);
            Machine.Tell(guest, 3);
        }

        guest.Eret();
    }

    /// <summary>SPI 3 (INTID 35): group 1, enabled, to vCPU 0, edge or level.</summary>
    internal static void EnableSpi3(Arm64Assembler guest, bool isEdge)
    {
        guest.Mov(5, new Arm64GicLayout().DistributorAddress);
        guest.Mov(6, 0x12); // GICD_CTLR: ARE_NS, EnableGrp1A
        guest.Str(6, 5, 4);
        guest.Mov(6, 8);
        guest.Str(6, 5, 4, 0x84); // GICD_IGROUPR1
        guest.Mov(6, isEdge ? 0x80UL : 0);
        guest.Str(6, 5, 4, 0xC08); // GICD_ICFGR2
        guest.Mov(6, 8);
        guest.Str(6, 5, 4, 0x104); // GICD_ISENABLER1
        guest.Mov(7, new Arm64GicLayout().DistributorAddress + 0x6000 + (8 * 35));
        guest.Str(Arm64Assembler.Zero, 7, 8); // GICD_IROUTER35
    }

    /// <summary>A private interrupt: group 1, enabled.</summary>
    internal static void EnablePrivate(Arm64Assembler guest, int interruptId)
    {
        guest.Mov(5, new Arm64GicLayout().DistributorAddress);
        guest.Mov(6, 0x12);
        guest.Str(6, 5, 4);
        guest.Mov(5, new Arm64GicLayout().RedistributorAddress + PrivateFrame);
        guest.Mov(6, 1UL << interruptId);
        guest.Str(6, 5, 4, 0x80); // GICR_IGROUPR0
        guest.Str(6, 5, 4, 0x100); // GICR_ISENABLER0
    }

    /// <summary>The virtual timer fires at once.</summary>
    internal static void StartTimer(Arm64Assembler guest)
    {
        guest.Mrs(2, Arm64SystemRegister.CntvctEl0);
        guest.Msr(Arm64SystemRegister.CntvCvalEl0, 2);
        guest.Mov(2, 1);
        guest.Msr(Arm64SystemRegister.CntvCtlEl0, 2);
        guest.Isb();
    }
}
