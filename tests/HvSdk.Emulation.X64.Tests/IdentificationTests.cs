using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>CPUID: what the machine says, and what follows from the guest's own registers.</summary>
public sealed class IdentificationTests
{
    private const ulong ProtectionKeys = 1UL << 22; // CR4.PKE
    private const uint SupervisorState = 0xDA0; // IA32_XSS

    // An XSAVE area with AVX at 576, a component of 64 bytes at 1024 and one of 8 at 2688 that begins at a multiple of 64 in the compacted form.
    // Component 11, for supervisors, has 24 bytes.
    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) Answer(uint leaf, uint subleaf) => (leaf, subleaf) switch
    {
        (1, _) => (1, 2, 0x0800_0003, 4),
        (7, 0) => (5, 6, 0x17, 8),
        (7, 1) => (9, 10, 0x11, 12),
        (0xD, 0) => (0x207, 4096, 4096, 0),
        (0xD, 1) => (0xF, 4096, 0x800, 0),
        (0xD, 2) => (256, 576, 0, 0),
        (0xD, 5) => (64, 1024, 0, 0),
        (0xD, 9) => (8, 2688, 2, 0),
        (0xD, 11) => (24, 0, 1, 0),
        _ => default,
    };

    private static X64Registers Ask(uint leaf, uint subleaf, ulong cr4 = 0, ulong xcr0 = 3, ulong? supervisor = null, Func<uint, uint, (uint, uint, uint, uint)>? answer = null)
    {
        TestBoard board = new(GuestProgram.LongMode(static a =>
        {
            a.cpuid();
            a.hlt();
        }))
        { Cpuid = answer ?? Answer };
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr4 = (special.Cr4 & ~X64Cr4.OsXsave) | cr4 };
        board.State.Xcr0 = xcr0;
        board.Registers = board.Registers with { Rax = leaf | (7UL << 32), Rcx = subleaf | (7UL << 32), Rbx = ulong.MaxValue, Rdx = ulong.MaxValue };
        if (supervisor is { } value)
        {
            board.Msrs[SupervisorState] = value;
        }

        return board.RunToHalt();
    }

    [Fact]
    public void Cpuid_AnyLeaf_GivesTheMachinesAnswerAndClearsTheUpperHalves()
    {
        X64Registers registers = Ask(7, 1);

        Assert.Equal((9UL, 10UL, 0x11UL, 12UL), (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx));
    }

    [Fact]
    public void Cpuid_BitsOfTheSystem_MirrorCr4()
    {
        Assert.Equal(0x0000_0003UL, Ask(1, 0).Rcx);
        Assert.Equal(0x0800_0003UL, Ask(1, 0, cr4: X64Cr4.OsXsave).Rcx);
        Assert.Equal(0x07UL, Ask(7, 0).Rcx);
        Assert.Equal(0x17UL, Ask(7, 0, cr4: ProtectionKeys).Rcx);
    }

    [Fact]
    public void Cpuid_SizeOfXsaveArea_FollowsXcr0()
    {
        Assert.Equal(576UL, Ask(0xD, 0, xcr0: 1).Rbx);
        Assert.Equal(576UL, Ask(0xD, 0, xcr0: 3).Rbx);
        Assert.Equal(832UL, Ask(0xD, 0, xcr0: 7).Rbx);
        Assert.Equal(2696UL, Ask(0xD, 0, xcr0: 0x203).Rbx);
        Assert.Equal(4096UL, Ask(0xD, 0, xcr0: 0x203).Rcx);
    }

    [Fact]
    public void Cpuid_SizeOfCompactedArea_FollowsXcr0AndXss()
    {
        Assert.Equal(576UL, Ask(0xD, 1, xcr0: 3).Rbx);
        Assert.Equal(640UL, Ask(0xD, 1, xcr0: 0x23).Rbx);
        Assert.Equal(832UL + 64 + 8, Ask(0xD, 1, xcr0: 0x227).Rbx);
        Assert.Equal(576UL + 24, Ask(0xD, 1, xcr0: 3, supervisor: 0x800).Rbx);
    }

    [Fact]
    public void Cpuid_WithoutSuchAnArea_GivesWhatTheMachineSays()
    {
        Assert.Equal(0UL, Ask(0xD, 0, xcr0: 7, answer: static (_, _) => default).Rbx);
        Assert.Equal(0UL, Ask(0xD, 1, xcr0: 7, answer: static (_, _) => (1, 0, 0, 0)).Rbx);
    }
}
