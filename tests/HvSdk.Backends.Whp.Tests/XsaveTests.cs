using System.Buffers.Binary;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Between the compacted format of the platform and the standard one (Intel SDM vol. 1, 13.4).</summary>
public sealed class XsaveTests
{
    private const int StateOffset = 512;
    private const int FormatOffset = 520;
    private const ulong Compacted = 1UL << 63;
    private const ulong Avx = 1 << 2;
    private const ulong Supervisor = 1 << 8;
    private const ulong Wide = 1 << 9;

    [Fact]
    public void ToStandard_CompactedArea_PutsComponentsWhereTheStandardHasThem()
    {
        byte[] native = Compact(Avx | Supervisor | Wide, present: 3 | Avx | Wide);
        native[0] = 0x7F;
        native.AsSpan(576, 256).Fill(0xA1); // AVX comes first
        native.AsSpan(576 + 256 + 16 + 48, 8).Fill(0xB2); // after 16 bytes of the supervisor's, aligned to 64

        byte[] area = WhpXsave.ToStandard(native, Describe);

        Assert.Equal(2688 + 8, area.Length);
        Assert.Equal(0x7F, area[0]);
        Assert.Equal(3 | Avx | Wide, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset)));
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(FormatOffset)));
        Assert.True(area.AsSpan(576, 256).IndexOfAnyExcept((byte)0xA1) < 0);
        Assert.True(area.AsSpan(2688, 8).IndexOfAnyExcept((byte)0xB2) < 0);
    }

    [Fact]
    public void ToStandard_ComponentInItsInitialState_IsZeros()
    {
        byte[] native = Compact(Avx, present: 3);
        native.AsSpan(576, 256).Fill(0xEE); // undefined: what lies here is not the guest's

        byte[] area = WhpXsave.ToStandard(native, Describe);

        Assert.Equal(3UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset)));
        Assert.True(area.AsSpan(576).IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public void FromStandard_AndBack_IsTheSame()
    {
        byte[] area = new byte[2688 + 8];
        new Random(1).NextBytes(area);
        area.AsSpan(StateOffset, 64).Clear();
        area.AsSpan(832, 2688 - 832).Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(StateOffset), 3 | Avx | Wide);
        byte[] native = Compact(Avx | Supervisor | Wide, present: Supervisor);
        native.AsSpan(576 + 256, 16).Fill(0x55);

        WhpXsave.FromStandard(area, native, Describe);

        Assert.Equal(area, WhpXsave.ToStandard(native, Describe));
        Assert.True(native.AsSpan(576 + 256, 16).IndexOfAnyExcept((byte)0x55) < 0, "What the standard form does not hold stays.");
    }

    [Fact]
    public void FromStandard_ComponentThatTheHostLacks_IsRefused()
    {
        byte[] area = new byte[2688 + 8];
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(StateOffset), Wide);

        ArgumentException e = Assert.Throws<ArgumentException>(() => WhpXsave.FromStandard(area, Compact(Avx, 3), Describe));

        Assert.Contains("components 0x200", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SetXsave_CompactedArea_IsRefused()
    {
        using var machine = new FakeMachine();

        Assert.Throws<ArgumentException>(() => machine.Vcpu.X64.SetXsave(Compact(Avx, 3)));
    }

    [Fact]
    public void Xsave_LegacyRegion_IsThatOfTheRegisters()
    {
        using var platform = new FakePlatform { Xsave = Compact(Avx, present: 0) };
        using var machine = new FakeMachine(platform);
        machine.Processor.Registers[Interop.WHV_REGISTER_NAME.WHvX64RegisterXmm0 + 3] = new() { Reg128 = (UInt128)0x1122 << 64 | 7 };
        machine.Processor.Registers[Interop.WHV_REGISTER_NAME.WHvX64RegisterXmmControlStatus] = new() { XmmControlStatus = new() { XmmStatusControl = 0x1F80 } };

        byte[] area = machine.Vcpu.X64.GetXsave();

        Assert.Equal((UInt128)0x1122 << 64 | 7, BinaryPrimitives.ReadUInt128LittleEndian(area.AsSpan(160 + (3 * 16))));
        Assert.Equal(0x1F80U, BinaryPrimitives.ReadUInt32LittleEndian(area.AsSpan(24)));
        Assert.Equal(3UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(StateOffset)));
    }

    private static byte[] Compact(ulong format, ulong present)
    {
        byte[] native = new byte[2048];
        BinaryPrimitives.WriteUInt64LittleEndian(native.AsSpan(StateOffset), present);
        BinaryPrimitives.WriteUInt64LittleEndian(native.AsSpan(FormatOffset), Compacted | 3 | format);
        return native;
    }

    private static WhpXsave.Component Describe(int number) => number switch
    {
        2 => new(256, 576, false),
        8 => new(16, 0, false),
        9 => new(8, 2688, true),
        _ => default,
    };
}
