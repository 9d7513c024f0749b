using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>x87, SSE and AVX registers by the XSAVE area, and XCR0.</summary>
[X64Only("XSAVE and XCR0 are x86's; Arm64RegisterTests has SIMD.")]
public sealed class ExtendedStateTests
{
    // Intel SDM vol. 1, 13.4: the legacy region's control word and XMM registers, and the header's component bitmap.
    private const int ControlWord = 0;
    private const int Xmm0 = 160;
    private const int Components = 512;
    private const byte X87SseAvx = 7;

    private static readonly byte[] s_pattern = [.. Enumerable.Range(0, 32).Select(static i => (byte)(0xA0 + i))];

    [Fact]
    public void Xsave_SetThenGet_IsTheSame()
    {
        using TestMachine machine = Machine(0, static a => a.hlt());
        byte[] area = WithPattern(machine);

        machine.Vcpu.X64.SetXsave(area);

        byte[] got = machine.Vcpu.X64.GetXsave();
        Assert.Equal(s_pattern[..16], got[Xmm0..(Xmm0 + 16)]);
        int ymm = YmmOffset(machine);
        Assert.Equal(s_pattern[16..], got[ymm..(ymm + 16)]);
        Assert.Equal(0x0F7F, BitConverter.ToUInt16(got, ControlWord));
        Assert.Equal(X87SseAvx, got[Components] & X87SseAvx);
    }

    [Fact]
    public void X87ControlWord_SetByHost_IsSeenByGuest()
    {
        // Stores the control word.
        using TestMachine machine = Machine(0, static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.fnstcw(__word_ptr[rdi]);
            a.hlt();
        });
        machine.Vcpu.X64.SetXsave(WithPattern(machine));

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(0x0F7F, machine.Memory.Read<ushort>(Guest.Buffer));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Xmm_SetByHost_IsSeenByGuest(int level)
    {
        // Stores XMM0.
        using TestMachine machine = Machine(level, static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.movups(__[rdi], xmm0);
            a.Done();
        });
        machine.Vcpu.X64.SetXsave(WithPattern(machine));

        machine.RunOnce(VcpuExitKind.PortWrite);

        AssertBuffer(machine, s_pattern.AsSpan(0, 16));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Xmm_SetByGuest_IsSeenByHost(int level)
    {
        // Loads XMM0.
        using TestMachine machine = Machine(level, static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.movups(xmm0, __[rdi]);
            a.Done();
        });
        machine.Memory.Write(Guest.Buffer, s_pattern);

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(s_pattern[..16], machine.Vcpu.X64.GetXsave()[Xmm0..(Xmm0 + 16)]);
    }

    [Fact]
    public void Ymm_SetByHost_IsSeenByGuest() => YmmSetByHost(3);

    [Fact]
    public void Ymm_SetByHostAtCpl0_IsSeenByGuest() => Divergences.Check("avx-at-cpl0", static () => YmmSetByHost(0));

    [Fact]
    public void Ymm_SetByGuest_IsSeenByHost()
    {
        // Loads YMM0.
        using TestMachine machine = Machine(3, static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.vmovups(ymm0, __[rdi]);
            a.Done();
        });
        machine.Memory.Write(Guest.Buffer, s_pattern);

        machine.RunOnce(VcpuExitKind.PortWrite);

        byte[] area = machine.Vcpu.X64.GetXsave();
        int ymm = YmmOffset(machine);
        byte[] got = [.. area[Xmm0..(Xmm0 + 16)], .. area[ymm..(ymm + 16)]];
        Assert.Equal(s_pattern, got);
    }

    [Fact]
    public void Xcr0_SetByHost_IsReadBackAndSeenByGuest() => Divergences.Check("xgetbv-at-cpl0", static () => Xcr0SetByHost(0));

    [Fact]
    public void Xcr0_SetByHost_IsReadBackAndSeenByGuestAtCpl3() => Divergences.Check("xgetbv-at-cpl3", static () => Xcr0SetByHost(3));

    [Fact]
    public void Xcr0_SetByGuest_IsSeenByHost() => Divergences.Check("xsetbv-by-guest", static () =>
    {
        // Sets XCR0 to x87 and SSE.
        using TestMachine machine = Machine(0, static a =>
        {
            a.xor(ecx, ecx);
            a.xor(edx, edx);
            a.mov(eax, 3);
            a.xsetbv();
            a.hlt();
        });

        machine.RunOnce(VcpuExitKind.Halt);

        X64XcrValue xcr0 = Assert.Single(machine.Vcpu.X64.GetXcrs());
        Assert.True(xcr0.Value == 3, $"XCR0 is 0x{xcr0.Value:X} after XSETBV with 0x3");
    });

    [Fact]
    public void SetXsave_TooShort_IsRefused()
    {
        using TestMachine machine = Machine(0, static a => a.hlt());

        Assert.Throws<ArgumentException>(() => machine.Vcpu.X64.SetXsave(new byte[575]));
    }

    private static void YmmSetByHost(int level)
    {
        // Stores YMM0.
        using TestMachine machine = Machine(level, static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.vmovups(__[rdi], ymm0);
            a.Done();
        });
        machine.Vcpu.X64.SetXsave(WithPattern(machine));

        machine.RunOnce(VcpuExitKind.PortWrite);

        AssertBuffer(machine, s_pattern);
    }

    private static void Xcr0SetByHost(int level)
    {
        // Reads XCR0 into EAX.
        using TestMachine machine = Machine(level, static a =>
        {
            a.xor(ecx, ecx);
            a.xgetbv();
            a.Done();
        });
        machine.Vcpu.X64.SetXcrs(new X64XcrValue(0, 3));
        Assert.Equal([new X64XcrValue(0, 3)], machine.Vcpu.X64.GetXcrs());

        machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.True(machine.Registers.Rax == 3, $"XGETBV gives 0x{machine.Registers.Rax:X}, and XCR0 is 0x3");
    }

    /// <summary>A machine whose operating system has enabled x87, SSE and AVX.</summary>
    private static TestMachine Machine(int level, Action<Assembler> body)
    {
        var machine = new TestMachine(Guest.Long(level, body));
        X64SpecialRegisters special = machine.Vcpu.X64.GetSpecialRegisters();
        machine.Vcpu.X64.SetSpecialRegisters(special with { Cr4 = special.Cr4 | X64Cr4.OsXsave });
        machine.Vcpu.X64.SetXcrs(new X64XcrValue(0, X87SseAvx));
        return machine;
    }

    /// <summary>The vCPU's area with an x87 control word, the pattern in YMM0, and all three components in use.</summary>
    private static byte[] WithPattern(TestMachine machine)
    {
        byte[] area = machine.Vcpu.X64.GetXsave();
        BitConverter.TryWriteBytes(area.AsSpan(ControlWord), (ushort)0x0F7F);
        s_pattern.AsSpan(0, 16).CopyTo(area.AsSpan(Xmm0));
        s_pattern.AsSpan(16).CopyTo(area.AsSpan(YmmOffset(machine)));
        area[Components] |= X87SseAvx;
        return area;
    }

    /// <summary>Where the high halves of the YMM registers lie: CPUID leaf 0xD, subleaf 2.</summary>
    private static int YmmOffset(TestMachine machine)
    {
        Assert.True(machine.Vcpu.X64.GetCpuid().TryGet(0xD, 2, out X64CpuidEntry avx));
        return (int)avx.Ebx;
    }

    private static void AssertBuffer(TestMachine machine, ReadOnlySpan<byte> expected)
    {
        byte[] buffer = new byte[expected.Length];
        machine.Memory.Read(Guest.Buffer, buffer);
        Assert.Equal(expected.ToArray(), buffer);
    }
}
