using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that waits, and guests that cannot go on.</summary>
[X64Only("HLT and the triple fault are x86's; Arm64WaitTests has WFI, and nothing on AArch64 shuts a processor down.")]
public sealed class HaltAndShutdownTests
{
    [Theory]
    [InlineData(GuestMode.Real)]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Hlt_WithoutInterruptController_LeavesAndGoesOnBehind(GuestMode mode)
    {
        // HLT; HLT.
        using var machine = new TestMachine(GuestProgram.Flat(new byte[] { 0xF4, 0xF4 }, mode));

        machine.RunOnce(VcpuExitKind.Halt);
        Assert.Equal(GuestLayout.DefaultCodeAddress + 1, machine.Registers.Rip);
        machine.RunOnce(VcpuExitKind.Halt);
        Assert.Equal(GuestLayout.DefaultCodeAddress + 2, machine.Registers.Rip);

        Assert.Equal(2, machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Halt));
    }

    [Fact]
    public void TripleFault_InLongMode_LeavesWithShutdown()
    {
        // An invalid opcode, whose interrupt table holds no handler, nor one for the faults that follow.
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.ud2()));

        machine.RunOnce(VcpuExitKind.Shutdown);
    }

    [Fact]
    public void TripleFault_InProtectedMode_LeavesWithShutdown()
    {
        // A page fault, or a general protection fault, without a table.
        using var machine = new TestMachine(GuestProgram.ProtectedMode(static a =>
        {
            a.mov(edi, (uint)Guest.Buffer);
            a.lidt(__[edi]);
            a.ud2();
        }));

        machine.RunOnce(VcpuExitKind.Shutdown);
    }

    [Fact]
    public void TripleFault_FromCpl3_LeavesWithShutdown()
    {
        // HLT is not allowed at level 3, and nothing handles the fault.
        using var machine = new TestMachine(Guest.Long(3, static a => a.hlt()));

        machine.RunOnce(VcpuExitKind.Shutdown);
    }

    [Fact]
    public void Shutdown_AfterIt_AnotherProgramRuns()
    {
        using var machine = new TestMachine(GuestProgram.LongMode(static a => a.ud2()));
        machine.RunOnce(VcpuExitKind.Shutdown);

        // The same vCPU with all registers set anew.
        GuestProgram second = GuestProgram.LongMode(static a => a.hlt());
        second.LoadInto(machine.Memory);
        second.Start(machine.Vcpu);

        machine.RunOnce(VcpuExitKind.Halt);
    }
}
