using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Accesses to model-specific registers that leave the guest by the partition's choice.</summary>
[X64Only("MSRs are x86's; Arm64SystemRegisterTests has system registers.")]
public sealed class MsrExitTests
{
    private const uint Unknown = 0x1234_5678;
    private const ulong Value = 0x1122_3344_5566_7788;
    private const byte GeneralProtection = 13;
    private const ulong SawFault = 0xDEAD;

    [Theory]
    [InlineData(Unknown)]
    [InlineData(X64MsrIndex.Lstar)]
    public void Read_OfChosen_IsAnsweredWithValue(uint index)
    {
        using TestMachine machine = Reader(index, Choose(index));

        VcpuExit exit = machine.RunOnce(VcpuExitKind.RegisterRead);
        Assert.Equal(index, exit.RegisterIndex);
        Assert.Equal(8, exit.Size);
        exit.SetValue(Value);
        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal((Value >> 32, Value & uint.MaxValue), (machine.Registers.Rdx, machine.Registers.Rax));
        Assert.Equal(0UL, machine.Registers.Rbx);
    }

    [Theory]
    [InlineData(Unknown)]
    [InlineData(X64MsrIndex.Lstar)]
    public void Write_OfChosen_LeavesWithValueAndChangesNothing(uint index)
    {
        using TestMachine machine = Writer(index, Choose(index));
        machine.Vcpu.X64.SetMsr(X64MsrIndex.Lstar, 0x5000);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.RegisterWrite);
        Assert.Equal(index, exit.RegisterIndex);
        Assert.Equal(Value, exit.Value);
        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(0UL, machine.Registers.Rbx);
        Assert.Equal(0x5000UL, machine.Vcpu.X64.GetMsr(X64MsrIndex.Lstar));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Fault_OfChosen_GivesGeneralProtection(bool isWrite)
    {
        using TestMachine machine = isWrite ? Writer(Unknown, Choose(Unknown)) : Reader(Unknown, Choose(Unknown));

        machine.RunOnce(isWrite ? VcpuExitKind.RegisterWrite : VcpuExitKind.RegisterRead).Fault();
        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(SawFault, machine.Registers.Rbx);
    }

    [Fact]
    public void Filter_OfReadsAlone_LetsWritesPass()
    {
        // Writes the register, and then reads it.
        using var machine = new TestMachine(
            GuestProgram.LongMode(a =>
            {
                a.mov(ecx, X64MsrIndex.Star);
                a.mov(eax, 0x55);
                a.xor(edx, edx);
                a.wrmsr();
                a.rdmsr();
                a.hlt();
            }),
            static options => options.X64.MsrExits.Add(new X64MsrRange(X64MsrIndex.Star, 1, X64MsrAccess.Read)));

        machine.RunOnce(VcpuExitKind.RegisterRead).SetValue(0x66);
        Assert.Equal(0x55UL, machine.Vcpu.X64.GetMsr(X64MsrIndex.Star));
        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(0x66UL, machine.Registers.Rax);
    }

    [Fact]
    public void Filter_OfRanges_LeavesAtTheirEndsAndNotBeyond()
    {
        uint[] indexes = [0x1234_0000, 0x1234_2FFF, 0x1234_3000, X64MsrIndex.Star, X64MsrIndex.Lstar];

        // Reads the registers one after the other; #GP skips the instruction.
        using var machine = new TestMachine(
            GuestProgram.LongMode((a, marks) =>
            {
                foreach (uint index in indexes)
                {
                    a.mov(ecx, index);
                    a.rdmsr();
                }

                a.hlt();
                marks.Handler(GeneralProtection);
                a.inc(ebx);
                a.add(rsp, 8);
                a.add(__qword_ptr[rsp], 2);
                a.pop(rax);
                a.add(rsp, 16);
                a.pop(rsp);
                a.jmp(rax);
            }),
            static options =>
            {
                options.X64.MsrExits.Add(new X64MsrRange(0x1234_0000, 0x3000));
                options.X64.MsrExits.Add(new X64MsrRange(X64MsrIndex.Lstar, 1));
            });
        var seen = new List<uint>();

        VcpuExit exit;
        while ((exit = machine.RunOnce()).Kind == VcpuExitKind.RegisterRead)
        {
            seen.Add(exit.RegisterIndex);
        }

        Assert.Equal(VcpuExitKind.Halt, exit.Kind);
        Assert.Equal([0x1234_0000, 0x1234_2FFF, X64MsrIndex.Lstar], seen);
        Assert.Equal(1UL, machine.Registers.Rbx);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void UnknownMsr_WithoutChoice_GivesGeneralProtection(bool isWrite)
    {
        using TestMachine machine = isWrite ? Writer(Unknown, null) : Reader(Unknown, null);

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(SawFault, machine.Registers.Rbx);
    }

    [Fact]
    public void UnknownMsr_WithExit_IsAnswered()
    {
        using TestMachine reader = Reader(Unknown, static options => options.X64.ExitOnUnknownMsr = true);
        using TestMachine writer = Writer(Unknown, static options => options.X64.ExitOnUnknownMsr = true);

        reader.RunOnce(VcpuExitKind.RegisterRead).SetValue(Value);
        reader.RunOnce(VcpuExitKind.Halt);
        Assert.Equal(Value, writer.RunOnce(VcpuExitKind.RegisterWrite).Value);
        writer.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(Value & uint.MaxValue, reader.Registers.Rax);
        Assert.Equal((0UL, 0UL), (reader.Registers.Rbx, writer.Registers.Rbx));
    }

    [Fact]
    public void Run_AtChosenMsr_EndsAndHandlerMayAnswer()
    {
        using TestMachine machine = Reader(Unknown, Choose(Unknown));
        var handler = default(AnswerRegisters);

        machine.Run(ref handler, VcpuExitKind.Halt);
        Assert.Equal(0x77UL, machine.Registers.Rax);

        using TestMachine other = Reader(Unknown, Choose(Unknown));
        other.Run(VcpuExitKind.RegisterRead);
    }

    private static Action<PartitionOptions> Choose(uint index) => options => options.X64.MsrExits.Add(new X64MsrRange(index, 1));

    private static TestMachine Reader(uint index, Action<PartitionOptions>? configure) =>
        // Reads the register; RBX tells whether that faulted.
        new(GuestProgram.LongMode((a, marks) => WithFaultHandler(a, marks, index, static a => a.rdmsr())), configure);

    private static TestMachine Writer(uint index, Action<PartitionOptions>? configure) =>
        // Writes the register; RBX tells whether that faulted.
        new(
            GuestProgram.LongMode((a, marks) =>
            {
                a.mov(eax, unchecked((uint)Value));
                a.mov(edx, (uint)(Value >> 32));
                WithFaultHandler(a, marks, index, static a => a.wrmsr());
            }),
            configure);

    private static void WithFaultHandler(Assembler a, GuestMarks marks, uint index, Action<Assembler> access)
    {
        a.mov(ecx, index);
        access(a);
        a.hlt();
        marks.Handler(GeneralProtection);
        a.mov(ebx, (uint)SawFault);
        a.hlt();
    }

    private readonly struct AnswerRegisters : IVcpuHandler
    {
        public ExitDisposition Handle(in VcpuExit exit)
        {
            if (exit.Kind != VcpuExitKind.RegisterRead)
            {
                return ExitDisposition.NotHandled;
            }

            exit.SetValue(0x77);
            return ExitDisposition.Handled;
        }
    }
}
