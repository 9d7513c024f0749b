using HvSdk.Testing;
using Iced.Intel;
using Xunit;

namespace HvSdk.Tests.Testing;

public sealed class GuestLayoutTests
{
    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Default_EachMode_FitsTheDocumentedMemory(GuestMode mode)
    {
        GuestLayout layout = new() { PrivilegeLevel = mode == GuestMode.Real ? 0 : 3 };
        GuestProgram program = GuestProgram.Flat(new byte[0x7000], mode, layout);
        ulong end = program.Parts.Max(static part => part.Address + (ulong)part.Bytes.Length);
        Assert.True(end <= (mode == GuestMode.Long ? 0x1_6000UL : 0x1_0000UL));
    }

    [Fact]
    public void Program_CodeReachesStack_NamesBoth()
    {
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => GuestProgram.Flat(new byte[0x7001], GuestMode.Real));
        Assert.Equal("The guest layout cannot work: the code (0x1000 to 0x8000) overlaps the stack (0x8000 to 0x8FFF).", refusal.Message);
    }

    [Fact]
    public void Program_CodeUnderInterruptVectors_IsRefusedOnlyWithHandlers()
    {
        GuestLayout layout = new() { CodeAddress = 0x200 };
        Assert.Equal(0x200UL, GuestProgram.RealMode(static a => a.hlt(), layout).EntryPoint);
        Assert.Contains("interrupt vectors", Refusal(() => GuestProgram.RealMode(static (a, marks) =>
        {
            marks.Handler(3);
            a.iret();
        }, layout)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x10_0000UL, "out of reach")]
    [InlineData(0xF_FFFFUL, "not aligned to 0x10")]
    [InlineData(0xFFFFUL, "one segment")]
    public void RealMode_CodeOutOfReach_IsRefused(ulong address, string reason)
    {
        GuestLayout layout = new() { CodeAddress = address };
        int length = address == 0xFFFF ? 2 : 1;
        Assert.Contains(reason, Refusal(() => GuestProgram.Flat(new byte[length], GuestMode.Real, layout)), StringComparison.Ordinal);
    }

    public static TheoryData<GuestMode, GuestLayout, string> Impossible => new()
    {
        { GuestMode.Real, new() { StackTop = 0x1_1000 }, "stack of real mode" },
        { GuestMode.Real, new() { PrivilegeLevel = 3 }, "neither privilege levels nor paging" },
        { GuestMode.Real, new() { Paging = true }, "neither privilege levels nor paging" },
        { GuestMode.Long, new() { PrivilegeLevel = 1 }, "level 0 or 3" },
        { GuestMode.Long, new() { StackTop = 0x9008 }, "stack top at 0x9008 is not aligned" },
        { GuestMode.Long, new() { StackTop = 0x800 }, "needs 0x1000 bytes below" },
        { GuestMode.Long, new() { InterruptStackTop = 0x9800 }, "overlaps the interrupt stack" },
        { GuestMode.Long, new() { GdtAddress = 0xA004 }, "GDT at 0xA004 is not aligned" },
        { GuestMode.Long, new() { TssAddress = 0xC040 }, "TSS at 0xC040 is not aligned" },
        { GuestMode.Long, new() { IdtAddress = 0xB001 }, "IDT at 0xB001 is not aligned" },
        { GuestMode.Long, new() { GdtAddress = 0xBFF0 }, "overlaps the TSS" },
        { GuestMode.Long, new() { PageTableAddress = 0x1_0800 }, "page tables at 0x10800 is not aligned" },
        { GuestMode.Long, new() { PageTableAddress = 0xB000 }, "overlaps the page tables" },
        { GuestMode.Long, new() { IdentityMappedSize = 0x10_0000 }, "multiple of 0x200000" },
        { GuestMode.Long, new() { IdentityMappedSize = 0 }, "multiple of 0x200000" },
        { GuestMode.Long, new() { IdentityMappedSize = 1UL << 40 }, "multiple of 0x200000" },
        { GuestMode.Long, new() { CodeAddress = 1UL << 32 }, "code (0x100000000 to 0x100000000) is out of reach" },
        { GuestMode.Long, new() { CodeAddress = ulong.MaxValue }, "out of reach" },
        { GuestMode.Long, new() { PageTableAddress = ulong.MaxValue - 0xFFF }, "lie too high" },
        { GuestMode.Long, new() { PageTables = PageTableBuilder.Identity(1 << 21).Map(0x8000, 0, 0x1000) }, "page 0x8000 of the stack" },
        { GuestMode.Long, new() { PageTables = new PageTableBuilder().Map(0x1000, 0x1000, 0x9000) }, "page 0xA000 of the GDT" },
        { GuestMode.Long, new() { PageTables = PageTableBuilder.Identity(1 << 21).Unmap(0x1000, 0x1000) }, "page 0x1000 of the code" },
        { GuestMode.Protected, new() { CodeAddress = 1UL << 32 }, "out of reach" },
        { GuestMode.Protected, new() { TssAddress = 1UL << 32 }, "TSS (0x100000000 to 0x100000000) is out of reach" },
        { GuestMode.Protected, new() { StackTop = (1UL << 32) + 16 }, "out of reach" },
        { GuestMode.Protected, new() { PageTables = new() }, "long mode alone" },
        { GuestMode.Protected, new() { Paging = true, IdentityMappedSize = 1 << 21 }, "multiple of 0x400000" },
        { GuestMode.Protected, new() { Paging = true, IdentityMappedSize = 1 << 22, CodeAddress = 1 << 22 }, "out of reach" },
    };

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void Program_ImpossibleLayout_SaysWhy(GuestMode mode, GuestLayout layout, string reason) =>
        Assert.Contains(reason, Refusal(() => GuestProgram.Flat(new byte[1], mode, layout)), StringComparison.Ordinal);

    private static string Refusal(Func<object> create) => Assert.Throws<ArgumentException>(() => { create(); }).Message;
}
