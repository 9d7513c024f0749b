using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Port exits, decoded and completed: what the caller sees, what the platform gets back.</summary>
public sealed class PortExitTests
{
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rdx = WHV_REGISTER_NAME.WHvX64RegisterRdx;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;

    [Theory]
    [InlineData(1, 0x1122_3344_5566_7788, 0x1122_3344_5566_77AB)]
    [InlineData(2, 0x1122_3344_5566_7788, 0x1122_3344_5566_CDAB)]
    [InlineData(4, 0x1122_3344_5566_7788, 0x0000_0000_1201_CDAB)]
    public void PortRead_Answered_MergesAsTheProcessorDoesInOneCall(uint size, ulong before, ulong after)
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xEC);
        machine.Processor[Rax] = before;
        machine.ThenPort(isWrite: false, 0x60, size).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortRead, exit.Kind);
        Assert.Equal(0x60, exit.Port);
        Assert.Equal((int)size, exit.Size);
        exit.SetValue(0x1201_CDAB);
        machine.Processor.Writes.Clear();
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal([Rax, Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(after, machine.Processor[Rax]);
        Assert.Equal(Start + 1, machine.Processor[Rip]);
    }

    [Fact]
    public void PortWrite_Seen_AdvancesRipAlone()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xE6, 0x80);
        machine.Processor[Rax] = 0x5A;
        machine.ThenPort(isWrite: true, 0x80, 1, length: 2).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
        Assert.Equal("5A", Convert.ToHexString(exit.Data));
        machine.Processor.Writes.Clear();
        machine.Vcpu.RunOnce();

        Assert.Equal([Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(Start + 2, machine.Processor[Rip]);
    }

    [Fact]
    public void PortString_OfTwoItems_IsOneAccessAtATime()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xF3, 0x6C); // rep insb
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRcx] = 2;
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRdi] = 0x2000;
        machine.Processor[Rdx] = 0x60;
        machine.ThenPort(isWrite: false, 0x60, 1, length: 2, isString: true)
            .ThenPort(isWrite: false, 0x60, 1, length: 2, isString: true)
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0x11);
        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortRead, exit.Kind);
        exit.SetValue(0x22);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x2211, machine.Partition.Memory.Read<ushort>(0x2000));
        Assert.Equal(Start + 2, machine.Processor[Rip]);
        Assert.Equal(0UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRcx]);
        Span<ulong> pages = [0];
        machine.Ram.CollectDirtyPages(pages);
        Assert.True(DirtyPageBitmap.Contains(pages, 2), "The emulator has written the page for the guest.");
    }
}
