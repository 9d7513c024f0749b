using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>The registers that hold the state of the platform's GIC: the framework numbers them by their offsets (GICv3 architecture, 12.8, 12.11).</summary>
internal static unsafe class HvfGicRegisters
{
    // Distributor.
    private const uint GicdCtlr = 0x0000;
    private const uint GicdIgroupr = 0x0080;
    private const uint GicdIsenabler = 0x0100;
    private const uint GicdIspendr = 0x0200;
    private const uint GicdIsactiver = 0x0300;
    private const uint GicdIpriorityr = 0x0400;
    private const uint GicdIcfgr = 0x0C00;
    private const uint GicdIrouter = 0x6000;

    // Redistributor: the second frame holds the private interrupts.
    private const uint GicrIgroupr0 = 0x1_0080;
    private const uint GicrIsenabler0 = 0x1_0100;
    private const uint GicrIspendr0 = 0x1_0200;
    private const uint GicrIsactiver0 = 0x1_0300;
    private const uint GicrIpriorityr0 = 0x1_0400;
    private const uint GicrIcfgr1 = 0x1_0C04;

    private const int FirstShared = 32;
    private const int PrivateCount = 32;

    /// <summary>What precedes, enables last: no interrupt is taken while the rest is being written.</summary>
    internal static Arm64GicRegisterValue[] ReadDistributor(HvFunctions functions, int lineCount)
    {
        var values = new List<Arm64GicRegisterValue>();
        int end = FirstShared + lineCount;
        void Add(uint first, int interruptsPerRegister, int size)
        {
            for (int i = FirstShared; i < end; i += interruptsPerRegister)
            {
                uint offset = first + (uint)(i / interruptsPerRegister * size);
                ulong value = 0;
                HvfError.Check(functions.hv_gic_get_distributor_reg((ushort)offset, &value), nameof(HvFunctions.hv_gic_get_distributor_reg));
                values.Add(new(offset, value));
            }
        }

        Add(GicdIgroupr, 32, 4);
        Add(GicdIpriorityr, 4, 4);
        Add(GicdIcfgr, 16, 4);
        Add(GicdIrouter, 1, 8);
        int pending = values.Count;
        Add(GicdIspendr, 32, 4);
        for (int i = pending; i < values.Count; i++)
        {
            // A level is pending while its line is up, and who drives the line sets it in the other machine too: as a pending bit it would interrupt once more.
            uint first = (values[i].Offset - GicdIspendr) / 4 * 32;
            values[i] = values[i] with { Value = values[i].Value & ReadEdges(functions, first) };
        }

        Add(GicdIsactiver, 32, 4);
        Add(GicdIsenabler, 32, 4);
        ulong control = 0;
        HvfError.Check(functions.hv_gic_get_distributor_reg((ushort)GicdCtlr, &control), nameof(HvFunctions.hv_gic_get_distributor_reg));
        values.Add(new(GicdCtlr, control));
        return [.. values];
    }

    /// <summary>Which of 32 interrupts are edge-triggered: bit 1 of each field of two bits (GICD_ICFGR; GICv3 architecture, 12.9.9).</summary>
    private static ulong ReadEdges(HvFunctions functions, uint first)
    {
        ulong edges = 0;
        for (int half = 0; half < 2; half++)
        {
            ulong fields = 0;
            ushort offset = (ushort)(GicdIcfgr + (first / 16 * 4) + (uint)(half * 4));
            HvfError.Check(functions.hv_gic_get_distributor_reg(offset, &fields), nameof(HvFunctions.hv_gic_get_distributor_reg));
            for (int i = 0; i < 16; i++)
            {
                edges |= (fields >> ((2 * i) + 1) & 1) << ((half * 16) + i);
            }
        }

        return edges;
    }

    internal static void WriteDistributor(HvFunctions functions, Arm64GicRegisterValue[] values)
    {
        foreach (Arm64GicRegisterValue value in values)
        {
            if (value.Offset > ushort.MaxValue)
            {
                throw new ArgumentException($"The distributor has no register at 0x{value.Offset:X}.", nameof(values));
            }

            HvfError.Check(functions.hv_gic_set_distributor_reg((ushort)value.Offset, value.Value), nameof(HvFunctions.hv_gic_set_distributor_reg));
        }
    }

    internal static Arm64GicRegisterValue[] ReadRedistributor(HvFunctions functions, ulong vcpu)
    {
        var values = new List<Arm64GicRegisterValue>();
        void Add(uint offset)
        {
            ulong value = 0;
            HvfError.Check(functions.hv_gic_get_redistributor_reg(vcpu, offset, &value), nameof(HvFunctions.hv_gic_get_redistributor_reg));
            values.Add(new(offset, value));
        }

        Add(GicrIgroupr0);
        for (uint i = 0; i < PrivateCount; i += 4)
        {
            Add(GicrIpriorityr0 + i);
        }

        Add(GicrIcfgr1);
        Add(GicrIspendr0);
        Add(GicrIsactiver0);
        Add(GicrIsenabler0);
        return [.. values];
    }

    internal static void WriteRedistributor(HvFunctions functions, ulong vcpu, Arm64GicRegisterValue[] values)
    {
        foreach (Arm64GicRegisterValue value in values)
        {
            HvfError.Check(functions.hv_gic_set_redistributor_reg(vcpu, value.Offset, value.Value), nameof(HvFunctions.hv_gic_set_redistributor_reg));
        }
    }

    /// <summary>Sets the level of a private interrupt: the framework has no line for it, so its pending bit is written.</summary>
    internal static int SetPending(HvFunctions functions, ulong vcpu, int interruptId, bool asserted)
    {
        const uint clearPending = 0x1_0280; // GICR_ICPENDR0
        return functions.hv_gic_set_redistributor_reg(vcpu, asserted ? GicrIspendr0 : clearPending, 1UL << interruptId);
    }
}
