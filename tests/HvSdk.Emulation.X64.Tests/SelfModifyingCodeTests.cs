using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Code that is written while it runs: what is executed next is what lies there then (Intel SDM vol. 3A, 8.1.3 and 11.6).</summary>
public sealed class SelfModifyingCodeTests
{
    [Fact]
    public void NextInstruction_Replaced_IsTheNewOne()
    {
        // Replaces the MOV behind it, in the same block: EAX gets 2 and not 1.
        var board = new TestBoard(GuestProgram.LongMode(a => Patch(a, static (a, _) => a.mov(__byte_ptr[rdi + 1], 2))));

        Assert.Equal(2UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void Loop_RewritesItself_EachRoundIsNew()
    {
        // Each round raises the immediate of the ADD it then executes: 1 + 2 + ... + 10.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Label patch = a.CreateLabel();
            Label again = a.CreateLabel();
            a.lea(rdi, __[patch]);
            a.mov(ecx, 10);
            a.Label(ref again);
            a.inc(__byte_ptr[rdi + 2]);
            a.Label(ref patch);
            a.add(ebx, 0);
            a.dec(ecx);
            a.jne(again);
            a.hlt();
        }));

        Assert.Equal(55UL, board.RunToHalt().Rbx);
    }

    [Fact]
    public void Code_ChangedFromOutside_IsSeenAtTheNextBlock()
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.inc(eax);
            a.jmp(again);
        }));
        board.Step(10);
        board.Write(0x1000, 1, 0xF4);

        Assert.Equal(X64EmulationResult.Halted, board.Step(10));
    }

    public static TheoryData<string> Writers => ["push", "xchg", "lock cmpxchg", "cmpxchg8b", "movups", "rep movsb", "insb", "bts"];

    [Theory]
    [MemberData(nameof(Writers))]
    public void NextInstruction_ReplacedByAnyWrite_IsTheNewOne(string writer)
    {
        // B8 imm32 becomes B8 02 00 00 00, each time by another kind of write.
        byte[] image = [0xB8, 2, 0, 0, 0, 0xF4, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];
        var board = new TestBoard(GuestProgram.LongMode(a => Patch(a, (a, _) =>
        {
            switch (writer)
            {
                case "push":
                    a.lea(rsp, __[rdi + 8]);
                    a.push(__qword_ptr[0x2_0000]);
                    break;
                case "xchg":
                    a.mov(eax, __dword_ptr[0x2_0000]);
                    a.xchg(__dword_ptr[rdi], eax);
                    break;
                case "lock cmpxchg":
                    a.mov(ecx, __dword_ptr[0x2_0000]);
                    a.mov(eax, __dword_ptr[rdi]);
                    a.@lock.cmpxchg(__dword_ptr[rdi], ecx);
                    break;
                case "cmpxchg8b":
                    a.mov(ebx, __dword_ptr[0x2_0000]);
                    a.mov(ecx, __dword_ptr[0x2_0004]);
                    a.mov(eax, __dword_ptr[rdi]);
                    a.mov(edx, __dword_ptr[rdi + 4]);
                    a.@lock.cmpxchg8b(__qword_ptr[rdi]);
                    break;
                case "movups":
                    a.movups(xmm0, __xmmword_ptr[0x2_0000]);
                    a.movups(__xmmword_ptr[rdi], xmm0);
                    break;
                case "rep movsb":
                    a.mov(esi, 0x2_0000);
                    a.mov(ecx, 16);
                    a.rep.movsb();
                    break;
                case "insb":
                    a.inc(rdi);
                    a.mov(dx, 0x60);
                    a.insb();
                    break;
                default:
                    a.inc(rdi);
                    a.mov(eax, 1);
                    a.btr(__dword_ptr[rdi], 0);
                    a.bts(__dword_ptr[rdi], eax);
                    break;
            }
        })));
        image.CopyTo(board.Ram, 0x2_0000);
        board.Device = static (_, _) => 2;
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Cr4 = board.State.SpecialRegisters.Cr4 | (1 << 9) }; // OSFXSR

        Assert.Equal(2UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void NextInstruction_ReplacedThroughAnAlias_IsTheNewOne()
    {
        // The page of the code is mapped at 0x600000 too, and written there.
        PageTableBuilder tables = PageTableBuilder.Identity(1UL << 22);
        tables.Map(0x60_0000, 0x1000, 0x1000, PageFlags.Writable);
        var board = new TestBoard(GuestProgram.LongMode(
            a => Patch(a, static (a, _) =>
            {
                a.add(rdi, 0x60_0000 - 0x1000);
                a.mov(__byte_ptr[rdi + 1], 2);
            }),
            new() { PageTables = tables }));

        Assert.Equal(2UL, board.RunToHalt().Rax);
    }

    [Fact]
    public void InstructionAcrossPages_ItsEndReplacedThroughAnAlias_IsTheNewOne()
    {
        // MOV EAX begins in the last byte of a page; its immediate lies in the next one, which 0x600000 shows too. It runs twice.
        PageTableBuilder tables = PageTableBuilder.Identity(1UL << 22);
        tables.Map(0x60_0000, 0x3000, 0x1000, PageFlags.Writable);
        var board = new TestBoard(GuestProgram.LongMode(
            a =>
            {
                a.mov(edi, 0x60_0000);
                a.mov(ebx, 0x2FFF);
                a.call(rbx);
                a.mov(esi, eax);
                a.mov(__byte_ptr[rdi], 2);
                a.call(rbx);
                a.hlt();
            },
            new() { PageTables = tables }));
        new byte[] { 0xB8, 1, 0, 0, 0, 0xC3 }.CopyTo(board.Ram, 0x2FFF);

        X64Registers end = board.RunToHalt();

        Assert.Equal((1UL, 2UL), (end.Rsi, end.Rax));
    }

    [Theory]
    [InlineData(0x2000, "rep stosb over itself in the middle of a page")]
    [InlineData(0x2FFF, "rep stosb that lies in two pages")]
    public void Repeat_OverwritesItself_EndsWithTheRoundThatDoes(int place, string what)
    {
        // REP STOSB of HLT over 64 bytes, of which the third is its own first: then HLT lies at RIP.
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(edi, place - 2);
            a.mov(ecx, 64);
            a.mov(al, 0xF4);
            a.jmp((ulong)place);
        }));
        new byte[] { 0xF3, 0xAA }.CopyTo(board.Ram, place);

        X64Registers end = board.RunToHalt();

        Assert.True((ulong)place + 1 == end.Rip, what);
        Assert.Equal((61UL, (ulong)place + 1), (end.Rcx, end.Rdi));
        Assert.Equal(0xAAUL, board.Read((ulong)place + 1, 1));
    }

    [Fact]
    public void Repeat_MovesOverItself_EndsWithTheRoundThatDoes()
    {
        // REP MOVSB of HLTs upwards over itself; source and target are far from each other.
        const ulong place = 0x2040;
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.mov(esi, 0x2_0000);
            a.mov(edi, (int)place - 16);
            a.mov(ecx, 64);
            a.jmp(place);
        }));
        new byte[] { 0xF3, 0xA4 }.CopyTo(board.Ram, (int)place);
        board.Ram.AsSpan(0x2_0000, 64).Fill(0xF4);

        X64Registers end = board.RunToHalt();

        Assert.Equal((64UL - 17, place + 1), (end.Rcx, end.Rip));
    }

    [Fact]
    public void Code_InAPageTable_TheAccessedBitIsSeenByTheNextInstruction()
    {
        // The second of the two page directories' entries is the immediate of a MOV, in the same block as the access that sets its accessed bit.
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop(), new() { IdentityMappedSize = 1UL << 30 }));
        ulong root = board.State.SpecialRegisters.Cr3 & ~0xFFFUL;
        ulong pointers = board.Read(root, 8) & ~0xFFFUL;
        const ulong entry = 0xE7; // what MOV loads: the page of 2 MiB at 0, large, dirty, writable, user, accessed
        const int code = 0x3FEB;

        // mov al, [rbx] (3 bytes with a NOP); mov rax, imm64, whose immediate is the entry at 0x3FF0; hlt.
        new byte[] { 0x90, 0x8A, 0x03, 0x48, 0xB8 }.CopyTo(board.Ram, code);
        board.Write(0x3FF0, 8, entry & ~0x20UL);
        board.Write(0x3FF8, 1, 0xF4);
        board.Write(pointers + 8, 8, 0x3000 | 7);
        board.Registers = board.Registers with { Rip = code, Rbx = (1UL << 30) + (0x1FEUL << 21) };

        Assert.Equal(entry, board.RunToHalt().Rax);
    }

    [Fact]
    public void RealMode_NextInstructionReplaced_IsTheNewOne()
    {
        var board = new TestBoard(GuestProgram.RealMode(a =>
        {
            a.mov(__byte_ptr[0x1006], 2); // five bytes; the MOV lies behind it
            a.mov(ax, 1);
            a.hlt();
        }));

        Assert.Equal(2UL, board.RunToHalt().Rax);
    }

    /// <summary>What is given, with RDI at the MOV EAX, 1 that follows it; then HLT, with room behind it.</summary>
    private static void Patch(Assembler a, Action<Assembler, Label> writer)
    {
        Label target = a.CreateLabel();
        a.lea(rdi, __[target]);
        writer(a, target);
        a.Label(ref target);
        a.mov(eax, 1);
        a.hlt();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
        a.nop();
    }
}
