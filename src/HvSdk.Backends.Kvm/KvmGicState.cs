namespace HvSdk.Backends.Kvm;

/// <summary>Between the portable records of a GIC and the kernel's device.</summary>
/// <remarks>
/// To its user the kernel shows in GICD_ISPENDR and GICR_ISPENDR0 what was latched, without the levels of lines, which it keeps apart; both are saved. Where it is told that an
/// interrupt is pending it looks at once whether it is enabled, and never again: so ISPENDR and levels are loaded last, whatever the order of the record. Of ISENABLER,
/// ISACTIVER and ISPENDR it takes the ones alone.
/// </remarks>
internal static class KvmGicState
{
    // Distributor (GICv3 architecture, 12.9).
    private const uint GicdCtlr = 0x0000;
    private const uint GicdIgroupr = 0x0080;
    private const uint GicdIsenabler = 0x0100;
    private const uint GicdIspendr = 0x0200;
    private const uint GicdIsactiver = 0x0300;
    private const uint GicdIpriorityr = 0x0400;
    private const uint GicdIcfgr = 0x0C00;
    private const uint GicdIrouter = 0x6000;
    private const uint GicdIrouterEnd = 0x8000;

    // Redistributor (12.11): the second frame holds the private interrupts.
    private const uint PrivateFrame = 0x1_0000;

    /// <summary>ICENABLER and ICACTIVER lie behind ISENABLER and ISACTIVER, where ones are cleared.</summary>
    private const uint ToClear = 0x80;

    private const uint WordOfLines = 32;
    private const uint FirstShared = KvmGic.FirstSharedInterrupt;
    private const uint End = FirstShared + KvmGic.LineCount;

    internal static Arm64GicState ReadDistributor(KvmGic gic)
    {
        var values = new List<Arm64GicRegisterValue>();
        void Add(uint first, uint interruptsPerRegister)
        {
            for (uint i = FirstShared; i < End; i += interruptsPerRegister)
            {
                uint offset = first + (i / interruptsPerRegister * sizeof(uint));
                values.Add(new(offset, gic.GetDistributor(offset)));
            }
        }

        Add(GicdIgroupr, 32);
        Add(GicdIpriorityr, 4);
        Add(GicdIcfgr, 16);
        for (uint i = FirstShared; i < End; i++)
        {
            uint offset = GicdIrouter + (i * sizeof(ulong));
            values.Add(new(offset, gic.GetDistributor(offset) | ((ulong)gic.GetDistributor(offset + sizeof(uint)) << 32)));
        }

        Add(GicdIspendr, 32);
        Add(GicdIsactiver, 32);
        Add(GicdIsenabler, 32);
        values.Add(new(GicdCtlr, gic.GetDistributor(GicdCtlr)));
        uint[] levels = new uint[KvmGic.LineCount / WordOfLines];
        for (uint i = 0; i < levels.Length; i++)
        {
            levels[i] = gic.GetLevels(0, FirstShared + (i * WordOfLines));
        }

        return new() { Distributor = [.. values], LineLevels = levels };
    }

    internal static void WriteDistributor(KvmGic gic, Arm64GicState state)
    {
        foreach (Arm64GicRegisterValue value in state.Distributor)
        {
            if (value.Offset >= Arm64GicLayout.DistributorSize)
            {
                throw new ArgumentException($"The distributor has no register at 0x{value.Offset:X}.", nameof(state));
            }
        }

        foreach (Arm64GicRegisterValue value in PendingLast(state.Distributor, 0))
        {
            if (value.Offset is >= GicdIrouter and < GicdIrouterEnd)
            {
                gic.SetDistributor(value.Offset, (uint)value.Value);
                gic.SetDistributor(value.Offset + sizeof(uint), (uint)(value.Value >> 32));
                continue;
            }

            if (IsSetOnly(value.Offset))
            {
                gic.SetDistributor(value.Offset + ToClear, ~(uint)value.Value);
            }

            gic.SetDistributor(value.Offset, (uint)value.Value);
        }

        uint[] levels = state.LineLevels ?? [];
        for (uint i = 0; i < levels.Length && i < KvmGic.LineCount / WordOfLines; i++)
        {
            gic.SetLevels(0, FirstShared + (i * WordOfLines), levels[i]);
        }
    }

    internal static Arm64GicRegisterValue[] ReadRedistributor(KvmGic gic, ulong affinity)
    {
        var values = new List<Arm64GicRegisterValue>();
        void Add(uint offset) => values.Add(new(PrivateFrame + offset, gic.GetRedistributor(affinity, PrivateFrame + offset)));

        Add(GicdIgroupr);
        for (uint i = 0; i < FirstShared; i += sizeof(uint))
        {
            Add(GicdIpriorityr + i);
        }

        Add(GicdIcfgr + sizeof(uint)); // those of SGIs are fixed
        Add(GicdIspendr);
        Add(GicdIsactiver);
        Add(GicdIsenabler);
        return [.. values];
    }

    internal static void WriteRedistributor(KvmGic gic, ulong affinity, Arm64GicRegisterValue[] values)
    {
        foreach (Arm64GicRegisterValue value in values)
        {
            if (value.Offset >= Arm64GicLayout.RedistributorSize)
            {
                throw new ArgumentException($"The redistributor has no register at 0x{value.Offset:X}.", nameof(values));
            }
        }

        foreach (Arm64GicRegisterValue value in PendingLast(values, PrivateFrame))
        {
            if (value.Offset >= PrivateFrame && IsSetOnly(value.Offset - PrivateFrame))
            {
                gic.SetRedistributor(affinity, value.Offset + ToClear, ~(uint)value.Value);
            }

            gic.SetRedistributor(affinity, value.Offset, (uint)value.Value);
        }
    }

    private static IEnumerable<Arm64GicRegisterValue> PendingLast(Arm64GicRegisterValue[] values, uint frame) => values.OrderBy(value => IsPending(value.Offset - frame));

    private static bool IsPending(uint offset) => offset is >= GicdIspendr and < GicdIspendr + ToClear;

    private static bool IsSetOnly(uint offset) => offset is (>= GicdIsenabler and < GicdIsenabler + ToClear) or (>= GicdIsactiver and < GicdIsactiver + ToClear);
}
