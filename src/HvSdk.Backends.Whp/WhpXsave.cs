using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>x87, SSE and extended state: the platform's is compacted, the portable one is not (Intel SDM vol. 1, 13.4).</summary>
internal static unsafe class WhpXsave
{
    internal const int LegacySize = 512;
    internal const int HeaderEnd = 576;

    private const int StateOffset = 512;
    private const int CompactionOffset = 520;
    private const ulong Compacted = 1UL << 63;
    private const ulong LegacyState = 3;
    private const int FirstExtended = 2;
    private const int LastExtended = 62;
    private const uint InitialMxcsr = 0x1F80;
    private const uint MxcsrMask = 0xFFFF;
    private const nuint Alignment = 64;

    private static readonly WHV_REGISTER_NAME[] s_legacyNames =
    [
        .. Enumerable.Range(0, 16).Select(static i => WHV_REGISTER_NAME.WHvX64RegisterXmm0 + (uint)i),
        .. Enumerable.Range(0, 8).Select(static i => WHV_REGISTER_NAME.WHvX64RegisterFpMmx0 + (uint)i),
        WHV_REGISTER_NAME.WHvX64RegisterFpControlStatus,
        WHV_REGISTER_NAME.WHvX64RegisterXmmControlStatus,
    ];

    /// <summary>Where a component lies (CPUID leaf 0xD, subleaf of its number).</summary>
    internal readonly record struct Component(int Size, int StandardOffset, bool IsAligned);

    internal static byte[] Read(WhpPartition partition, uint vcpu, WhpRegisterFile registers)
    {
        byte[] native = partition.Host.Platform.HasXsave ? ReadNative(partition, vcpu) : new byte[HeaderEnd];
        byte[] area = ToStandard(native, DescribeComponent);

        // The legacy region by registers: where the processor holds its initial state, the platform's area leaves it undefined.
        registers.Get(s_legacyNames);
        ReadLegacy(registers.Values, area);
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset));
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(StateOffset), state | LegacyState);
        return area;
    }

    internal static void Write(WhpPartition partition, uint vcpu, WhpRegisterFile registers, ReadOnlySpan<byte> xsave)
    {
        byte[] area = Normalize(xsave);
        if (partition.Host.Platform.HasXsave)
        {
            byte[] native = ReadNative(partition, vcpu);
            FromStandard(area, native, DescribeComponent);
            WriteNative(partition, vcpu, native);
            return;
        }

        if ((BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset)) & ~LegacyState) != 0)
        {
            throw Beyond("this Windows gives no extended state");
        }

        s_legacyNames.CopyTo(registers.Names);
        WriteLegacy(area, registers.Values);
        registers.Set(s_legacyNames.Length);
    }

    /// <summary>From the platform's area, compacted or not, to the standard form.</summary>
    internal static byte[] ToStandard(ReadOnlySpan<byte> native, Func<int, Component> describe)
    {
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(native[StateOffset..]);
        ulong format = BinaryPrimitives.ReadUInt64LittleEndian(native[CompactionOffset..]);
        if ((format & Compacted) == 0)
        {
            return native.ToArray();
        }

        int size = HeaderEnd;
        for (int i = FirstExtended; i <= LastExtended; i++)
        {
            Component component = describe(i);
            size = (format & (1UL << i)) != 0 && component.StandardOffset > 0 ? int.Max(size, component.StandardOffset + component.Size) : size;
        }

        byte[] area = new byte[size];
        native[..LegacySize].CopyTo(area);
        ulong kept = state & LegacyState;
        foreach ((int number, int offset, Component component) in Extended(format, describe))
        {
            // Components of the supervisor have no place in the standard form.
            if ((state & (1UL << number)) != 0 && component.StandardOffset > 0 && offset + component.Size <= native.Length)
            {
                native.Slice(offset, component.Size).CopyTo(area.AsSpan(component.StandardOffset));
                kept |= 1UL << number;
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(StateOffset), kept);
        return area;
    }

    /// <summary>Into the platform's area, in the format that it has.</summary>
    /// <param name="area">The standard form.</param>
    /// <param name="native">The platform's area as it is now; what the standard form does not hold stays.</param>
    /// <param name="describe">Where components lie.</param>
    internal static void FromStandard(ReadOnlySpan<byte> area, Span<byte> native, Func<int, Component> describe)
    {
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(area[StateOffset..]);
        ulong format = BinaryPrimitives.ReadUInt64LittleEndian(native[CompactionOffset..]);
        if ((format & Compacted) == 0)
        {
            if (area.Length > native.Length && area[native.Length..].ContainsAnyExcept((byte)0))
            {
                throw Beyond($"vCPUs have {native.Length} bytes here");
            }

            native.Clear();
            area[..int.Min(area.Length, native.Length)].CopyTo(native);
            return;
        }

        ulong missing = state & ~(format | LegacyState);
        if (missing != 0)
        {
            throw Beyond($"vCPUs do not have components 0x{missing:X} here");
        }

        area[..LegacySize].CopyTo(native);
        ulong kept = BinaryPrimitives.ReadUInt64LittleEndian(native[StateOffset..]);
        foreach ((int number, int offset, Component component) in Extended(format, describe))
        {
            if (component.StandardOffset == 0)
            {
                continue;
            }

            bool isGiven = (state & (1UL << number)) != 0 && component.StandardOffset + component.Size <= area.Length;
            Span<byte> target = native.Slice(offset, component.Size);
            target.Clear();
            kept = isGiven ? kept | (1UL << number) : kept & ~(1UL << number);
            if (isGiven)
            {
                area.Slice(component.StandardOffset, component.Size).CopyTo(target);
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(native[StateOffset..], kept | LegacyState);
    }

    /// <summary>Puts initial values where the area says that a legacy component holds its initial state.</summary>
    private static byte[] Normalize(ReadOnlySpan<byte> xsave)
    {
        const ushort initialControl = 0x37F;
        byte[] area = xsave.ToArray();
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset));
        if ((BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(CompactionOffset)) & Compacted) != 0)
        {
            throw new ArgumentException("The XSAVE area is in the compacted format; give the standard one.", nameof(xsave));
        }

        if ((state & 1) == 0)
        {
            area.AsSpan(0, 24).Clear();
            area.AsSpan(32, 128).Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(area, initialControl);
        }

        if ((state & 2) == 0)
        {
            area.AsSpan(160, 256).Clear();
            if ((state & 4) == 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(24), InitialMxcsr);
            }
        }

        return area;
    }

    /// <summary>The extended components of a compacted area, with their places in it.</summary>
    private static IEnumerable<(int Number, int Offset, Component Component)> Extended(ulong format, Func<int, Component> describe)
    {
        int offset = HeaderEnd;
        for (int i = FirstExtended; i <= LastExtended; i++)
        {
            if ((format & (1UL << i)) == 0)
            {
                continue;
            }

            Component component = describe(i);
            offset = component.IsAligned ? (offset + (int)Alignment - 1) & ~((int)Alignment - 1) : offset;
            yield return (i, offset, component);
            offset += component.Size;
        }
    }

    private static Component DescribeComponent(int number)
    {
        if (!X86Base.IsSupported)
        {
            return default;
        }

        (int size, int offset, int flags, _) = X86Base.CpuId(0xD, number);
        const int isSupervisor = 1;
        const int isAligned = 2;
        return new Component(size, (flags & isSupervisor) != 0 ? 0 : offset, (flags & isAligned) != 0);
    }

    /// <summary>The layout of FXSAVE (Intel SDM vol. 1, table 10-2).</summary>
    private static void ReadLegacy(ReadOnlySpan<WHV_REGISTER_VALUE> values, Span<byte> area)
    {
        area[..LegacySize].Clear();
        for (int i = 0; i < 16; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(area[(160 + (i * 16))..], values[i].Reg128);
        }

        for (int i = 0; i < 8; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(area[(32 + (i * 16))..], values[16 + i].Reg128);
        }

        WHV_X64_FP_CONTROL_STATUS_REGISTER x87 = values[24].FpControlStatus;
        WHV_X64_XMM_CONTROL_STATUS_REGISTER sse = values[25].XmmControlStatus;
        BinaryPrimitives.WriteUInt16LittleEndian(area, x87.FpControl);
        BinaryPrimitives.WriteUInt16LittleEndian(area[2..], x87.FpStatus);
        area[4] = x87.FpTag;
        BinaryPrimitives.WriteUInt16LittleEndian(area[6..], x87.LastFpOp);
        BinaryPrimitives.WriteUInt64LittleEndian(area[8..], x87.LastFpRip);
        BinaryPrimitives.WriteUInt64LittleEndian(area[16..], sse.LastFpRdp);
        BinaryPrimitives.WriteUInt32LittleEndian(area[24..], sse.XmmStatusControl);
        BinaryPrimitives.WriteUInt32LittleEndian(area[28..], sse.XmmStatusControlMask);
    }

    private static void WriteLegacy(ReadOnlySpan<byte> area, Span<WHV_REGISTER_VALUE> values)
    {
        values[..s_legacyNames.Length].Clear();
        for (int i = 0; i < 16; i++)
        {
            values[i].Reg128 = BinaryPrimitives.ReadUInt128LittleEndian(area[(160 + (i * 16))..]);
        }

        for (int i = 0; i < 8; i++)
        {
            values[16 + i].Reg128 = BinaryPrimitives.ReadUInt128LittleEndian(area[(32 + (i * 16))..]);
        }

        ref WHV_X64_FP_CONTROL_STATUS_REGISTER x87 = ref values[24].FpControlStatus;
        ref WHV_X64_XMM_CONTROL_STATUS_REGISTER sse = ref values[25].XmmControlStatus;
        x87.FpControl = BinaryPrimitives.ReadUInt16LittleEndian(area);
        x87.FpStatus = BinaryPrimitives.ReadUInt16LittleEndian(area[2..]);
        x87.FpTag = area[4];
        x87.LastFpOp = BinaryPrimitives.ReadUInt16LittleEndian(area[6..]);
        x87.LastFpRip = BinaryPrimitives.ReadUInt64LittleEndian(area[8..]);
        sse.LastFpRdp = BinaryPrimitives.ReadUInt64LittleEndian(area[16..]);
        sse.XmmStatusControl = BinaryPrimitives.ReadUInt32LittleEndian(area[24..]);
        sse.XmmStatusControlMask = MxcsrMask;
    }

    private static byte[] ReadNative(WhpPartition partition, uint vcpu)
    {
        WhvFunctions functions = partition.Native.Functions;
        uint size = 0;
        int result = functions.WHvGetVirtualProcessorXsaveState(partition.Native.Number, vcpu, null, 0, &size);
        if (result != HRESULTS.WHV_E_INSUFFICIENT_BUFFER || size < HeaderEnd)
        {
            WhpError.Check(result < 0 ? result : HRESULTS.E_UNEXPECTED, nameof(WhvFunctions.WHvGetVirtualProcessorXsaveState));
        }

        // SAFETY: the platform writes at most as many bytes as it is told; the processor's instructions want 64-byte alignment.
        void* buffer = NativeMemory.AlignedAlloc(size, Alignment);
        try
        {
            WhpError.Check(
                functions.WHvGetVirtualProcessorXsaveState(partition.Native.Number, vcpu, buffer, size, &size),
                nameof(WhvFunctions.WHvGetVirtualProcessorXsaveState));
            return new ReadOnlySpan<byte>(buffer, (int)size).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static void WriteNative(WhpPartition partition, uint vcpu, byte[] native)
    {
        void* buffer = NativeMemory.AlignedAlloc((nuint)native.Length, Alignment);
        try
        {
            native.CopyTo(new Span<byte>(buffer, native.Length)); // SAFETY: it has as many bytes
            WhpError.Check(
                partition.Native.Functions.WHvSetVirtualProcessorXsaveState(partition.Native.Number, vcpu, buffer, (uint)native.Length),
                nameof(WhvFunctions.WHvSetVirtualProcessorXsaveState));
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static ArgumentException Beyond(string what) => new($"The XSAVE area holds state beyond that of this host's vCPUs: {what}.", "xsave");
}
