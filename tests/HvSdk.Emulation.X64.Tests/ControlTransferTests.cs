using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

public sealed class ControlTransferTests
{
    public static TheoryData<GuestMode> Modes => [GuestMode.Real, GuestMode.Protected, GuestMode.Long];

    private static GuestProgram Program(GuestMode mode, Action<Assembler, GuestMarks> body, GuestLayout? layout = null) => mode switch
    {
        GuestMode.Real => GuestProgram.RealMode(body, layout),
        GuestMode.Protected => GuestProgram.ProtectedMode(body, layout),
        _ => GuestProgram.LongMode(body, layout),
    };

    private static void Return(GuestMode mode, Assembler a)
    {
        switch (mode)
        {
            case GuestMode.Real:
                a.iret();
                break;
            case GuestMode.Protected:
                a.iretd();
                break;
            default:
                a.iretq();
                break;
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Int3AndIret_InEachMode_ReturnBehindIt(GuestMode mode)
    {
        // INT3 counts in BL; IRET comes back; then CL.
        var board = new TestBoard(Program(mode, (a, marks) =>
        {
            a.int3();
            a.mov(cl, 5);
            a.hlt();
            marks.Handler(3);
            a.inc(bl);
            Return(mode, a);
        }));

        X64Registers end = board.RunToHalt();

        Assert.Equal(1UL, end.Rbx);
        Assert.Equal(5UL, end.Rcx);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void DivideByZero_InEachMode_HandlerSeesTheInstruction(GuestMode mode)
    {
        // DIV by 0; the handler marks BL and halts.
        var board = new TestBoard(Program(mode, (a, marks) =>
        {
            a.xor(ecx, ecx);
            marks.Symbol("divide");
            a.div(cl);
            a.hlt();
            marks.Handler(0);
            a.mov(bl, 9);
            a.hlt();
        }));

        Assert.Equal(9UL, board.RunToHalt().Rbx);
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void InterruptFromUserCode_StackSwitchAndReturn_Work(GuestMode mode)
    {
        // At level 3: INT 0x30, whose handler notes its CS in RBX and returns; then HLT, which level 3 must not: #GP ends the program.
        var board = new TestBoard(Program(
            mode,
            (a, marks) =>
            {
                a.@int(0x30);
                a.mov(cl, 1);
                a.hlt();
                marks.Handler(0x30);
                a.mov(ebx, cs);
                Return(mode, a);
                marks.Handler(13);
                a.hlt();
            },
            new() { PrivilegeLevel = 3 }));

        X64Registers end = board.RunToHalt();

        Assert.Equal(GuestSelectors.KernelCode, end.Rbx);
        Assert.Equal(1UL, end.Rcx);
        Assert.Equal(GuestSelectors.KernelCode, board.State.SpecialRegisters.Cs.Selector);
    }

    [Fact]
    public void PageFault_NotPresent_ErrorCodeAndCr2()
    {
        // A write to an unmapped page; the handler pops the error code.
        var board = new TestBoard(GuestProgram.LongMode(
            (a, marks) =>
            {
                a.mov(__byte_ptr[0x7F_F123], al);
                marks.Handler(14);
                a.pop(rbx);
                a.mov(rcx, cr2);
                a.hlt();
            },
            new() { PageTables = PageTableBuilder.Identity(1UL << 30).Unmap(0x7F_F000, 0x1000) }));

        X64Registers end = board.RunToHalt();

        Assert.Equal(2UL, end.Rbx);
        Assert.Equal(0x7F_F123UL, end.Rcx);
    }

    [Fact]
    public void Fault_WithoutHandlers_IsShutdown()
    {
        // UD2 with an IDT that has no gate at all: #UD, then #DF, then shutdown.
        var board = new TestBoard(GuestProgram.LongMode(a => a.ud2()));

        Assert.Equal(X64EmulationResult.Shutdown, board.Run());
    }

    [Fact]
    public void Fault_WithADoubleFaultHandler_GoesThere()
    {
        // The stack lies on an unmapped page, so #UD cannot be pushed: page fault in its delivery is not a double fault, but the second is.
        var board = new TestBoard(GuestProgram.LongMode((a, marks) =>
        {
            a.xor(ecx, ecx);
            a.div(ecx);
            marks.Handler(8);
            a.pop(rbx);
            a.mov(al, 8);
            a.hlt();
        }));

        X64Registers end = board.RunToHalt();

        // #DE without a gate raises #GP or #NP: both contribute.
        Assert.Equal(8UL, end.Rax);
        Assert.Equal(0UL, end.Rbx);
    }

    [Fact]
    public void Exceptions_NotDelivered_AreReturnedAtTheInstruction()
    {
        var board = new TestBoard(GuestProgram.LongMode(a => a.ud2()), new() { DeliverExceptions = false });

        Assert.Equal(X64EmulationResult.Exception, board.Run());
        Assert.Equal(6, board.Emulator.Exception.Vector);
        Assert.Equal(0x1000UL, board.Registers.Rip);
        Assert.Equal([0x0F, 0x0B], board.Emulator.Instruction.ToArray());
    }

    [Fact]
    public void SyscallAndSysret_FromUserCode_GoAndComeBack()
    {
        // SYSCALL from level 3; the kernel counts and returns by SYSRET; then #GP at HLT ends it.
        GuestProgram program = GuestProgram.LongMode(
            (a, marks) =>
            {
                a.syscall();
                a.hlt();
                marks.Symbol("kernel");
                a.inc(ebx);
                a.sysretq();
                marks.Handler(13);
                a.mov(esi, __dword_ptr[rsp + 8]);
                a.hlt();
            },
            new() { PrivilegeLevel = 3 });
        var board = new TestBoard(program);
        board.Msrs[X64MsrIndex.Star] = 0x0013_0008_0000_0000;
        board.Msrs[X64MsrIndex.Lstar] = program.Symbols["kernel"];
        board.Msrs[X64MsrIndex.Fmask] = 0x200;
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Efer = board.State.SpecialRegisters.Efer | X64Efer.SyscallEnable };

        X64Registers end = board.RunToHalt();

        Assert.Equal(1UL, end.Rbx);
        Assert.Equal(0x1002UL, end.Rsi);
        Assert.Equal(0x1002UL, end.Rcx);
    }

    /// <summary>Level 3 sets TF and calls; the mask clears it, so the kernel is not stepped; its SYSRET brings TF back, and the next trap is before the instruction at its target.</summary>
    [Fact]
    public void TrapFlag_OverSyscallAndSysret_TrapsByTheNewFlags()
    {
        GuestProgram program = GuestProgram.LongMode(
            (a, marks) =>
            {
                a.syscall();
                a.mov(ecx, 7);
                a.hlt();
                marks.Symbol("kernel");
                a.inc(ebx);
                a.sysretq();
                marks.Handler(1);
                a.mov(rsi, __qword_ptr[rsp]);
                a.hlt();
            },
            new() { PrivilegeLevel = 3 });
        var board = new TestBoard(program);
        board.Msrs[X64MsrIndex.Star] = 0x0013_0008_0000_0000;
        board.Msrs[X64MsrIndex.Lstar] = program.Symbols["kernel"];
        board.Msrs[X64MsrIndex.Fmask] = 0x300;
        board.State.SpecialRegisters = board.State.SpecialRegisters with { Efer = board.State.SpecialRegisters.Efer | X64Efer.SyscallEnable };
        board.Registers = board.Registers with { Rflags = board.Registers.Rflags | 0x100 };

        X64Registers end = board.RunToHalt();

        Assert.Equal((1UL, 0x1002UL, 0x1002UL), (end.Rbx, end.Rsi, end.Rcx));
    }

    [Fact]
    public void TrapFlag_EachInstruction_RaisesADebugExceptionAfterIt()
    {
        // Sets TF by POPFQ; the two instructions behind it trap, then the handler clears TF in its frame.
        var board = new TestBoard(GuestProgram.LongMode((a, marks) =>
        {
            a.pushfq();
            a.or(__dword_ptr[rsp], 0x100);
            a.popfq();
            a.nop();
            a.nop();
            a.nop();
            a.hlt();
            marks.Handler(1);
            a.inc(ebx);
            a.mov(rdx, dr6);
            a.cmp(ebx, 2);
            Label more = a.CreateLabel();
            a.jb(more);
            a.and(__dword_ptr[rsp + 16], ~0x100);
            a.Label(ref more);
            a.iretq();
        }));

        X64Registers end = board.RunToHalt();

        Assert.Equal(2UL, end.Rbx);
        Assert.NotEqual(0UL, end.Rdx & 0x4000);
    }

    [Fact]
    public void Sti_NextInstruction_HasTheShadow()
    {
        var board = new TestBoard(GuestProgram.LongMode(a =>
        {
            a.sti();
            a.nop();
            a.hlt();
        }));

        board.Step();
        Assert.Equal(X64InterruptShadow.Sti, board.State.InterruptShadow);
        board.Step();
        Assert.Equal(X64InterruptShadow.None, board.State.InterruptShadow);
    }

    [Fact]
    public void ModeSwitch_RealToLong_ByTheGuestItself()
    {
        // Real mode: loads GDT, sets PAE, CR3, LME, PG and PE at once, jumps far into 64-bit code.
        GuestProgram program = GuestProgram.RealMode(a =>
        {
            a.lgdt(__[0x5000]);
            a.mov(eax, cr4);
            a.or(eax, 0x20);
            a.mov(cr4, eax);
            a.mov(eax, 0x1_0000);
            a.mov(cr3, eax);
            a.mov(ecx, 0xC000_0080);
            a.mov(eax, 0x100);
            a.xor(edx, edx);
            a.wrmsr();
            a.mov(eax, 0x8000_0011);
            a.mov(cr0, eax);
            a.db(0xEA, 0x00, 0x60, 0x08, 0x00);
        });
        GuestProgram other = GuestProgram.LongMode(a =>
        {
            a.mov(rax, 0x1122_3344_5566_7788);
            a.hlt();
        });
        var board = new TestBoard(program);
        foreach (GuestImagePart part in other.Parts)
        {
            if (part.Name != "code")
            {
                part.Bytes.Span.CopyTo(board.Ram.AsSpan((int)part.Address));
            }
        }

        other.Code.Span.CopyTo(board.Ram.AsSpan(0x6000));
        board.Write(0x5000, 2, 0x37);
        board.Write(0x5002, 4, GuestLayout.DefaultGdtAddress);

        Assert.Equal(0x1122_3344_5566_7788UL, board.RunToHalt().Rax);
        Assert.NotEqual(0UL, board.State.SpecialRegisters.Efer & X64Efer.LongModeActive);
    }
}
