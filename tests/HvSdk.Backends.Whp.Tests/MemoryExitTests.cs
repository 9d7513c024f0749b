using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Memory exits, whose instructions the emulator completes.</summary>
public sealed class MemoryExitTests
{
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;
    private const ulong Mmio = 0xC0000;

    [Fact]
    public void MmioWrite_WithoutInstructionBytes_IsCompletedByTheEmulator()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA3, 0x00, 0x00); // mov [0], ax
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.Processor[Rax] = 0x1234;
        machine.ThenMemory(Mmio, WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.MmioWrite, exit.Kind);
        Assert.Equal(Mmio, exit.Address);
        Assert.Equal("3412", Convert.ToHexString(exit.Data));
        machine.Processor.Writes.Clear();
        machine.Vcpu.RunOnce();

        Assert.Equal([Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(Start + 3, machine.Processor[Rip]);
    }

    [Fact]
    public void MmioRead_Answered_GoesToTheRegister()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x00); // mov ax, [0]
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.Processor[Rax] = 0xFFFF_0000;
        machine.ThenMemory(Mmio).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0xBEEF);
        machine.Vcpu.RunOnce();

        Assert.Equal(0xFFFF_BEEFUL, machine.Processor[Rax]);
    }

    [Fact]
    public void MmioAccess_FromTheEndOfRam_IsSharedBetweenRamAndDevice()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x66, 0xA3, 0xFF, 0xEF, 0x66, 0xA1, 0xFF, 0xEF); // mov [0xEFFF], eax; mov eax, [0xEFFF]
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0x100)) };
        machine.Processor[Rax] = 0x4433_2211;
        machine.ThenMemory(FakeMachine.RamSize, WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite)
            .ThenMemory(FakeMachine.RamSize)
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.MmioWrite, FakeMachine.RamSize), (exit.Kind, exit.Address));
        Assert.Equal("223344", Convert.ToHexString(exit.Data));
        exit = machine.Vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.MmioRead, FakeMachine.RamSize), (exit.Kind, exit.Address));
        exit.SetValue(0x99_8877);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x9988_7711UL, machine.Processor[Rax]);
        Assert.Equal(Start + 8, machine.Processor[Rip]);
    }

    [Fact]
    public void MemoryExit_OfMappedRam_IsPopulatedOnceAndThenEmulated()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x30); // mov ax, [0x3000]
        machine.Partition.Memory.Write<ushort>(0x3000, 0x4242);
        machine.ThenMemory(0x3000, isUnmapped: false).ThenMemory(0x3000, isUnmapped: false).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal([0x3000UL], machine.Platform.Populated);
        Assert.Equal(0x4242UL, machine.Processor[Rax]);
    }

    [Fact]
    public void MmioExit_RipMovedMeanwhile_GivesTheInstructionUp()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x00);
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.ThenMemory(Mmio).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0xBEEF);
        machine.Vcpu.X64.SetRegisters(machine.Vcpu.X64.GetRegisters() with { Rip = 0x5000, Rax = 7 });
        Assert.Equal(0x5000UL, machine.Vcpu.X64.GetRegisters().Rip);
        machine.Vcpu.RunOnce();

        Assert.Equal(0x5000UL, machine.Processor[Rip]);
        Assert.Equal(7UL, machine.Processor[Rax]);
    }
}
