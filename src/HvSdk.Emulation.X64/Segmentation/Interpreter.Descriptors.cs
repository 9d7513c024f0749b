namespace HvSdk.Emulation;

/// <summary>Descriptor tables and the TSS, which the processor reads with supervisor's rights at any CPL (Intel SDM vol. 3A, 3.5 and 7.2).</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong AccessedBit = 1UL << 40;
    private const int TssBusyBit = 41;

    internal static bool ReadSystem(Core c, ref TMachine m, ulong linear, int size, out ulong value)
    {
        if (!c.IsLong)
        {
            linear = (uint)linear;
        }
        else if (!c.IsCanonical(linear))
        {
            value = 0;
            return c.GeneralProtection();
        }

        return ReadLinear(c, ref m, linear, size, system: true, AccessKind.Read, out value);
    }

    /// <summary>Pushes to a stack that is not yet the processor's, in IA-32e mode; <see cref="Core.Cpl"/> is the one to come.</summary>
    private static bool PushSystem(Core c, ref TMachine m, ref ulong pointer, int size, ulong value)
    {
        pointer -= (ulong)size;
        return WriteLinear(c, ref m, pointer, size, system: false, value);
    }

    /// <summary>Reads the descriptor that a selector names.</summary>
    /// <param name="c">The processor.</param>
    /// <param name="m">The machine.</param>
    /// <param name="selector">The selector, not null.</param>
    /// <param name="vector">The exception where the table does not reach so far.</param>
    /// <param name="error">Its error code.</param>
    /// <param name="descriptor">The descriptor.</param>
    internal static bool ReadDescriptor(Core c, ref TMachine m, ushort selector, int vector, uint error, out Descriptor descriptor)
    {
        descriptor = default;
        return FindDescriptor(c, selector, 8, out ulong address)
            ? ReadDescriptorAt(c, ref m, address, out descriptor)
            : c.Raise(vector, error);
    }

    private static bool ReadDescriptorAt(Core c, ref TMachine m, ulong address, out Descriptor descriptor)
    {
        descriptor = default;
        if (!ReadSystem(c, ref m, address, 8, out ulong raw))
        {
            return false;
        }

        descriptor = new(raw, 0, address);
        return true;
    }

    /// <summary>Where a selector's descriptor lies; false where its table has no such entry.</summary>
    internal static bool FindDescriptor(Core c, ushort selector, int size, out ulong address)
    {
        ulong tableBase = c.State.Gdt.Base;
        uint limit = c.State.Gdt.Limit;
        bool usable = true;
        if ((selector & 4) != 0)
        {
            ref readonly X64Segment table = ref c.Segments[SegmentIndex.Ldt];
            (tableBase, limit) = (table.Base, table.Limit);
            usable = !table.IsUnusable && table.IsPresent && (table.Selector & ~3) != 0;
        }

        uint offset = (uint)selector & ~7U;
        address = tableBase + offset;
        return usable && offset + (uint)size - 1 <= limit;
    }

    /// <summary>Sets a descriptor's accessed bit in memory where it is clear.</summary>
    internal static bool SetAccessed(Core c, ref TMachine m, ushort selector, in Descriptor descriptor)
    {
        _ = selector;
        return (descriptor.Raw & AccessedBit) != 0
            || WriteLinear(c, ref m, WrapTable(c, descriptor.Address + 5), 1, system: true, (descriptor.Raw | AccessedBit) >> 40);
    }

    private static ulong WrapTable(Core c, ulong linear) => c.IsLong ? linear : (uint)linear;

    /// <summary>Reads from the TSS; #TS where it ends before.</summary>
    private static bool ReadTss(Core c, ref TMachine m, int offset, int size, out ulong value)
    {
        ref readonly X64Segment tss = ref c.Segments[SegmentIndex.Tr];
        if ((uint)(offset + size - 1) > tss.Limit)
        {
            value = 0;
            return c.Raise(Vectors.InvalidTss, (uint)(tss.Selector & ~3));
        }

        return ReadSystem(c, ref m, tss.Base + (ulong)offset, size, out value);
    }

    /// <summary>SS and ESP of an inner level, from a 16-bit or 32-bit TSS, with the checks of a load of SS (#TS instead of #GP).</summary>
    private static bool ReadInnerStack(Core c, ref TMachine m, int cpl, uint external, out X64Segment stack, out ulong pointer)
    {
        stack = default;
        pointer = 0;
        ref readonly X64Segment tss = ref c.Segments[SegmentIndex.Tr];
        bool is32 = (tss.Type & 8) != 0;
        ulong selectorValue;
        if (is32)
        {
            if (!ReadTss(c, ref m, 4 + (cpl * 8), 4, out pointer) || !ReadTss(c, ref m, 8 + (cpl * 8), 2, out selectorValue))
            {
                return false;
            }
        }
        else if (!ReadTss(c, ref m, 2 + (cpl * 4), 2, out pointer) || !ReadTss(c, ref m, 4 + (cpl * 4), 2, out selectorValue))
        {
            return false;
        }

        ushort selector = (ushort)selectorValue;
        uint error = (uint)(selector & ~3) | external;
        if ((selector & ~3) == 0)
        {
            return c.Raise(Vectors.InvalidTss, external);
        }

        if (!ReadDescriptor(c, ref m, selector, Vectors.InvalidTss, error, out Descriptor descriptor))
        {
            return false;
        }

        if ((selector & 3) != cpl || descriptor.PrivilegeLevel != cpl || !descriptor.IsWritableData)
        {
            return c.Raise(Vectors.InvalidTss, error);
        }

        if (!descriptor.IsPresent)
        {
            return c.Raise(Vectors.StackFault, error);
        }

        stack = descriptor.ToSegment(selector);
        return SetAccessed(c, ref m, selector, descriptor);
    }

    /// <summary>The SS that a change to an inner level leaves in IA-32e mode.</summary>
    private static X64Segment NullStack(int cpl) => NullSegment((ushort)cpl) with { PrivilegeLevel = (byte)cpl };

    private static X64Segment NullSegment(ushort selector) => new() { Selector = selector, IsUnusable = true, PrivilegeLevel = (byte)(selector & 3) };

    /// <summary>Loads a segment register as real and virtual-8086 mode do: base 16 times the selector; the limit stays in real mode.</summary>
    internal static void SetRealSegment(Core c, int index, ushort selector)
    {
        ref X64Segment segment = ref c.Segments[index];
        segment.Selector = selector;
        segment.Base = (ulong)selector << 4;
        if (c.IsVirtual8086)
        {
            segment = X64Segment.RealMode(selector) with { PrivilegeLevel = 3 };
        }
        else if (segment.IsUnusable)
        {
            segment = X64Segment.RealMode(selector, index == SegmentIndex.Cs);
        }

        c.State.Modified |= X64StateGroups.SpecialRegisters;
        c.Attention = true;
        c.Refresh();
    }
}
