using HvSdk.Testing;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Tests.Testing;

public sealed class GuestProgramTests
{
    private static GuestProgram Hello { get; } = GuestProgram.RealMode(static a =>
    {
        a.mov(al, 'H');
        a.@out(0xE9, al);
        a.hlt();
    });

    [Fact]
    public void RealMode_Hello_IsFiveBytesAt0x1000()
    {
        Assert.Equal(GuestMode.Real, Hello.Mode);
        Assert.Equal([0xB0, 0x48, 0xE6, 0xE9, 0xF4], Hello.Code.ToArray());
        Assert.Equal(0x1000UL, Hello.LoadAddress);
        Assert.Equal(0x1000UL, Hello.EntryPoint);
        GuestImagePart part = Assert.Single(Hello.Parts);
        Assert.Equal(("code", 0x1000UL, Hello.Code), (part.Name, part.Address, part.Bytes));
    }

    [Fact]
    public void RealMode_Below64KiB_StartsInSegment0()
    {
        Assert.Equal(new X64Registers { Rip = 0x1000, Rsp = 0x9000, Rflags = 2 }, Hello.InitialRegisters);
        X64SpecialRegisters start = Hello.InitialSpecialRegisters;
        Assert.Equal(X64Segment.RealMode(0, isCode: true), start.Cs);
        Assert.Equal(X64Segment.RealMode(0), start.Ds);
        Assert.Equal(X64Segment.RealMode(0), start.Ss);
        Assert.Equal(new X64DescriptorTable(0, 0x3FF), start.Idt);
        Assert.Equal(0x10UL, start.Cr0);
        Assert.Equal(0UL, start.Cr4 | start.Efer | start.Cr3);
    }

    [Fact]
    public void RealMode_From64KiB_StartsAtOffset0OfItsOwnSegment()
    {
        GuestProgram program = GuestProgram.RealMode(
            static (a, marks) =>
            {
                Label here = a.CreateLabel();
                a.Label(ref here);
                marks.Handler(0x08);
                a.jmp(here);
                a.nop();
                a.nop();
                marks.Symbol("end");
                a.iret();
            },
            new() { CodeAddress = 0x2_3000 });
        Assert.Equal(0UL, program.InitialRegisters.Rip);
        Assert.Equal(X64Segment.RealMode(0x2300, isCode: true), program.InitialSpecialRegisters.Cs);
        Assert.Equal(X64Segment.RealMode(0x2300), program.InitialSpecialRegisters.Ds);
        Assert.Equal([0xEB, 0xFE, 0x90, 0x90, 0xCF], program.Code.ToArray());
        Assert.Equal(0x2_3000UL, program.Symbols["handler_0x08"]);
        Assert.Equal(0x2_3004UL, program.Symbols["end"]);
        Assert.Equal([0x00, 0x00, 0x00, 0x23], Part(program, "interrupt vectors")[0x20..0x24]);
        Assert.Equal(0x23, program.SipiVector);
    }

    [Fact]
    public void RealMode_StackAtTheEndOfTheSegment_StartsWithStackPointer0()
    {
        GuestProgram program = GuestProgram.RealMode(static a => a.hlt(), new() { StackTop = 0x1_0000 });
        Assert.Equal(0UL, program.InitialRegisters.Rsp);
    }

    [Fact]
    public void SipiVector_ProgramOffAPage_IsRefused()
    {
        Assert.Equal(1, Hello.SipiVector);
        GuestProgram inside = GuestProgram.RealMode(static a => a.hlt(), new() { CodeAddress = 0x1010 });
        Assert.Throws<InvalidOperationException>(() => inside.SipiVector);
        Assert.Throws<InvalidOperationException>(() => GuestProgram.Flat(new byte[2], GuestMode.Real, entryPoint: 0x1001).SipiVector);
        Assert.Throws<InvalidOperationException>(() => GuestProgram.LongMode(static a => a.hlt()).SipiVector);
    }

    [Fact]
    public void ProtectedMode_Default_StartsFlatWithoutPaging()
    {
        GuestProgram program = GuestProgram.ProtectedMode(static a => a.hlt());
        X64SpecialRegisters start = program.InitialSpecialRegisters;
        Assert.Equal(X64Segment.FlatCode(0x08), start.Cs);
        Assert.Equal(X64Segment.FlatData(0x10), start.Ss);
        Assert.Equal(new X64DescriptorTable(0xA000, 0x2F), start.Gdt);
        Assert.Equal(new X64DescriptorTable(0xB000, 0x7FF), start.Idt);
        Assert.True(start.Ldt.IsUnusable);
        Assert.Equal(0x31UL, start.Cr0);
        Assert.Equal(0x600UL, start.Cr4);
        Assert.Equal(0UL, start.Efer | start.Cr3);
        Assert.Equal(new X64Registers { Rip = 0x1000, Rsp = 0x9000, Rflags = 2 }, program.InitialRegisters);
        Assert.Equal(["code", "GDT", "TSS", "IDT"], program.Parts.Select(static part => part.Name));
        Assert.Equal(
            [0x67, 0x00, 0x00, 0xC0, 0x00, 0x8B, 0x00, 0x00],
            Part(program, "GDT")[0x28..]);
    }

    [Fact]
    public void ProtectedMode_Paging_MapsIn4MiBPages()
    {
        GuestProgram program = GuestProgram.ProtectedMode(static a => a.hlt(), new() { Paging = true, IdentityMappedSize = 8 << 20 });
        X64SpecialRegisters start = program.InitialSpecialRegisters;
        Assert.Equal(0x8001_0031UL, start.Cr0);
        Assert.Equal(0x610UL, start.Cr4);
        Assert.Equal(0x1_0000UL, start.Cr3);
        byte[] directory = Part(program, "page tables");
        Assert.Equal(4096, directory.Length);
        Assert.Equal([0x87, 0, 0, 0, 0x87, 0, 0x40, 0, 0, 0, 0, 0], directory[..12]);
    }

    [Fact]
    public void ProtectedMode_Level3_HasUserSegmentsAndAKernelStackInItsTss()
    {
        GuestProgram program = GuestProgram.ProtectedMode(static a => a.nop(), new() { PrivilegeLevel = 3 });
        Assert.Equal(X64Segment.FlatCode(0x23), program.InitialSpecialRegisters.Cs);
        Assert.Equal(X64Segment.FlatData(0x1B), program.InitialSpecialRegisters.Ss);
        Assert.Equal(0x3002UL, program.InitialRegisters.Rflags);
        byte[] tss = Part(program, "TSS");
        Assert.Equal([0x00, 0xA0, 0x00, 0x00, 0x10, 0x00], tss[4..10]);
        Assert.Equal([0x68, 0x00], tss[0x66..0x68]);
        Assert.Equal([.. new byte[0x2000], 0xFF], tss[0x68..]);
        Assert.Equal(0x2068U, program.InitialSpecialRegisters.Tr.Limit);
    }

    [Fact]
    public void LongMode_Default_StartsIn64BitCodeUnderAnIdentityMap()
    {
        GuestProgram program = GuestProgram.LongMode(static a => a.hlt());
        X64SpecialRegisters start = program.InitialSpecialRegisters;
        Assert.Equal(X64Segment.FlatCode(0x08, isLong: true), start.Cs);
        Assert.Equal(X64Segment.FlatData(0x10), start.Ss);
        Assert.Equal(
            new X64Segment { Base = 0xC000, Limit = 0x67, Selector = 0x28, Type = 0xB, IsPresent = true },
            start.Tr);
        Assert.Equal(new X64DescriptorTable(0xA000, 0x37), start.Gdt);
        Assert.Equal(new X64DescriptorTable(0xB000, 0xFFF), start.Idt);
        Assert.Equal(0x8001_0031UL, start.Cr0);
        Assert.Equal(0x1_0000UL, start.Cr3);
        Assert.Equal(0x620UL, start.Cr4);
        Assert.Equal(0x500UL, start.Efer);
        PageWalker walker = new(Part(program, "page tables"), start.Cr3);
        Assert.Equal((0x1000UL, 0x87UL, 21), walker.Walk(0x1000));
        Assert.Equal(0xFEC0_0010UL, walker.Walk(0xFEC0_0010)?.Physical);
    }

    [Fact]
    public void LongMode_Gdt_HoldsTheSegmentsThatTheRegistersCache()
    {
        byte[] gdt = Part(GuestProgram.LongMode(static a => a.hlt()), "GDT");
        ulong[] expected =
        [
            0,
            0x00AF_9B00_0000_FFFF,
            0x00CF_9300_0000_FFFF,
            0x00CF_F300_0000_FFFF,
            0x00AF_FB00_0000_FFFF,
            0x0000_8B00_C000_0067,
            0,
        ];
        Assert.Equal(expected, expected.Select((_, i) => BitConverter.ToUInt64(gdt, i * 8)));
        Assert.Equal(expected.Length * 8, gdt.Length);
    }

    [Fact]
    public void LongMode_Level3_StartsInUserSegmentsWithIoPrivilege()
    {
        GuestProgram program = GuestProgram.LongMode(static a => a.nop(), new() { PrivilegeLevel = 3 });
        Assert.Equal(X64Segment.FlatCode(0x23, isLong: true), program.InitialSpecialRegisters.Cs);
        Assert.Equal(X64Segment.FlatData(0x1B), program.InitialSpecialRegisters.Ss);
        Assert.Equal(0x3002UL, program.InitialRegisters.Rflags);
        Assert.Equal([0, 0, 0, 0, 0x00, 0xA0, 0, 0, 0, 0, 0, 0], Part(program, "TSS")[..12]);
        PageWalker walker = new(Part(program, "page tables"), 0x1_0000);
        Assert.Equal(4UL, walker.Walk(0x1000)?.Entry & 4);
    }

    [Fact]
    public void LongMode_PagesOfOwn_AreUsedWithNoExecute()
    {
        PageTableBuilder tables = PageTableBuilder.Identity(1 << 21).Map(0x4000_0000, 0x10_0000, 0x1000, PageFlags.NoExecute);
        GuestProgram program = GuestProgram.LongMode(static a => a.hlt(), new() { PageTables = tables });
        Assert.Equal(0xD00UL, program.InitialSpecialRegisters.Efer);
        Assert.Equal(tables.Build(0x1_0000), Part(program, "page tables"));
    }

    [Fact]
    public void LongMode_Handlers_AreInTheInterruptTable()
    {
        GuestProgram program = GuestProgram.LongMode(static (a, marks) =>
        {
            a.sti();
            a.hlt();

            marks.Handler(0x20);
            marks.Symbol("tick");
            a.@out(0xE9, al);
            a.iretq();

            marks.Handler(0x0E, privilegeLevel: 0);
            a.hlt();
        });
        Assert.Equal(0x1002UL, program.Symbols["tick"]);
        Assert.Equal(0x1002UL, program.Symbols["handler_0x20"]);
        byte[] idt = Part(program, "IDT");
        Assert.Equal([0x02, 0x10, 0x08, 0, 0, 0xEE, 0, 0], idt[0x200..0x208]);
        Assert.Equal([0x06, 0x10, 0x08, 0, 0, 0x8E, 0, 0], idt[0xE0..0xE8]);
        Assert.Equal(new byte[16], idt[0x210..0x220]);
    }

    [Fact]
    public void Marks_UsedTwice_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => GuestProgram.RealMode(static (a, marks) =>
        {
            marks.Handler(3);
            a.iret();
            marks.Handler(3);
            a.iret();
        }));
        Assert.Throws<ArgumentOutOfRangeException>(() => GuestProgram.LongMode(static (_, marks) => marks.Handler(3, 4)));
    }

    [Fact]
    public void Program_WithoutInstructions_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => GuestProgram.RealMode(static _ => { }));
        Assert.Throws<ArgumentException>(() => GuestProgram.RealMode(static (_, marks) => marks.Symbol("nothing")));
        Assert.Throws<ArgumentException>(() => GuestProgram.Flat(default, GuestMode.Long));
    }

    [Fact]
    public void Flat_ImageAt1MiB_StartsAtItsEntryPoint()
    {
        GuestProgram program = GuestProgram.Flat(new byte[2], GuestMode.Protected, new() { CodeAddress = 0x10_0000 }, 0x10_0001);
        Assert.Equal(0x10_0000UL, program.LoadAddress);
        Assert.Equal(0x10_0001UL, program.InitialRegisters.Rip);
    }

    [Theory]
    [InlineData(0xFFFUL)]
    [InlineData(0x1002UL)]
    public void Flat_EntryPointOutsideTheImage_IsRefused(ulong entryPoint) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GuestProgram.Flat(new byte[2], GuestMode.Long, null, entryPoint));

    [Fact]
    public void Disassemble_ProgramWithMarks_ShowsAddressesBytesAndMarks()
    {
        GuestProgram program = GuestProgram.LongMode(static (a, marks) =>
        {
            a.mov(eax, 0x1234);
            marks.Handler(0x20);
            a.jmp(0x1000);
        });
        Assert.Equal(
            """
            0000000000001000  B834120000            mov eax,0x1234
            handler_0x20:
            0000000000001005  EBF9                  jmp short 0x0000000000001000

            """.ReplaceLineEndings("\n"),
            program.Disassemble());
        Assert.StartsWith("0000:1000  B048 ", Hello.Disassemble(), StringComparison.Ordinal);
    }

    private static byte[] Part(GuestProgram program, string name) => program.Parts.Single(part => part.Name == name).Bytes.ToArray();
}
